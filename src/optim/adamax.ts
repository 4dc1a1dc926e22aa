/** Adamax (torch.optim.Adamax): Adam with the largest gradient of late in place of the root of the mean square. */

import type { UpdateRule } from "../ir/update.ts";
import { Arguments } from "../nn/options.ts";
import type { Parameter } from "../nn/parameter.ts";
import { type Betas, checkedBetas } from "./betas.ts";
import { Optimizer } from "./optimizer.ts";
import { descend, movingAverage, withPenalty } from "./rule.ts";

export interface AdamaxOptions {
  /** The learning rate; 0.002 unless told, as in PyTorch. */
  readonly lr?: number;
  /** How much of the average and of the largest gradient is kept in each step; [0.9, 0.999] unless told. */
  readonly betas?: Betas;
  /** Keeps the divisor away from 0; 1e-8 unless told. */
  readonly eps?: number;
  /** How strongly parameters are drawn to 0. */
  readonly weightDecay?: number;
}

export class Adamax extends Optimizer {
  readonly betas: Betas;
  readonly eps: number;
  readonly weightDecay: number;
  readonly rule: UpdateRule;

  constructor(parameters: Iterable<Parameter>, options: AdamaxOptions = {}) {
    const given = new Arguments("Adamax", [options], [], ["lr", "betas", "eps", "weightDecay"]);
    super(parameters, given.number("lr", 0, 2e-3));
    this.betas = checkedBetas("Adamax", options.betas);
    this.eps = given.number("eps", 0, 1e-8);
    this.weightDecay = given.number("weightDecay", 0, 0);
    this.rule = updateRule(this);
  }

  /** `lr / (1 - β1^t)` for step t; the largest gradient needs no such correction. */
  scalarValues(completed: number): Readonly<Record<string, number>> {
    return { step_size: this.lr / (1 - this.betas[0] ** (completed + 1)) };
  }
}

/**
 * `m ← lerp(m, g, 1-β1)`, `u ← max(β2·u, |g| + ε)`, `p ← p - step_size·m/u`
 * (https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html).
 */
function updateRule({ betas, eps, weightDecay }: Pick<Adamax, "betas" | "eps" | "weightDecay">): UpdateRule {
  return {
    name: "adamax",
    scalars: ["step_size"],
    states: (parameter) => ({ exp_avg: parameter, exp_inf: parameter }),
    update(b, parameter, gradient, states, scalars) {
      const entering = withPenalty(b, gradient, parameter, weightDecay);
      const exp_avg = movingAverage(b, states.exp_avg, entering, betas[0]);
      const magnitude = b.node("add", [b.node("abs", [entering]), b.constant(eps)]);
      const faded = b.node("mul", [states.exp_inf, b.constant(betas[1])]);
      const exp_inf = b.node("maximum", [faded, magnitude]);
      const direction = b.node("div", [exp_avg, exp_inf]);
      return {
        parameter: descend(b, parameter, direction, scalars.step_size),
        states: { exp_avg, exp_inf },
      };
    },
  };
}
