/** Everything under the name `nn`. */

export type { KeyDifference } from "../tensor/copy-by-name.ts";
export type { ZeroGradOptions } from "../tensor/zero-grad.ts";
export * as utils from "./aids.ts";
export { isModule, isParameter } from "./brand.ts";
export { Buffer, type BufferOptions } from "./buffer.ts";
export type {
  Approximate,
  AttentionOptions,
  AveragePool3dOptions,
  BagMode,
  BatchNormOptions,
  BCEWithLogitsLossOptions,
  ConvolutionOptions,
  CosineSimilarityOptions,
  CrossEntropyOptions,
  CTCLossOptions,
  DistanceFunction,
  DropoutOptions,
  ELUOptions,
  EmbeddingBagOptions,
  FractionalPoolOptions,
  GaussianNLLLossOptions,
  GELUOptions,
  GridSampleMode,
  GridSampleOptions,
  GridSamplePadding,
  GumbelSoftmaxOptions,
  HardtanhOptions,
  HuberLossOptions,
  InstanceNormOptions,
  InterpolateOptions,
  InterpolationMode,
  KLDivLossOptions,
  KLReduction,
  LeakyReLUOptions,
  Lengths,
  LookupOptions,
  LPPoolOptions,
  MarginLossOptions,
  MultiHeadAttentionForwardOptions,
  MultiheadAttentionCall,
  MultiMarginLossOptions,
  NLLLossOptions,
  NormalizeOptions,
  PairwiseDistanceOptions,
  PoissonNLLLossOptions,
  RReLUOptions,
  ShrinkOptions,
  SmoothL1LossOptions,
  SoftplusOptions,
  TransposedConvolutionOptions,
  TripletMarginLossOptions,
  TripletMarginWithDistanceLossOptions,
  UnfoldOptions,
  UnpoolOptions,
  UpsampleOptions,
} from "./functional/index.ts";
export * as functional from "./functional/index.ts";
export type { ForwardHook, ForwardPreHook, HookOptions } from "./hooks.ts";
export type { Initializer } from "./init.ts";
export * as init from "./init.ts";
export {
  CELU,
  ELU,
  GELU,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  Mish,
  PReLU,
  type PReLUOptions,
  ReLU,
  ReLU6,
  RReLU,
  type RReLULayerOptions,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  type SoftmaxOptions,
  Softplus,
  Softsign,
  Tanh,
} from "./layers/activation.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  type AdaptiveMaxPoolArguments,
  type AdaptivePool2dArguments,
  type AdaptivePoolArguments,
} from "./layers/adaptive-pooling.ts";
export {
  AdaptiveLogSoftmaxWithLoss,
  type AdaptiveSoftmaxArguments,
  type AdaptiveSoftmaxOptions,
  type AdaptiveSoftmaxOutput,
} from "./layers/adaptive-softmax.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormArguments,
  type BatchNormSettings,
} from "./layers/batch-norm.ts";
export { Bilinear, type BilinearArguments, type BilinearOptions } from "./layers/bilinear.ts";
export { ChannelShuffle, PixelShuffle, PixelUnshuffle } from "./layers/channels.ts";
export {
  ConvTranspose1d,
  type ConvTranspose1dArguments,
  type ConvTranspose1dOptions,
} from "./layers/conv-transpose1d.ts";
export {
  ConvTranspose2d,
  type ConvTranspose2dArguments,
  type ConvTranspose2dOptions,
} from "./layers/conv-transpose2d.ts";
export {
  ConvTranspose3d,
  type ConvTranspose3dArguments,
  type ConvTranspose3dOptions,
} from "./layers/conv-transpose3d.ts";
export { Conv1d, type Conv1dArguments, type Conv1dOptions } from "./layers/conv1d.ts";
export { Conv2d, type Conv2dArguments, type Conv2dOptions } from "./layers/conv2d.ts";
export { Conv3d, type Conv3dArguments, type Conv3dOptions } from "./layers/conv3d.ts";
export type { PaddingMode } from "./layers/convolution.ts";
export { CosineSimilarity, PairwiseDistance } from "./layers/distance.ts";
export {
  AlphaDropout,
  Dropout,
  Dropout1d,
  Dropout2d,
  Dropout3d,
  type DropoutArguments,
  FeatureAlphaDropout,
} from "./layers/dropout.ts";
export {
  Embedding,
  type EmbeddingArguments,
  type EmbeddingOptions,
  type PretrainedOptions,
} from "./layers/embedding.ts";
export { EmbeddingBag, type EmbeddingBagArguments } from "./layers/embedding-bag.ts";
export { Fold, type FoldArguments, Unfold, type UnfoldArguments } from "./layers/fold.ts";
export {
  type FractionalLayerOptions,
  FractionalMaxPool2d,
  FractionalMaxPool3d,
  type FractionalPoolArguments,
} from "./layers/fractional-pooling.ts";
export { GroupNorm, type GroupNormArguments, type GroupNormOptions } from "./layers/group-norm.ts";
export {
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormArguments,
  type InstanceNormSettings,
} from "./layers/instance-norm.ts";
export { LayerNorm, type LayerNormArguments, type LayerNormOptions } from "./layers/layer-norm.ts";
export { Linear, type LinearArguments, type LinearOptions } from "./layers/linear.ts";
export { ModuleDict, type ModulesByName } from "./layers/module-dict.ts";
export { ModuleList } from "./layers/module-list.ts";
export {
  MultiheadAttention,
  type MultiheadAttentionArguments,
  type MultiheadAttentionOptions,
} from "./layers/multihead-attention.ts";
export {
  CircularPad1d,
  CircularPad2d,
  CircularPad3d,
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  type ConstantPadArguments,
  type PaddingArguments,
  type PaddingSides,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
} from "./layers/padding.ts";
export { ParameterDict, ParameterList, type ParametersByName } from "./layers/parameter-list.ts";
export {
  AvgPool1d,
  type AvgPool1dArguments,
  AvgPool2d,
  type AvgPool2dArguments,
  MaxPool1d,
  type MaxPool1dArguments,
  MaxPool2d,
  type MaxPool2dArguments,
} from "./layers/pooling.ts";
export type { MaxPooled, MaxPoolOptions } from "./layers/pooling-layer.ts";
export {
  AvgPool3d,
  type AvgPool3dArguments,
  MaxPool3d,
  type MaxPool3dArguments,
} from "./layers/pooling-volumes.ts";
export { LPPool1d, LPPool2d, LPPool3d, type LPPoolArguments } from "./layers/power-pooling.ts";
export {
  GRU,
  LSTM,
  type LSTMArguments,
  type LSTMOptions,
  RNN,
  type RNNArguments,
  type RNNOptions,
} from "./layers/recurrent.ts";
export {
  type CellArguments,
  type CellOptions,
  GRUCell,
  LSTMCell,
  RNNCell,
  type RNNCellArguments,
  type RNNCellOptions,
} from "./layers/recurrent-cells.ts";
export type { RecurrentArguments, RecurrentOptions, SequenceOptions } from "./layers/recurrent-layer.ts";
export {
  LocalResponseNorm,
  type LocalResponseNormArguments,
  type LocalResponseNormOptions,
  RMSNorm,
  type RMSNormArguments,
  type RMSNormOptions,
} from "./layers/rms-norm.ts";
export { type NamedLayers, Sequential } from "./layers/sequential.ts";
export {
  Flatten,
  type FlattenArguments,
  Identity,
  Unflatten,
  type UnflattenArguments,
} from "./layers/shape.ts";
export {
  GLU,
  Hardshrink,
  Hardtanh,
  LogSigmoid,
  Softmax2d,
  Softmin,
  Softshrink,
  Tanhshrink,
  Threshold,
  type ThresholdArguments,
} from "./layers/threshold-activation.ts";
export {
  type DecoderModule,
  type EncoderModule,
  type LayerSource,
  Transformer,
  type TransformerArguments,
  TransformerDecoder,
  TransformerEncoder,
  type TransformerMasks,
  type TransformerOptions,
} from "./layers/transformer.ts";
export {
  type DecoderMasks,
  type EncoderMasks,
  type TransformerActivation,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerArguments,
  type TransformerLayerOptions,
} from "./layers/transformer-layer.ts";
export {
  MaxUnpool1d,
  MaxUnpool2d,
  MaxUnpool3d,
  type UnpoolArguments,
  type UnpoolLayerOptions,
} from "./layers/unpooling.ts";
export {
  Upsample,
  UpsamplingBilinear2d,
  UpsamplingNearest2d,
  type UpsamplingOptions,
} from "./layers/upsample.ts";
export * from "./losses/index.ts";
export { Module } from "./module.ts";
export type {
  OpenSize1d,
  OpenSize2d,
  OpenSize3d,
  Pair,
  Single,
  Size1d,
  Size2d,
  Size3d,
  Triple,
} from "./options.ts";
export type { PadSequenceOptions } from "./pad-sequence.ts";
export type { PaddingWord } from "./padding.ts";
export { Parameter } from "./parameter.ts";
export type { LossOptions, Reduction, WeightedLossOptions } from "./reduction.ts";
export type { Rename } from "./rename.ts";
export type { LoadOptions, LoadResult, StateDict } from "./state-dict.ts";
export type { AveragePool2dOptions, AveragePoolOptions, PoolOptions } from "./window.ts";
