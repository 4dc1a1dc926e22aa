/** The layers' computations as functions (`F`), with PyTorch's argument order and defaults. */

export { pdist } from "../../tensor/distances.ts";
export {
  type Approximate,
  celu,
  type ELUOptions,
  elu,
  type GELUOptions,
  gelu,
  glu,
  type HardtanhOptions,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  type LeakyReLUOptions,
  leakyRelu,
  logSoftmax,
  logsigmoid,
  mish,
  prelu,
  relu,
  relu6,
  type ShrinkOptions,
  type SoftplusOptions,
  selu,
  sigmoid,
  silu,
  softmax,
  softmin,
  softplus,
  softshrink,
  softsign,
  tanh,
  tanhshrink,
  threshold,
} from "./activation.ts";
export { type AttentionOptions, scaledDotProductAttention } from "./attention.ts";
export * from "./batch-norm.ts";
export * from "./channels.ts";
export {
  type ConvolutionOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  type TransposedConvolutionOptions,
} from "./convolution.ts";
export {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type NormalizeOptions,
  normalize,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from "./distance.ts";
export {
  alphaDropout,
  type DropoutOptions,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
} from "./dropout.ts";
export { embedding, type LookupOptions } from "./embedding.ts";
export { type BagMode, type EmbeddingBagOptions, embeddingBag } from "./embedding-bag.ts";
export { fold, type UnfoldOptions, unfold } from "./fold.ts";
export {
  type FractionalPoolOptions,
  fractionalMaxPool2d,
  fractionalMaxPool3d,
} from "./fractional-pooling.ts";
export {
  affineGrid,
  type GridSampleMode,
  type GridSampleOptions,
  type GridSamplePadding,
  gridSample,
} from "./grid-sample.ts";
export * from "./instance-norm.ts";
export {
  type InterpolateOptions,
  type InterpolationMode,
  interpolate,
  type UpsampleOptions,
} from "./interpolation.ts";
export * from "./linear.ts";
export * from "./loss.ts";
export {
  type MultiHeadAttentionForwardOptions,
  type MultiheadAttentionCall,
  multiHeadAttentionForward,
} from "./multi-head-attention.ts";
export * from "./normalization.ts";
export { oneHot } from "./one-hot.ts";
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  maxPool1d,
  maxPool2d,
} from "./pooling.ts";
export * from "./pooling-volumes.ts";
export { type LPPoolOptions, lpPool1d, lpPool2d, lpPool3d } from "./power-pooling.ts";
export {
  type GumbelSoftmaxOptions,
  gumbelSoftmax,
  type RReLUOptions,
  rrelu,
} from "./random-activation.ts";
export * from "./shape.ts";
export { maxUnpool1d, maxUnpool2d, maxUnpool3d, type UnpoolOptions } from "./unpooling.ts";
export * from "./volumes.ts";
