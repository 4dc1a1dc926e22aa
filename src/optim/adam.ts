/** Adam and AdamW (torch.optim.Adam, torch.optim.AdamW): steps scaled by moving averages of the gradient's moments. */

import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { type Betas, checkedBetas } from "./betas.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { descend, flushesBeside, movingAverage, movingSquare, rootPlus, withPenalty } from "./rule.ts";

/** The options of {@link Adam}. */
export interface AdamOptions {
  /** The learning rate (default: 0.001, as in PyTorch). */
  readonly lr?: number;
  /** The decay rates of the two moving averages (default: [0.9, 0.999]). */
  readonly betas?: Betas;
  /** Keeps the divisor away from 0 (default: 1e-8). */
  readonly eps?: number;
  /** The weight decay, which pulls parameters towards 0 (default: 0 for Adam, 0.01 for AdamW). */
  readonly weightDecay?: number;
  /** Divides by the largest moving average so far, not by the current one. */
  readonly amsgrad?: boolean;
}

type AdamSettings = Required<Omit<AdamOptions, "lr">>;

/** What distinguishes the two. */
interface Variant {
  readonly callee: "Adam" | "AdamW";
  /** Weight decay shrinks the parameter and does not enter the moments. */
  readonly decoupled: boolean;
  readonly defaultDecay: number;
}

const algorithm = (variant: Variant): Algorithm<AdamSettings> => ({
  name: variant.callee,
  lr: 1e-3,
  options: ["betas", "eps", "weightDecay", "amsgrad"],
  settings: (given, { betas }) => ({
    betas: checkedBetas(variant.callee, betas),
    eps: given.number("eps", 0, 1e-8),
    weightDecay: given.number("weightDecay", 0, variant.defaultDecay),
    amsgrad: given.flag("amsgrad", false),
  }),
  update: (settings) => ({
    rule: updateRule(variant, settings),
    countsSteps: true,
    scalarValues: (lr, completed) => scalarValues(variant, settings, lr, completed),
  }),
});

const ADAM = algorithm({ callee: "Adam", decoupled: false, defaultDecay: 0 });
const ADAMW = algorithm({ callee: "AdamW", decoupled: true, defaultDecay: 1e-2 });

/**
 * Adam; weight decay is an L2 penalty that enters the moments (Kingma and Ba, 2015).
 *
 * ```ts
 * const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
 * ```
 */
export class Adam extends Optimizer<AdamSettings> {
  constructor(parameters: ParameterList<AdamOptions>, options: AdamOptions = {}) {
    super(ADAM, parameters, options);
  }
}

/**
 * Adam whose weight decay shrinks the parameters by itself (Loshchilov and Hutter, 2019).
 *
 * ```ts
 * const optimizer = new optim.AdamW(net.parameters(), { lr: 3e-4, weightDecay: 0.05 });
 * ```
 */
export class AdamW extends Optimizer<AdamSettings> {
  constructor(parameters: ParameterList<AdamOptions>, options: AdamOptions = {}) {
    super(ADAMW, parameters, options);
  }
}

/** Whether a step multiplies the parameters by what weight decay leaves of them. */
const keeps = ({ decoupled }: Variant, { weightDecay }: AdamSettings): boolean =>
  decoupled && weightDecay !== 0;

/**
 * With the corrections `c1 = 1 - β1^t` and `c2 = 1 - β2^t` of step t, PyTorch's `lr/c1 · m / (√v/√c2 + ε)` is
 * `(lr·√c2/c1) · m / (√v + ε·√c2)`: the two numbers are computed here and no element is divided twice.
 */
function scalarValues(variant: Variant, settings: AdamSettings, lr: number, completed: number) {
  const { betas, eps, weightDecay } = settings;
  const step = completed + 1;
  const root = Math.sqrt(1 - betas[1] ** step);
  const values = { step_size: (lr * root) / (1 - betas[0] ** step), eps: eps * root };
  return keeps(variant, settings) ? { ...values, keep: 1 - lr * weightDecay } : values;
}

/**
 * `m ← lerp(m, g, 1-β1)`, `v ← β2·v + (1-β2)·g²`, `p ← p - step_size·m/(√v + eps)`; with amsgrad the largest v so
 * far stands under the root (https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html and …AdamW.html).
 */
function updateRule(variant: Variant, settings: AdamSettings): UpdateRule {
  const { callee, decoupled } = variant;
  const { betas, eps, weightDecay, amsgrad } = settings;
  const shrinks = keeps(variant, settings);
  return {
    name: callee.toLowerCase(),
    scalars: shrinks ? ["step_size", "eps", "keep"] : ["step_size", "eps"],
    states: (parameter) => ({
      exp_avg: parameter,
      exp_avg_sq: parameter,
      ...(amsgrad && { max_exp_avg_sq: parameter }),
    }),
    update(b, parameter, gradient, states, scalars) {
      const start = shrinks ? b.node("mul", [parameter, scalars.keep]) : parameter;
      const entering = decoupled ? gradient : withPenalty(b, gradient, parameter, weightDecay);
      const flushes = flushesBeside(eps, betas[1]);
      const exp_avg = movingAverage(b, states.exp_avg, entering, betas[0], flushes);
      const exp_avg_sq = movingSquare(b, states.exp_avg_sq, entering, betas[1], flushes);
      const largest = amsgrad ? b.node("maximum", [states.max_exp_avg_sq, exp_avg_sq]) : exp_avg_sq;
      const direction = b.node("div", [exp_avg, rootPlus(b, largest, scalars.eps)]);
      return {
        parameter: descend(b, start, direction, scalars.step_size),
        states: { exp_avg, exp_avg_sq, ...(amsgrad && { max_exp_avg_sq: largest }) },
      };
    },
  };
}
