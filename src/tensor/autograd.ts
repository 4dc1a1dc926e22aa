/** Everything under the name `autograd`. */

export { Function, FunctionContext, type FunctionDefinition, type Gradients } from "./function.ts";
export * as functional from "./functional.ts";
export { type GradOptions, grad } from "./grad.ts";
export { AccumulateGrad, GradFn, type NextFunction } from "./grad-fn.ts";
export { isGradEnabled, noGrad } from "./grad-mode.ts";
export type { GradientHook, RemovableHandle } from "./gradient-hooks.ts";
