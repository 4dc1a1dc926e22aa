/** Everything under the name `optim`. */

export { Optimizer, ParamGroup } from "./optimizer.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
