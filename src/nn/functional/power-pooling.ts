/** Power-average pooling as functions: the p-norm of each window, by way of average pooling. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  Arguments,
  extentsOf,
  type Rank,
  type Size,
  type Size1d,
  type Size2d,
  type Size3d,
} from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { avgPool1d, avgPool2d } from "./pooling.ts";
import { avgPool3d } from "./pooling-volumes.ts";

/** The named arguments of {@link lpPool2d} (default: `stride` is the kernel's size). */
export interface LPPoolOptions<Extent = Size2d> {
  /** How far the window moves at a time (default: the kernel's size). */
  readonly stride?: Extent | null;
  /** Whether a last window may reach beyond the input. */
  readonly ceilMode?: boolean;
}

/** What power-average pooling takes, as it is computed with; without a stride it is the kernel's size. */
export interface LPPoolSettings<Extent> {
  readonly normType: number;
  readonly kernelSize: Extent;
  readonly stride: Extent | undefined;
  readonly ceilMode: boolean;
}

const NAMES = ["normType", "kernelSize", "stride", "ceilMode"];

/** Reads the arguments of power-average pooling along `rank` axes, layer or function. */
export function readLPPool<R extends Rank>(
  callee: string,
  given: readonly unknown[],
  rank: R,
): LPPoolSettings<Size<R>> {
  const options = new Arguments(callee, given, NAMES);
  const normType = options.number("normType", Number.NEGATIVE_INFINITY);
  if (normType === 0) refuse(`${callee}'s normType must not be 0: there is no root of that power`);
  return {
    normType,
    kernelSize: options.size("kernelSize", rank, 1),
    stride: options.has("stride") ? options.size("stride", rank, 1) : undefined,
    ceilMode: options.flag("ceilMode", false),
  };
}

/** `(Σ x^p)^(1/p)` over windows that `average` averages; if the sum is 0 the gradient is 0, as in PyTorch. */
function powerPool<R extends Rank>(
  callee: string,
  input: Tensor,
  given: readonly unknown[],
  rank: R,
  average: (powers: Tensor, window: LPPoolSettings<Size<R>>) => Tensor,
): Tensor {
  requireTensors(callee, { input });
  const settings = readLPPool(callee, given, rank);
  const { normType, kernelSize } = settings;
  const count = (extentsOf(kernelSize, rank) as readonly number[]).reduce((a, b) => a * b);
  const means = average(input.pow(normType), settings);
  // The same number; relu lets no gradient pass at 0, where that of the root is infinite.
  return means
    .sign()
    .mul(means.abs().relu())
    .mul(count)
    .pow(1 / normType);
}

/** The p-norm of each window of signals [N,C,L] or [C,L] (torch.nn.functional.lp_pool1d). */
export function lpPool1d(
  input: Tensor,
  normType: number,
  kernelSize: Size1d,
  stride?: Size1d | null | LPPoolOptions<Size1d>,
  ceilMode?: boolean | LPPoolOptions<Size1d>,
): Tensor {
  const given = [normType, kernelSize, stride, ceilMode];
  return powerPool(
    "lpPool1d",
    input,
    given,
    1,
    (powers, { kernelSize: kernel, stride: step, ceilMode: ceil }) =>
      avgPool1d(powers, kernel, step, 0, ceil),
  );
}

/** The p-norm of each window of images [N,C,H,W] or [C,H,W] (torch.nn.functional.lp_pool2d). */
export function lpPool2d(
  input: Tensor,
  normType: number,
  kernelSize: Size2d,
  stride?: Size2d | null | LPPoolOptions,
  ceilMode?: boolean | LPPoolOptions,
): Tensor {
  const given = [normType, kernelSize, stride, ceilMode];
  return powerPool(
    "lpPool2d",
    input,
    given,
    2,
    (powers, { kernelSize: kernel, stride: step, ceilMode: ceil }) =>
      avgPool2d(powers, kernel, step, 0, ceil),
  );
}

/** The p-norm of each window of volumes [N,C,D,H,W] or [C,D,H,W] (torch.nn.functional.lp_pool3d). */
export function lpPool3d(
  input: Tensor,
  normType: number,
  kernelSize: Size3d,
  stride?: Size3d | null | LPPoolOptions<Size3d>,
  ceilMode?: boolean | LPPoolOptions<Size3d>,
): Tensor {
  const given = [normType, kernelSize, stride, ceilMode];
  return powerPool(
    "lpPool3d",
    input,
    given,
    3,
    (powers, { kernelSize: kernel, stride: step, ceilMode: ceil }) =>
      avgPool3d(powers, kernel, step, 0, ceil),
  );
}
