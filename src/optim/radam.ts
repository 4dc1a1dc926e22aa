/** RAdam (torch.optim.RAdam): Adam that uses plain momentum until its mean square can be trusted. */

import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { type Betas, checkedBetas } from "./betas.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { descend, flushesBeside, movingAverage, movingSquare, withPenalty } from "./rule.ts";

/** The options of {@link RAdam}. */
export interface RAdamOptions {
  /** The learning rate (default: 0.001, as in PyTorch). */
  readonly lr?: number;
  /** The decay rates of the two moving averages (default: [0.9, 0.999]). */
  readonly betas?: Betas;
  /** Keeps the divisor away from 0 (default: 1e-8). */
  readonly eps?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
  /** Weight decay shrinks the parameter, as in AdamW, and does not enter the moments. */
  readonly decoupledWeightDecay?: boolean;
}

type RAdamSettings = Required<Omit<RAdamOptions, "lr">>;

const ALGORITHM: Algorithm<RAdamSettings> = {
  name: "RAdam",
  lr: 1e-3,
  options: ["betas", "eps", "weightDecay", "decoupledWeightDecay"],
  settings: (given, { betas }) => ({
    betas: checkedBetas("RAdam", betas),
    eps: given.number("eps", 0, 1e-8),
    weightDecay: given.number("weightDecay", 0, 0),
    decoupledWeightDecay: given.flag("decoupledWeightDecay", false),
  }),
  update: (settings) => ({
    rule: updateRule(settings),
    countsSteps: true,
    scalarValues: (lr, completed) => scalarValues(settings, lr, completed + 1),
  }),
};

/** Adam with rectified variance (Liu et al., 2020). */
export class RAdam extends Optimizer<RAdamSettings> {
  constructor(parameters: ParameterList<RAdamOptions>, options: RAdamOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

/** Whether a step multiplies the parameters by what weight decay leaves of them. */
const shrinks = ({ weightDecay, decoupledWeightDecay }: RAdamSettings): boolean =>
  decoupledWeightDecay && weightDecay !== 0;

/**
 * With `ρ∞ = 2/(1-β2) - 1` and `ρ = ρ∞ - 2·t·β2^t/c2` of step t, where `c = 1 - β^t`: beyond ρ = 5 the step is
 * `lr/c1·r·√c2·m/(√v + ε)` with `r = √((ρ-4)(ρ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρ))`, before that `lr/c1·m`. Both are
 * `step_size·m/(√v·adapts + floor)`, so that one program does for either.
 */
function scalarValues(settings: RAdamSettings, lr: number, step: number) {
  const { betas, eps, weightDecay } = settings;
  const correction = 1 - betas[1] ** step;
  const most = 2 / (1 - betas[1]) - 1;
  const length = most - (2 * step * betas[1] ** step) / correction;
  const rate = lr / (1 - betas[0] ** step);
  const rectified = ((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length);
  const values =
    length > 5
      ? { step_size: rate * Math.sqrt(rectified) * Math.sqrt(correction), adapts: 1, floor: eps }
      : { step_size: rate, adapts: 0, floor: 1 };
  return shrinks(settings) ? { ...values, keep: 1 - lr * weightDecay } : values;
}

/** Moments as in Adam (https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html). */
function updateRule(settings: RAdamSettings): UpdateRule {
  const { betas, weightDecay } = settings;
  const keeps = shrinks(settings);
  const scalars = ["step_size", "adapts", "floor"];
  return {
    name: "radam",
    scalars: keeps ? [...scalars, "keep"] : scalars,
    states: (parameter) => ({ exp_avg: parameter, exp_avg_sq: parameter }),
    update(b, parameter, gradient, states, { step_size, adapts, floor, keep }) {
      const start = keeps ? b.node("mul", [parameter, keep]) : parameter;
      const entering = keeps ? gradient : withPenalty(b, gradient, parameter, weightDecay);
      const flushes = flushesBeside(settings.eps, betas[1]);
      const exp_avg = movingAverage(b, states.exp_avg, entering, betas[0], flushes);
      const exp_avg_sq = movingSquare(b, states.exp_avg_sq, entering, betas[1], flushes);
      const root = b.node("mul", [b.node("sqrt", [exp_avg_sq]), adapts]);
      const direction = b.node("div", [exp_avg, b.node("add", [root, floor])]);
      return { parameter: descend(b, start, direction, step_size), states: { exp_avg, exp_avg_sq } };
    },
  };
}
