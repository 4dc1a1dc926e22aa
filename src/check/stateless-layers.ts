/**
 * The library's modules without state that behave the same in training
 * and evaluation: creating one again does not change results.
 */

const STATELESS: ReadonlySet<string> = new Set([
  ...["CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU"],
  ...["LogSigmoid", "LogSoftmax", "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d"],
  ...["Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold"],
  ...["AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "LPPool", "MaxPool", "MaxUnpool"].flatMap(overAxes),
  ...["CircularPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "ZeroPad"].flatMap(overAxes),
  ...["ChannelShuffle", "Fold", "PixelShuffle", "PixelUnshuffle", "Unfold"],
  ...["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"],
  ...["CosineSimilarity", "LocalResponseNorm", "PairwiseDistance"],
  ...["Flatten", "Identity", "Unflatten"],
]);

/** The names of a layer for signals, images and volumes. */
function overAxes(name: string): string[] {
  return [1, 2, 3].map((axes) => `${name}${axes}d`);
}

/** Whether `nn.name` is such a module; losses are, too, except for one that contains layers. */
export const isStateless = (name: string): boolean =>
  STATELESS.has(name) || (name.endsWith("Loss") && name !== "AdaptiveLogSoftmaxWithLoss");
