/** Schedules by any function, for what the others cannot express. */

import { KilnError } from "../../core/errors.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkedOptimizer, LRScheduler } from "./scheduler.ts";

type Factor = (epoch: number) => number;

/** The options of {@link LambdaLR}. */
export interface LambdaLROptions {
  /** The factor of the initial learning rate after `epoch` steps; a list has one for each parameter group. */
  readonly lrLambda: Factor | readonly Factor[];
}

/** `lr = initial · lrLambda(t)` (torch.optim.lr_scheduler.LambdaLR). */
export class LambdaLR extends LRScheduler {
  constructor(optimizer: Optimizer, lrLambda: LambdaLROptions["lrLambda"] | LambdaLROptions) {
    const factors = factorsOf("LambdaLR", optimizer, lrLambda);
    super(optimizer, (epoch, initial, group) => initial * factors[group](epoch));
  }
}

/** `lr = initial · lrLambda(1)·…·lrLambda(t)` (torch.optim.lr_scheduler.MultiplicativeLR). */
export class MultiplicativeLR extends LRScheduler {
  constructor(optimizer: Optimizer, lrLambda: LambdaLROptions["lrLambda"] | LambdaLROptions) {
    const factors = factorsOf("MultiplicativeLR", optimizer, lrLambda);
    /** The products of no, one, two, … factors of each group, as far as they were asked for. */
    const products = factors.map(() => [1]);
    const productOf = (group: number, count: number): number => {
      const known = products[group];
      while (known.length <= count) known.push(known[known.length - 1] * factors[group](known.length));
      return known[count];
    };
    super(optimizer, (epoch, initial, group) => initial * productOf(group, epoch), true);
  }
}

/** The function of each parameter group. */
function factorsOf(
  schedule: string,
  optimizer: Optimizer,
  lrLambda: LambdaLROptions["lrLambda"] | LambdaLROptions,
): readonly Factor[] {
  const given = isOptions(lrLambda) ? lrLambda.lrLambda : lrLambda;
  const { paramGroups } = checkedOptimizer(schedule, optimizer);
  const factors: readonly Factor[] = Array.isArray(given) ? given : paramGroups.map(() => given);
  if (factors.length === paramGroups.length && factors.every((f) => typeof f === "function")) return factors;
  throw new KilnError(
    `${schedule} needs a function from the number of steps to a factor, or a list of one for each parameter group`,
  );
}

const isOptions = (given: LambdaLROptions["lrLambda"] | LambdaLROptions): given is LambdaLROptions =>
  typeof given === "object" && given !== null && "lrLambda" in given;
