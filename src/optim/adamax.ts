/** Adamax (torch.optim.Adamax): Adam with the largest recent gradient instead of the root of the mean square. */

import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { type Betas, checkedBetas } from "./betas.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { descend, flushesBeside, movingAverage, withPenalty } from "./rule.ts";

/** The options of {@link Adamax}. */
export interface AdamaxOptions {
  /** The learning rate (default: 0.002, as in PyTorch). */
  readonly lr?: number;
  /** The decay rates of the average and of the largest gradient (default: [0.9, 0.999]). */
  readonly betas?: Betas;
  /** Keeps the divisor away from 0 (default: 1e-8). */
  readonly eps?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
}

type AdamaxSettings = Required<Omit<AdamaxOptions, "lr">>;

const ALGORITHM: Algorithm<AdamaxSettings> = {
  name: "Adamax",
  lr: 2e-3,
  options: ["betas", "eps", "weightDecay"],
  settings: (given, { betas }) => ({
    betas: checkedBetas("Adamax", betas),
    eps: given.number("eps", 0, 1e-8),
    weightDecay: given.number("weightDecay", 0, 0),
  }),
  update: (settings) => ({
    rule: updateRule(settings),
    countsSteps: true,
    /** `lr / (1 - β1^t)` for step t; the largest gradient needs no such correction. */
    scalarValues: (lr, completed) => ({ step_size: lr / (1 - settings.betas[0] ** (completed + 1)) }),
  }),
};

/** Adam with the largest recent gradient instead of the root mean square (torch.optim.Adamax). */
export class Adamax extends Optimizer<AdamaxSettings> {
  constructor(parameters: ParameterList<AdamaxOptions>, options: AdamaxOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

/**
 * `m ← lerp(m, g, 1-β1)`, `u ← max(β2·u, |g| + ε)`, `p ← p - step_size·m/u`
 * (https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html).
 */
function updateRule({ betas, eps, weightDecay }: AdamaxSettings): UpdateRule {
  return {
    name: "adamax",
    scalars: ["step_size"],
    states: (parameter) => ({ exp_avg: parameter, exp_inf: parameter }),
    update(b, parameter, gradient, states, scalars) {
      const entering = withPenalty(b, gradient, parameter, weightDecay);
      const exp_avg = movingAverage(b, states.exp_avg, entering, betas[0], flushesBeside(eps, 0));
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
