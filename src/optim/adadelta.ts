/** Adadelta (torch.optim.Adadelta): steps as large as past steps were, against gradients as large as past ones. */

import { KilnError } from "../core/errors.ts";
import type { Value } from "../ir/types.ts";
import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { descend, flushesBeside, movingSquare, withPenalty } from "./rule.ts";

/** The options of {@link Adadelta}. */
export interface AdadeltaOptions {
  /** What the steps are multiplied by (default: 1, as in PyTorch). */
  readonly lr?: number;
  /** The decay rates of the two moving averages (default: 0.9). */
  readonly rho?: number;
  /** Keeps the divisor, and the first step, away from 0 (default: 1e-6). */
  readonly eps?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
}

type AdadeltaSettings = Required<Omit<AdadeltaOptions, "lr">>;

const ALGORITHM: Algorithm<AdadeltaSettings> = {
  name: "Adadelta",
  lr: 1,
  options: ["rho", "eps", "weightDecay"],
  settings(given) {
    const rho = given.number("rho", 0, 0.9);
    if (rho > 1) throw new KilnError(`Adadelta's rho must be at most 1, not ${rho}`);
    return { rho, eps: given.number("eps", 0, 1e-6), weightDecay: given.number("weightDecay", 0, 0) };
  },
  /** Nothing but the learning rate changes over time. */
  update: (settings) => ({
    rule: updateRule(settings),
    countsSteps: false,
    scalarValues: (lr) => ({ lr }),
  }),
};

/** Steps as large as recent steps were, in relation to recent gradients (torch.optim.Adadelta). */
export class Adadelta extends Optimizer<AdadeltaSettings> {
  constructor(parameters: ParameterList<AdadeltaOptions>, options: AdadeltaOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

/**
 * `v ← ρ·v + (1-ρ)·g²`, `Δ = √(u + ε)/√(v + ε)·g`, `u ← ρ·u + (1-ρ)·Δ²`, `p ← p - lr·Δ`
 * (https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html).
 */
function updateRule({ rho, eps, weightDecay }: AdadeltaSettings): UpdateRule {
  const flushes = flushesBeside(eps, rho);
  return {
    name: "adadelta",
    scalars: ["lr"],
    states: (parameter) => ({ square_avg: parameter, acc_delta: parameter }),
    update(b, parameter, gradient, states, { lr }) {
      const root = (x: Value) => b.node("sqrt", [b.node("add", [x, b.constant(eps)])]);
      const slope = withPenalty(b, gradient, parameter, weightDecay);
      const square_avg = movingSquare(b, states.square_avg, slope, rho, flushes);
      const scale = b.node("div", [root(states.acc_delta), root(square_avg)]);
      const delta = b.node("mul", [scale, slope]);
      const acc_delta = movingSquare(b, states.acc_delta, delta, rho, flushes);
      return { parameter: descend(b, parameter, delta, lr), states: { square_avg, acc_delta } };
    },
  };
}
