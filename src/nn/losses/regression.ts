/** Losses of the difference between output and target as modules; both have one shape. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  type HuberLossOptions,
  huberLoss,
  l1Loss,
  mseLoss,
  positiveDelta,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from "../functional/loss/regression.ts";
import { Arguments } from "../options.ts";
import { type LossOptions, type Reduction, readReduction, reductionOf } from "../reduction.ts";
import { ElementLoss } from "./loss.ts";

/**
 * The squared difference (torch.nn.MSELoss).
 *
 * ```ts
 * const loss = new nn.MSELoss().forward(rand(8, 1), rand(8, 1)); // both of one shape
 * ```
 */
export class MSELoss extends ElementLoss {
  constructor(options?: LossOptions) {
    super(readReduction("MSELoss", options));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, { reduction: this.reduction });
  }
}

/** The absolute difference (torch.nn.L1Loss). */
export class L1Loss extends ElementLoss {
  constructor(options?: LossOptions) {
    super(readReduction("L1Loss", options));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, { reduction: this.reduction });
  }
}

/** `d²/(2·beta)` of the difference d below `beta`, `|d| - beta/2` beyond (torch.nn.SmoothL1Loss). */
export class SmoothL1Loss extends ElementLoss {
  /** The difference below which the loss is quadratic. */
  readonly beta: number;

  constructor(options?: SmoothL1LossOptions) {
    const given = new Arguments("SmoothL1Loss", [options], [], ["reduction", "beta"]);
    super(reductionOf(given));
    this.beta = given.number("beta", 0, 1);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, { reduction: this.reduction, beta: this.beta });
  }
}

/** `d²/2` of the difference d up to `delta`, `delta·(|d| - delta/2)` beyond (torch.nn.HuberLoss). */
export class HuberLoss extends ElementLoss {
  /** The difference below which the loss is quadratic. */
  readonly delta: number;

  constructor(reduction?: Reduction | HuberLossOptions, delta?: number | HuberLossOptions) {
    const given = new Arguments("HuberLoss", [reduction, delta], ["reduction", "delta"]);
    super(reductionOf(given));
    this.delta = positiveDelta("HuberLoss", given.number("delta", 0, 1));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, { reduction: this.reduction, delta: this.delta });
  }
}
