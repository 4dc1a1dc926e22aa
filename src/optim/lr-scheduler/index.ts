/** Everything under the name `optim.lrScheduler` (torch.optim.lr_scheduler). */

export {
  ConstantLR,
  type ConstantLROptions,
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  LinearLR,
  type LinearLROptions,
  PolynomialLR,
  type PolynomialLROptions,
} from "./annealing.ts";
export { ChainedScheduler } from "./chained.ts";
export {
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
  CyclicLR,
  type CyclicLROptions,
  type CyclicMode,
} from "./cyclic.ts";
export {
  ExponentialLR,
  type ExponentialLROptions,
  MultiStepLR,
  type MultiStepLROptions,
  StepLR,
  type StepLROptions,
} from "./geometric.ts";
export { LambdaLR, type LambdaLROptions, MultiplicativeLR } from "./lambda.ts";
export { OneCycleLR, type OneCycleLROptions } from "./one-cycle.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./plateau.ts";
export { LRScheduler } from "./scheduler.ts";
export { SequentialLR, type SequentialLROptions } from "./sequential.ts";
export type { PlateauState, SchedulerState } from "./state-dict.ts";
