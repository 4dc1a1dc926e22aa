/** Norms, and roots of sums of powers whose gradient at 0 is 0, as PyTorch has it. */

import { requireExtents } from "../ops/reduction.ts";
import { axesOf, type Dims } from "./axes.ts";
import { apply } from "./operation.ts";
import { compared } from "./promotion.ts";
import { where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/**
 * `f` of the input, but 0 where the input is 0: `f` is evaluated at 1 there, so that neither its value nor an infinite
 * slope appears.
 */
function zeroAtZero(input: Tensor, f: (input: Tensor) => Tensor): Tensor {
  const isZero = compared(input, "eq", 0);
  return where(isZero, 0, f(where(isZero, 1, input)));
}

/** The square root with gradient 0 at 0. */
export const flatSqrt = (input: Tensor): Tensor => zeroAtZero(input, (x) => x.sqrt());

/**
 * `(Σ |x|^p)^(1/p)` over `dim`, or over all elements (torch.linalg.vector_norm). `p` may be ±∞, the largest or the
 * smallest size, or 0, the number of elements that are not 0.
 */
export function norm(input: Tensor, p: number | "fro" = 2, dim?: Dims, keepdim = false): Tensor {
  const axes = axesOf(input, dim);
  if (Math.abs(Number(p)) === Number.POSITIVE_INFINITY) withOrigin(() => requireExtents("norm", input, axes));
  switch (p) {
    case 0:
      return compared(input, "ne", 0).float().sum(axes, keepdim);
    case 1:
      return input.abs().sum(axes, keepdim);
    case 2:
    case "fro":
      return flatSqrt(input.mul(input).sum(axes, keepdim));
    case Number.POSITIVE_INFINITY:
      return input.abs().amax(axes, keepdim);
    case Number.NEGATIVE_INFINITY:
      return input.abs().amin(axes, keepdim);
    default: {
      const powers = zeroAtZero(input.abs(), (x) => x.pow(p));
      return zeroAtZero(powers.sum(axes, keepdim), (x) => x.pow(1 / p));
    }
  }
}

/** `log Σ e^x` over `dim`; no exponential overflows. */
export const logsumexp = (input: Tensor, dim: Dims, keepdim = false): Tensor =>
  apply("logsumexp", [input], { axes: axesOf(input, dim), keepdim });
