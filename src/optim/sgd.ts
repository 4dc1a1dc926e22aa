/** Stochastic gradient descent, with momentum (torch.optim.SGD). */

import { KilnError } from "../core/errors.ts";
import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { descend, flushed, withPenalty } from "./rule.ts";

/** The options of {@link SGD}. */
export interface SGDOptions {
  /** The learning rate (default: 0.001, as in PyTorch). */
  readonly lr?: number;
  /** How much of the last update is kept for the next (default: 0). */
  readonly momentum?: number;
  /** What the gradient loses on its way into the momentum. */
  readonly dampening?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
  /** Whether Nesterov's momentum is used (default: false). */
  readonly nesterov?: boolean;
}

/** The options of SGD but the learning rate. */
type SGDSettings = Required<Omit<SGDOptions, "lr">>;

const ALGORITHM: Algorithm<SGDSettings> = {
  name: "SGD",
  lr: 1e-3,
  options: ["momentum", "dampening", "weightDecay", "nesterov"],
  settings(given) {
    const settings = {
      momentum: given.number("momentum", 0, 0),
      dampening: given.number("dampening", Number.NEGATIVE_INFINITY, 0),
      weightDecay: given.number("weightDecay", 0, 0),
      nesterov: given.flag("nesterov", false),
    };
    if (settings.nesterov && (settings.momentum === 0 || settings.dampening !== 0)) {
      throw new KilnError("Nesterov momentum requires a momentum and zero dampening");
    }
    return settings;
  },
  update: (settings) => ({
    rule: updateRule(settings),
    countsSteps: isDampened(settings),
    /** The first gradient enters the momentum in full, later ones are dampened. */
    scalarValues: (lr, completed) =>
      isDampened(settings) ? { lr, gain: completed === 0 ? 1 : 1 - settings.dampening } : { lr },
  }),
};

/**
 * Gradient descent, with momentum if wanted (torch.optim.SGD).
 *
 * ```ts
 * const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
 * ```
 */
export class SGD extends Optimizer<SGDSettings> {
  constructor(parameters: ParameterList<SGDOptions>, options: SGDOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

const isDampened = ({ momentum, dampening }: SGDSettings): boolean => momentum !== 0 && dampening !== 0;

/** Settings that stay are constants of the graph; the learning rate and the dampening of a step are scalars. */
function updateRule(settings: SGDSettings): UpdateRule {
  const { momentum, weightDecay, nesterov } = settings;
  return {
    name: "sgd",
    scalars: isDampened(settings) ? ["lr", "gain"] : ["lr"],
    states: (parameter) => (momentum === 0 ? {} : { momentum_buffer: parameter }),
    update(b, parameter, gradient, states, scalars) {
      const decayed = withPenalty(b, gradient, parameter, weightDecay);
      if (momentum === 0) return { parameter: descend(b, parameter, decayed, scalars.lr), states: {} };
      const entering = isDampened(settings) ? b.node("mul", [decayed, scalars.gain]) : decayed;
      const kept = b.node("mul", [states.momentum_buffer, b.constant(momentum)]);
      const buffer = flushed(b, b.node("add", [kept, entering]));
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
