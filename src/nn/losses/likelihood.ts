/** Negative log-likelihoods of counts and of measurements as modules. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  type GaussianNLLLossOptions,
  gaussianNllLoss,
  type PoissonNLLLossOptions,
  poissonNllLoss,
  readGaussian,
  readPoisson,
} from "../functional/loss/likelihood.ts";
import { ElementLoss, ToldLoss } from "./loss.ts";

/** The negative log-likelihood of counts; the input is the expected count or its logarithm (torch.nn.PoissonNLLLoss). */
export class PoissonNLLLoss extends ElementLoss {
  /** Whether the input is the logarithm of the rate. */
  readonly logInput: boolean;
  /** Whether terms that do not depend on the input are added. */
  readonly full: boolean;
  /** What is added before the logarithm is taken. */
  readonly eps: number;

  constructor(
    logInput?: boolean | PoissonNLLLossOptions,
    full?: boolean | PoissonNLLLossOptions,
    options?: PoissonNLLLossOptions,
  ) {
    const settings = readPoisson("PoissonNLLLoss", [logInput, full, options]);
    super(settings.reduction);
    this.logInput = settings.logInput;
    this.full = settings.full;
    this.eps = settings.eps;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return poissonNllLoss(input, target, { logInput, full, eps, reduction });
  }
}

/**
 * The negative log-likelihood of measurements under normal distributions (torch.nn.GaussianNLLLoss): `forward(input,
 * target, variance)`. Compiled, the loss gets a model's outputs before the targets: a model of means and variances has its
 * loss in a module whose `forward(mean, variance, target)` calls this one, and `targets` tells the target's shape.
 */
export class GaussianNLLLoss extends ToldLoss {
  /** Whether terms that do not depend on the input are added. */
  readonly full: boolean;
  /** The lower bound of the variance. */
  readonly eps: number;

  constructor(options?: GaussianNLLLossOptions) {
    const settings = readGaussian("GaussianNLLLoss", options);
    super(settings.reduction);
    this.full = settings.full;
    this.eps = settings.eps;
  }

  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    const { full, eps, reduction } = this;
    return gaussianNllLoss(input, target, variance, { full, eps, reduction });
  }

  protected override get comparison(): string {
    return "takes a target and variances: tell compileTraining the shapes of both, such as targets: [[64, 1], [64, 1]]";
  }
}
