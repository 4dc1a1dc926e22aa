/** Everything under the name `nn`. */

export { isModule, isParameter } from "./brand.ts";
export type {
  Approximate,
  ConvolutionOptions,
  ELUOptions,
  GELUOptions,
  LeakyReLUOptions,
  SoftplusOptions,
} from "./functional/index.ts";
export * as functional from "./functional/index.ts";
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
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  type SoftmaxOptions,
  Softplus,
  Softsign,
  Tanh,
} from "./layers/activation.ts";
export { Conv2d, type Conv2dArguments, type Conv2dOptions } from "./layers/conv2d.ts";
export { Linear, type LinearArguments, type LinearOptions } from "./layers/linear.ts";
export { MaxPool2d, type MaxPool2dArguments } from "./layers/pooling.ts";
export { type NamedLayers, Sequential } from "./layers/sequential.ts";
export { Flatten, type FlattenArguments, Identity } from "./layers/shape.ts";
export { CrossEntropyLoss, L1Loss, Loss, MSELoss } from "./losses.ts";
export { Module } from "./module.ts";
export type { Pair, Size2d } from "./options.ts";
export { Parameter } from "./parameter.ts";
export type { LossOptions, Reduction } from "./reduction.ts";
export type { LoadResult, StateDict } from "./state-dict.ts";
export type { PoolOptions } from "./window.ts";
