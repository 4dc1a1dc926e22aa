/** Adagrad (torch.optim.Adagrad): the gradient over the root of the sum of all its squares. */

import type { UpdateRule } from "../ir/update.ts";
import { Arguments } from "../nn/options.ts";
import type { Parameter } from "../nn/parameter.ts";
import { Optimizer } from "./optimizer.ts";
import { descend, rootPlus, withPenalty } from "./rule.ts";

export interface AdagradOptions {
  /** The learning rate; 0.01 unless told, as in PyTorch. */
  readonly lr?: number;
  /** After t steps the learning rate is divided by `1 + t·lrDecay`. */
  readonly lrDecay?: number;
  /** How strongly parameters are drawn to 0. */
  readonly weightDecay?: number;
  /** What the sums of squares start from. */
  readonly initialAccumulatorValue?: number;
  /** Keeps the divisor away from 0; 1e-10 unless told. */
  readonly eps?: number;
}

const OPTIONS = ["lr", "lrDecay", "weightDecay", "initialAccumulatorValue", "eps"];

export class Adagrad extends Optimizer {
  readonly lrDecay: number;
  readonly weightDecay: number;
  readonly initialAccumulatorValue: number;
  readonly eps: number;
  readonly rule: UpdateRule;

  constructor(parameters: Iterable<Parameter>, options: AdagradOptions = {}) {
    const given = new Arguments("Adagrad", [options], [], OPTIONS);
    super(parameters, given.number("lr", 0, 1e-2));
    this.lrDecay = given.number("lrDecay", 0, 0);
    this.weightDecay = given.number("weightDecay", 0, 0);
    this.initialAccumulatorValue = given.number("initialAccumulatorValue", 0, 0);
    this.eps = given.number("eps", 0, 1e-10);
    this.rule = updateRule(this);
  }

  /** States start at 0, so the value that the sums start from is added in the first step. */
  scalarValues(completed: number): Readonly<Record<string, number>> {
    const lr = this.lr / (1 + completed * this.lrDecay);
    const start = this.initialAccumulatorValue;
    return start === 0 ? { lr } : { lr, entering: completed === 0 ? start : 0 };
  }
}

type Settings = Pick<Adagrad, "weightDecay" | "initialAccumulatorValue" | "eps">;

/**
 * `s ← s + g²`, `p ← p - lr·g/(√s + ε)`
 * (https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html).
 */
function updateRule({ weightDecay, initialAccumulatorValue, eps }: Settings): UpdateRule {
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
