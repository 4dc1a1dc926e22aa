/** Everything under the name `optim`. */

export { Adadelta, type AdadeltaOptions } from "./adadelta.ts";
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export { Adamax, type AdamaxOptions } from "./adamax.ts";
export type { Betas } from "./betas.ts";
export * as lrScheduler from "./lr-scheduler/index.ts";
export { NAdam, type NAdamOptions } from "./nadam.ts";
export { Optimizer } from "./optimizer.ts";
export { type GroupOptions, type ParameterList, ParamGroup } from "./param-group.ts";
export { RAdam, type RAdamOptions } from "./radam.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
export type { GroupState, OptimizerState } from "./state-dict.ts";
export * as swaUtils from "./swa-utils.ts";
