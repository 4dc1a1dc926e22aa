/** The schedule that is any function: what the others cannot say, and products of several of them. */

import { KilnError } from "../../core/errors.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkedOptimizer, LRScheduler } from "./scheduler.ts";

type Factor = (epoch: number) => number;

export interface LambdaLROptions {
  /** The factor of the initial learning rate after `epoch` steps; a list has one for each parameter group. */
  readonly lrLambda: Factor | readonly Factor[];
}

/** `lr = initial · lrLambda(t)` (torch.optim.lr_scheduler.LambdaLR). */
export class LambdaLR extends LRScheduler {
  constructor(optimizer: Optimizer, lrLambda: LambdaLROptions["lrLambda"] | LambdaLROptions) {
    const given = isOptions(lrLambda) ? lrLambda.lrLambda : lrLambda;
    const factors = Array.isArray(given)
      ? given
      : checkedOptimizer("LambdaLR", optimizer).paramGroups.map(() => given);
    if (factors.length !== optimizer.paramGroups.length || factors.some((f) => typeof f !== "function")) {
      throw new KilnError(
        "LambdaLR needs a function from the number of steps to a factor, or a list of one for each parameter group",
      );
    }
    super(optimizer, (epoch, initial, group) => initial * factors[group](epoch));
  }
}

const isOptions = (given: LambdaLROptions["lrLambda"] | LambdaLROptions): given is LambdaLROptions =>
  typeof given === "object" && given !== null && "lrLambda" in given;
