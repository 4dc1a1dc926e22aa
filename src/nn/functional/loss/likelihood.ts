/** Negative log-likelihoods of counts and of measurements, with PyTorch's defaults. */

import { broadcastShapes, sameShape } from "../../../core/shape.ts";
import { describe } from "../../../ops/definition.ts";
import { requireFloats } from "../../../tensor/arguments.ts";
import { full } from "../../../tensor/creation.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import { type LossOptions, reduced, reductionOf, refuse, requireTensors } from "../../reduction.ts";
import { raised } from "../distance.ts";

/** The named arguments of {@link poissonNllLoss}. */
export interface PoissonNLLLossOptions extends LossOptions {
  /** Whether the input is the logarithm of the expected count (default: true). */
  readonly logInput?: boolean;
  /** Whether Stirling's approximation of `log target!` is added (default: false). */
  readonly full?: boolean;
  /** What is added under the logarithm of an input that is not given as a logarithm (default: 1e-8). */
  readonly eps?: number;
}

/** The named arguments of {@link gaussianNllLoss}. */
export interface GaussianNLLLossOptions extends LossOptions {
  /** Whether the constant `log(2π)/2` is added (default: false). */
  readonly full?: boolean;
  /** The least variance that is computed with (default: 1e-6). */
  readonly eps?: number;
}

/** The options of a Poisson loss, for the module and the function. */
export function readPoisson(callee: string, given: readonly unknown[]): Required<PoissonNLLLossOptions> {
  const options = new Arguments(callee, given, ["logInput", "full"], ["eps", "reduction"]);
  return {
    logInput: options.flag("logInput", true),
    full: options.flag("full", false),
    eps: options.number("eps", 0, 1e-8),
    reduction: reductionOf(options),
  };
}

/** The options of a Gaussian loss, for the module and the function. */
export function readGaussian(callee: string, given: unknown): Required<GaussianNLLLossOptions> {
  const options = new Arguments(callee, [given], [], ["full", "eps", "reduction"]);
  const eps = options.number("eps", 0, 1e-6);
  if (eps === 0) refuse(`${callee}'s eps must be above 0: it is the least variance that is divided by`);
  return { full: options.flag("full", false), eps, reduction: reductionOf(options) };
}

/**
 * The negative log-likelihood of counts: `e^x - t·x` of a logarithm x, `x - t·log(x + eps)` otherwise; with `full` also
 * `t·log t - t + log(2πt)/2` for targets above 1 (torch.nn.functional.poisson_nll_loss).
 */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  logInput?: boolean | PoissonNLLLossOptions,
  full?: boolean | PoissonNLLLossOptions,
  options?: PoissonNLLLossOptions,
): Tensor {
  const settings = readPoisson("poissonNllLoss", [logInput, full, options]);
  requireTensors("poissonNllLoss", { input, target });
  requireFloats("poissonNllLoss", input);
  if (broadcastShapes(input.shape, target.shape) === undefined)
    refuse(`poissonNllLoss cannot compare ${describe(input)} with ${describe(target)}`);
  const counts = target.float();
  const losses = settings.logInput
    ? input.exp().sub(counts.mul(input))
    : input.sub(counts.mul(input.add(settings.eps).log()));
  return reduced(settings.full ? losses.add(logFactorial(counts)) : losses, settings.reduction);
}

/** Stirling's approximation of `log t!`, 0 up to 1. */
function logFactorial(t: Tensor): Tensor {
  const isSmall = t.le(1);
  const n = t.maskedFill(isSmall, 1);
  const log = n.log();
  const value = n
    .mul(log)
    .sub(n)
    .add(log.add(Math.log(2 * Math.PI)).mul(0.5));
  return value.maskedFill(isSmall, 0);
}

/**
 * The negative log-likelihood of measurements under normal distributions with the means `input`:
 * `(log v + (x - t)²/v)/2` of variances v, a tensor of the input's shape, one that lacks its last axis or has 1 there, or
 * one number; with `full` also `log(2π)/2` (torch.nn.functional.gaussian_nll_loss).
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor | number,
  options?: GaussianNLLLossOptions,
): Tensor {
  const callee = "gaussianNllLoss";
  const { full: isFull, eps, reduction } = readGaussian(callee, options);
  requireTensors(callee, { input, target });
  for (const operand of [input, target]) requireFloats(callee, operand);
  if (broadcastShapes(input.shape, target.shape) === undefined)
    refuse(`${callee} cannot compare ${describe(input)} with ${describe(target)}`);
  const own = typeof variance === "number" ? full(input.shape, variance) : variance;
  requireFloats(callee, own);
  const wrong = own.peek()?.find((v) => v < 0);
  if (wrong !== undefined) refuse(`${callee}'s variances must be at least 0, but one is ${wrong}`);
  const v = raised(alignedVariance(callee, input, own), eps);
  const difference = input.sub(target);
  const losses = v.log().add(difference.mul(difference).div(v)).mul(0.5);
  return reduced(isFull ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, reduction);
}

function alignedVariance(callee: string, input: Tensor, variance: Tensor): Tensor {
  if (sameShape(input.shape, variance.shape)) return variance;
  const samples = input.shape.slice(0, -1);
  if (sameShape(samples, variance.shape)) return variance.unsqueeze(-1);
  if (sameShape([...samples, 1], variance.shape)) return variance;
  return refuse(
    `${callee} expects variances of the input's shape ${describe(input)}, with or without a last axis of extent 1, ` +
      `but got ${describe(variance)}`,
  );
}
