/** Adagrad (torch.optim.Adagrad): the gradient over the root of the sum of all its squares. */

import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { descend, rootPlus, withPenalty } from "./rule.ts";

/** The options of {@link Adagrad}. */
export interface AdagradOptions {
  /** The learning rate (default: 0.01, as in PyTorch). */
  readonly lr?: number;
  /** After t steps the learning rate is divided by `1 + t·lrDecay`. */
  readonly lrDecay?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
  /** What the sums of squares start from. */
  readonly initialAccumulatorValue?: number;
  /** Keeps the divisor away from 0 (default: 1e-10). */
  readonly eps?: number;
}

type AdagradSettings = Required<Omit<AdagradOptions, "lr">>;

const ALGORITHM: Algorithm<AdagradSettings> = {
  name: "Adagrad",
  lr: 1e-2,
  options: ["lrDecay", "weightDecay", "initialAccumulatorValue", "eps"],
  settings: (given) => ({
    lrDecay: given.number("lrDecay", 0, 0),
    weightDecay: given.number("weightDecay", 0, 0),
    initialAccumulatorValue: given.number("initialAccumulatorValue", 0, 0),
    eps: given.number("eps", 0, 1e-10),
  }),
  update: (settings) => ({
    rule: updateRule(settings),
    countsSteps: settings.lrDecay !== 0 || settings.initialAccumulatorValue !== 0,
    /** States start at 0, so the value that the sums start from is added in the first step. */
    scalarValues(first, completed) {
      const lr = first / (1 + completed * settings.lrDecay);
      const start = settings.initialAccumulatorValue;
      return start === 0 ? { lr } : { lr, entering: completed === 0 ? start : 0 };
    },
  }),
};

/** Steps divided by the root of the sum of all squared gradients (torch.optim.Adagrad). */
export class Adagrad extends Optimizer<AdagradSettings> {
  constructor(parameters: ParameterList<AdagradOptions>, options: AdagradOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

/**
 * `s ← s + g²`, `p ← p - lr·g/(√s + ε)`
 * (https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html).
 */
function updateRule({ weightDecay, initialAccumulatorValue, eps }: AdagradSettings): UpdateRule {
  const starts = initialAccumulatorValue !== 0;
  return {
    name: "adagrad",
    scalars: starts ? ["lr", "entering"] : ["lr"],
    states: (parameter) => ({ sum: parameter }),
    update(b, parameter, gradient, states, { lr, entering }) {
      const slope = withPenalty(b, gradient, parameter, weightDecay);
      const before = starts ? b.node("add", [states.sum, entering]) : states.sum;
      const sum = b.node("add", [before, b.node("mul", [slope, slope])]);
      const direction = b.node("div", [slope, rootPlus(b, sum, b.constant(eps))]);
      return { parameter: descend(b, parameter, direction, lr), states: { sum } };
    },
  };
}
