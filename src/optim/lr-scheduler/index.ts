/** Everything under the name `optim.lrScheduler` (torch.optim.lr_scheduler). */

export {
  ConstantLR,
  type ConstantLROptions,
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  LinearLR,
  type LinearLROptions,
} from "./annealing.ts";
export {
  ExponentialLR,
  type ExponentialLROptions,
  MultiStepLR,
  type MultiStepLROptions,
  StepLR,
  type StepLROptions,
} from "./geometric.ts";
export { LambdaLR, type LambdaLROptions } from "./lambda.ts";
export { OneCycleLR, type OneCycleLROptions } from "./one-cycle.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./plateau.ts";
export { LRScheduler } from "./scheduler.ts";
export { SequentialLR, type SequentialLROptions } from "./sequential.ts";
export type { PlateauState, SchedulerState } from "./state-dict.ts";
