/** Stochastic gradient descent, with momentum (torch.optim.SGD). */

import { KilnError } from "../core/errors.ts";
import type { UpdateRule } from "../ir/update.ts";
import { Arguments } from "../nn/options.ts";
import type { Parameter } from "../nn/parameter.ts";
import { Optimizer } from "./optimizer.ts";
import { descend, withPenalty } from "./rule.ts";

export interface SGDOptions {
  /** The learning rate; 0.001 unless told, as in PyTorch. */
  readonly lr?: number;
  readonly momentum?: number;
  /** What the gradient loses on its way into the momentum. */
  readonly dampening?: number;
  /** How strongly parameters are drawn to 0. */
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
}

const OPTIONS = ["lr", "momentum", "dampening", "weightDecay", "nesterov"];

export class SGD extends Optimizer {
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly rule: UpdateRule;

  constructor(parameters: Iterable<Parameter>, options: SGDOptions = {}) {
    const given = new Arguments("SGD", [options], [], OPTIONS);
    super(parameters, given.number("lr", 0, 1e-3));
    this.momentum = given.number("momentum", 0, 0);
    this.dampening = given.number("dampening", Number.NEGATIVE_INFINITY, 0);
    this.weightDecay = given.number("weightDecay", 0, 0);
    this.nesterov = given.flag("nesterov", false);
    if (this.nesterov && (this.momentum === 0 || this.dampening !== 0)) {
      throw new KilnError("Nesterov momentum requires a momentum and zero dampening");
    }
    this.rule = updateRule(this);
  }

  /** The first gradient enters the momentum in full, later ones are dampened. */
  scalarValues(step: number): Readonly<Record<string, number>> {
    return isDampened(this) ? { lr: this.lr, gain: step === 0 ? 1 : 1 - this.dampening } : { lr: this.lr };
  }
}

type Settings = Pick<SGD, "momentum" | "dampening" | "weightDecay" | "nesterov">;

const isDampened = ({ momentum, dampening }: Settings): boolean => momentum !== 0 && dampening !== 0;

/** Settings that stay are constants of the graph; the learning rate and the dampening of a step are scalars. */
function updateRule(settings: Settings): UpdateRule {
  const { momentum, weightDecay, nesterov } = settings;
  return {
    name: "sgd",
    scalars: isDampened(settings) ? ["lr", "gain"] : ["lr"],
    states: (parameter) => (momentum === 0 ? {} : { momentum_buffer: parameter }),
    update(b, parameter, gradient, states, scalars) {
      const decayed = withPenalty(b, gradient, parameter, weightDecay);
      if (momentum === 0) return { parameter: descend(b, parameter, decayed, scalars.lr), states: {} };
      const entering = isDampened(settings) ? b.node("mul", [decayed, scalars.gain]) : decayed;
      const buffer = b.node("add", [b.node("mul", [states.momentum_buffer, b.constant(momentum)]), entering]);
      const direction = nesterov
        ? b.node("add", [decayed, b.node("mul", [buffer, b.constant(momentum)])])
        : buffer;
      return {
        parameter: descend(b, parameter, direction, scalars.lr),
        states: { momentum_buffer: buffer },
      };
    },
  };
}
