/** The schedule that is any function: what the others cannot say, and products of several of them. */

import { KilnError } from "../../core/errors.ts";
import type { Optimizer } from "../optimizer.ts";
import { LRScheduler } from "./scheduler.ts";

export interface LambdaLROptions {
  /** The factor of the initial learning rate after `epoch` steps. */
  readonly lrLambda: (epoch: number) => number;
}

/** `lr = initial · lrLambda(t)` (torch.optim.lr_scheduler.LambdaLR). */
export class LambdaLR extends LRScheduler {
  constructor(optimizer: Optimizer, lrLambda: LambdaLROptions["lrLambda"] | LambdaLROptions) {
    const factor = typeof lrLambda === "function" ? lrLambda : lrLambda?.lrLambda;
    if (typeof factor !== "function") {
      throw new KilnError("LambdaLR needs a function from the number of steps to a factor");
    }
    super(optimizer, (epoch, initial) => initial * factor(epoch));
  }
}
