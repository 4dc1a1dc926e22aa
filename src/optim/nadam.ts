/** NAdam (torch.optim.NAdam): Adam with Nesterov momentum, whose momentum grows over the steps. */

import type { UpdateRule } from "../ir/update.ts";
import type { Algorithm } from "./algorithm.ts";
import { type Betas, checkedBetas } from "./betas.ts";
import { Optimizer } from "./optimizer.ts";
import type { ParameterList } from "./param-group.ts";
import { flushesBeside, movingAverage, movingSquare, rootPlus, withPenalty } from "./rule.ts";

/** The options of {@link NAdam}. */
export interface NAdamOptions {
  /** The learning rate (default: 0.002, as in PyTorch). */
  readonly lr?: number;
  /** The decay rates of the two moving averages (default: [0.9, 0.999]). */
  readonly betas?: Betas;
  /** Keeps the divisor away from 0 (default: 1e-8). */
  readonly eps?: number;
  /** The weight decay, which pulls parameters towards 0. */
  readonly weightDecay?: number;
  /** How fast the momentum approaches β1 (default: 0.004). */
  readonly momentumDecay?: number;
  /** Weight decay shrinks the parameter, as in AdamW, and does not enter the moments. */
  readonly decoupledWeightDecay?: boolean;
}

type NAdamSettings = Required<Omit<NAdamOptions, "lr">>;

const ALGORITHM: Algorithm<NAdamSettings> = {
  name: "NAdam",
  lr: 2e-3,
  options: ["betas", "eps", "weightDecay", "momentumDecay", "decoupledWeightDecay"],
  settings: (given, { betas }) => ({
    betas: checkedBetas("NAdam", betas),
    eps: given.number("eps", 0, 1e-8),
    weightDecay: given.number("weightDecay", 0, 0),
    momentumDecay: given.number("momentumDecay", 0, 4e-3),
    decoupledWeightDecay: given.flag("decoupledWeightDecay", false),
  }),
  update(settings) {
    const products = new MomentumProducts(settings.betas[0], settings.momentumDecay);
    return {
      rule: updateRule(settings),
      countsSteps: true,
      scalarValues: (lr, completed) => scalarValues(settings, products, lr, completed + 1),
    };
  },
};

/** Adam with Nesterov's momentum (torch.optim.NAdam). */
export class NAdam extends Optimizer<NAdamSettings> {
  constructor(parameters: ParameterList<NAdamOptions>, options: NAdamOptions = {}) {
    super(ALGORITHM, parameters, options);
  }
}

/** Whether a step multiplies the parameters by what weight decay leaves of them. */
const shrinks = ({ weightDecay, decoupledWeightDecay }: NAdamSettings): boolean =>
  decoupledWeightDecay && weightDecay !== 0;

/**
 * With `Π(t) = μ1·…·μt` and `c2 = 1 - β2^t`, step t goes by `lr·(1-μt)/(1-Π(t))` along the gradient and by
 * `lr·μ(t+1)/(1-Π(t+1))` along its average, both over `√(v/c2) + ε`; `√c2` is multiplied into all three here.
 */
function scalarValues(settings: NAdamSettings, products: MomentumProducts, lr: number, step: number) {
  const root = Math.sqrt(1 - settings.betas[1] ** step);
  const scaled = lr * root;
  const product = products.until(step);
  const [mu, next] = [products.momentum(step), products.momentum(step + 1)];
  const values = {
    gradient_rate: (scaled * (1 - mu)) / (1 - product),
    average_rate: (scaled * next) / (1 - product * next),
    eps: settings.eps * root,
  };
  return shrinks(settings) ? { ...values, keep: 1 - lr * settings.weightDecay } : values;
}

/** The momenta `μt = β1·(1 - 0.96^(t·momentumDecay)/2)` and their products, which PyTorch keeps as `mu_product`. */
class MomentumProducts {
  private readonly beta: number;
  private readonly decay: number;
  /** The products of no, one, two, … momenta, as far as they were asked for: parameters may be at different steps. */
  private readonly products = [1];

  constructor(beta: number, decay: number) {
    this.beta = beta;
    this.decay = decay;
  }

  momentum(step: number): number {
    return this.beta * (1 - 0.5 * 0.96 ** (step * this.decay));
  }

  /** `μ1·…·μstep`. */
  until(step: number): number {
    const { products } = this;
    while (products.length <= step) {
      const last = products[products.length - 1];
      if (last === 0) return 0;
      products.push(last * this.momentum(products.length));
    }
    return products[step];
  }
}

/** Moments as in Adam (https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html). */
function updateRule(settings: NAdamSettings): UpdateRule {
  const { betas, weightDecay } = settings;
  const keeps = shrinks(settings);
  const scalars = ["gradient_rate", "average_rate", "eps"];
  return {
    name: "nadam",
    scalars: keeps ? [...scalars, "keep"] : scalars,
    states: (parameter) => ({ exp_avg: parameter, exp_avg_sq: parameter }),
    update(b, parameter, gradient, states, { gradient_rate, average_rate, eps, keep }) {
      const start = keeps ? b.node("mul", [parameter, keep]) : parameter;
      const entering = keeps ? gradient : withPenalty(b, gradient, parameter, weightDecay);
      const flushes = flushesBeside(settings.eps, betas[1]);
      const exp_avg = movingAverage(b, states.exp_avg, entering, betas[0], flushes);
      const exp_avg_sq = movingSquare(b, states.exp_avg_sq, entering, betas[1], flushes);
      const along = b.node("add", [
        b.node("mul", [entering, gradient_rate]),
        b.node("mul", [exp_avg, average_rate]),
      ]);
      const step = b.node("div", [along, rootPlus(b, exp_avg_sq, eps)]);
      return { parameter: b.node("sub", [start, step]), states: { exp_avg, exp_avg_sq } };
    },
  };
}
