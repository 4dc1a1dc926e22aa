/** The partial inverse of max pooling: maxima go back to where they stood, and zeros fill the rest. */

import { describe } from "../../ops/definition.ts";
import { zeros } from "../../tensor/creation.ts";
import { Function as DifferentiableFunction, type FunctionContext } from "../../tensor/function.ts";
import { gather } from "../../tensor/lookup.ts";
import { scatter } from "../../tensor/scatter.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  Arguments,
  type Extents,
  type Rank,
  type Size,
  type Size1d,
  type Size2d,
  type Size3d,
} from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";

/** The named arguments of {@link maxUnpool2d} (default: `stride` is the kernel's size). */
export interface UnpoolOptions<Extent = Size2d> {
  /** How far the window moved (default: the kernel's size). */
  readonly stride?: Extent | null;
  /** How much was added on both sides (default: 0). */
  readonly padding?: Extent;
  /** The extents of the result, or its whole shape (default: those that the windows are furthest from going beyond). */
  readonly outputSize?: readonly number[] | null;
}

/** How the windows of the pooling lay. */
export interface UnpoolSettings<R extends Rank> {
  readonly kernelSize: Extents<R>;
  readonly stride: Extents<R>;
  readonly padding: Extents<R>;
}

const NAMES = ["kernelSize", "stride", "padding"];

const settingsOf = <R extends Rank>(options: Arguments, rank: R): UnpoolSettings<R> => {
  const kernelSize = options.extents("kernelSize", rank, 1);
  return {
    kernelSize,
    stride: options.extents("stride", rank, 1, kernelSize as Size<R>),
    padding: options.extents("padding", rank, 0, 0 as Size<R>),
  };
};

/** Reads the arguments of an unpooling layer. */
export const readUnpool = <R extends Rank>(
  callee: string,
  given: readonly unknown[],
  rank: R,
): UnpoolSettings<R> => settingsOf(new Arguments(callee, given, NAMES), rank);

/**
 * Values [planes, count] at their positions among `extent` zeros: if several have the same one, each gets its gradient.
 */
class MaxUnpool extends DifferentiableFunction {
  static forward(context: FunctionContext, values: Tensor, places: Tensor, extent: number): Tensor {
    context.saveForBackward(places);
    return scatter(zeros(values.shape[0], extent), 1, places, values);
  }

  static backward({ savedTensors: [places] }: FunctionContext, arriving: Tensor): (Tensor | null)[] {
    return [gather(arriving, 1, places), null, null];
  }
}

/** The extents of the result: `wanted`, if they are within reach of the windows, or those that PyTorch chooses. */
function outputExtents<R extends Rank>(
  callee: string,
  input: readonly number[],
  { kernelSize, stride, padding }: UnpoolSettings<R>,
  wanted: readonly number[] | undefined,
): readonly number[] {
  const usual = input.map((extent, k) => (extent - 1) * stride[k] + kernelSize[k] - 2 * padding[k]);
  if (wanted === undefined) return usual;
  const own = wanted.length > input.length ? wanted.slice(-input.length) : wanted;
  const isNear = (extent: number, k: number): boolean =>
    Number.isSafeInteger(extent) && Math.abs(extent - usual[k]) < stride[k];
  if (own.length !== input.length || wanted.length > input.length + 2 || !own.every(isNear))
    refuse(
      `${callee}'s outputSize [${wanted}] must be less than a stride [${stride}] away from [${usual}], axis by axis`,
    );
  return own;
}

/** Unpools [N,C,…] or [C,…] along its last `rank` axes. */
export function maxUnpool<R extends Rank>(
  callee: string,
  input: Tensor,
  indices: Tensor,
  rank: R,
  settings: UnpoolSettings<R>,
  outputSize?: readonly number[] | null,
): Tensor {
  requireTensors(callee, { input, indices });
  const isFit = indices.dtype === "int32" && String(indices.shape) === String(input.shape);
  if (!isFit || (input.ndim !== rank + 1 && input.ndim !== rank + 2))
    refuse(
      `${callee} expects [N,C,…] or [C,…] with ${rank} more axes, and the int32 indices that pooling with returnIndices ` +
        `gives, but got ${describe(input)} and ${describe(indices)}`,
    );
  const leading = input.shape.slice(0, -rank);
  const extents = outputExtents(callee, input.shape.slice(-rank), settings, outputSize ?? undefined);
  if (extents.some((extent) => extent < 1))
    refuse(`${callee} of ${describe(input)} gives nothing: [${extents}]`);
  const planes = leading.reduce((a, b) => a * b, 1);
  const count = input.shape.slice(-rank).reduce((a, b) => a * b, 1);
  const size = extents.reduce((a, b) => a * b, 1);
  const flat = MaxUnpool.apply(input.reshape([planes, count]), indices.reshape([planes, count]), size);
  return flat.reshape([...leading, ...extents]);
}

/** Reads what follows the indices. */
function unpooled<R extends Rank>(
  callee: string,
  input: Tensor,
  indices: Tensor,
  rank: R,
  given: readonly unknown[],
): Tensor {
  const options = new Arguments(callee, given, [...NAMES, "outputSize"]);
  const size = options.has("outputSize") ? options.integers("outputSize") : undefined;
  return maxUnpool(callee, input, indices, rank, settingsOf(options, rank), size);
}

/** Signals [N,C,L] from the maxima of windows and where they stood (torch.nn.functional.max_unpool1d). */
export function maxUnpool1d(
  input: Tensor,
  indices: Tensor,
  kernelSize: Size1d,
  stride?: Size1d | null | UnpoolOptions<Size1d>,
  padding?: Size1d | UnpoolOptions<Size1d>,
  outputSize?: readonly number[] | null | UnpoolOptions<Size1d>,
): Tensor {
  return unpooled("maxUnpool1d", input, indices, 1, [kernelSize, stride, padding, outputSize]);
}

/**
 * Images [N,C,H,W] from the maxima of windows and their positions, as pooling with `returnIndices` returns them
 * (torch.nn.functional.max_unpool2d). If windows overlap and two maxima have one position, it gets the last one.
 */
export function maxUnpool2d(
  input: Tensor,
  indices: Tensor,
  kernelSize: Size2d,
  stride?: Size2d | null | UnpoolOptions,
  padding?: Size2d | UnpoolOptions,
  outputSize?: readonly number[] | null | UnpoolOptions,
): Tensor {
  return unpooled("maxUnpool2d", input, indices, 2, [kernelSize, stride, padding, outputSize]);
}

/** Volumes [N,C,D,H,W] from the maxima of windows and where they stood (torch.nn.functional.max_unpool3d). */
export function maxUnpool3d(
  input: Tensor,
  indices: Tensor,
  kernelSize: Size3d,
  stride?: Size3d | null | UnpoolOptions<Size3d>,
  padding?: Size3d | UnpoolOptions<Size3d>,
  outputSize?: readonly number[] | null | UnpoolOptions<Size3d>,
): Tensor {
  return unpooled("maxUnpool3d", input, indices, 3, [kernelSize, stride, padding, outputSize]);
}
