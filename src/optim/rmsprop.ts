/** RMSprop (torch.optim.RMSprop): the gradient over the root of the moving average of its square. */

import type { Value } from "../ir/types.ts";
import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import {
  descend,
  flushed,
  flushesBeside,
  movingAverage,
  movingSquare,
  rootPlus,
  withPenalty,
} from "./rule.ts";

/** The options of {@link RMSprop}. */
export interface RMSpropOptions {
  /** The learning rate (default: 0.01, as in PyTorch). */
  readonly lr?: number;
  /** How much of the moving averages is kept in each step (default: 0.99). */
  readonly alpha?: number;
  /** Keeps the divisor away from 0 (default: 1e-8). */
  readonly eps?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
  /** How much of the last update is kept for the next (default: 0). */
  readonly momentum?: number;
  /** Divides by an estimate of the gradient's standard deviation, not of its size. */
  readonly centered?: boolean;
}

type RMSpropSettings = Required<Omit<RMSpropOptions, "lr">>;

const ALGORITHM: Algorithm<RMSpropSettings> = {
  name: "RMSprop",
  lr: 1e-2,
  options: ["alpha", "eps", "weightDecay", "momentum", "centered"],
  settings: (given) => ({
    alpha: given.number("alpha", 0, 0.99),
    eps: given.number("eps", 0, 1e-8),
    weightDecay: given.number("weightDecay", 0, 0),
    momentum: given.number("momentum", 0, 0),
    centered: given.flag("centered", false),
  }),
  /** Nothing but the learning rate changes over time. */
  update: (settings) => ({
    rule: updateRule(settings),
    countsSteps: false,
    scalarValues: (lr) => ({ lr }),
  }),
};

/** Steps divided by a moving root mean square of the gradients (torch.optim.RMSprop). */
export class RMSprop extends Optimizer<RMSpropSettings> {
  constructor(parameters: ParameterList<RMSpropOptions>, options: RMSpropOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

/**
 * `v ← α·v + (1-α)·g²`, centered `a ← lerp(a, g, 1-α)` and `v - a²` under the root; with momentum μ
 * `b ← μ·b + g/(√v + ε)`, `p ← p - lr·b` (https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html).
 */
function updateRule({ alpha, eps, weightDecay, momentum, centered }: RMSpropSettings): UpdateRule {
  return {
    name: "rmsprop",
    scalars: ["lr"],
    states: (parameter) => ({
      square_avg: parameter,
      ...(centered && { grad_avg: parameter }),
      ...(momentum !== 0 && { momentum_buffer: parameter }),
    }),
    update(b, parameter, gradient, old, { lr }) {
      const entering = withPenalty(b, gradient, parameter, weightDecay);
      const states: Record<string, Value> = {
        // The square less that of a mean: of two small numbers not one alone may become 0.
        square_avg: movingSquare(b, old.square_avg, entering, alpha, !centered && flushesBeside(eps, alpha)),
      };
      let square = states.square_avg;
      if (centered) {
        const mean = movingAverage(b, old.grad_avg, entering, alpha, false);
        states.grad_avg = mean;
        square = b.node("sub", [square, b.node("mul", [mean, mean])]);
      }
      let direction: Value = b.node("div", [entering, rootPlus(b, square, b.constant(eps))]);
      if (momentum !== 0) {
        const kept = b.node("mul", [old.momentum_buffer, b.constant(momentum)]);
        direction = flushed(b, b.node("add", [kept, direction]));
        states.momentum_buffer = direction;
      }
      return { parameter: descend(b, parameter, direction, lr), states };
    },
  };
}
