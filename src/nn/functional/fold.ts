/** Windows of images as columns and back (unfold, fold), and the same along one axis, which convolutions of volumes use. */

import { describe } from "../../ops/definition.ts";
import { requireFloats } from "../../tensor/arguments.ts";
import { pad, stack } from "../../tensor/rearrange.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { Arguments, type Pair, type Size2d } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";

/** The named arguments of {@link unfold} and {@link fold} behind the sizes. */
export interface UnfoldOptions {
  /** The spacing of the elements of a block (default: 1). */
  readonly dilation?: Size2d;
  /** How many zeros are added on both sides of each axis (default: 0). */
  readonly padding?: Size2d;
  /** How far apart blocks begin (default: 1). */
  readonly stride?: Size2d;
}

/** The geometry of windows along one axis. */
export interface AxisWindows {
  readonly kernel: number;
  readonly dilation: number;
  readonly padding: number;
  readonly stride: number;
}

/** The geometry of windows in images, as it is computed with. */
export interface UnfoldSettings {
  readonly kernelSize: Pair;
  readonly dilation: Pair;
  readonly padding: Pair;
  readonly stride: Pair;
}

const NAMES = ["kernelSize", "dilation", "padding", "stride"];

/** Reads what unfold takes, layer or function. */
export const readUnfold = (options: Arguments): UnfoldSettings => ({
  kernelSize: options.extents("kernelSize", 2, 1),
  dilation: options.extents("dilation", 2, 1, 1),
  padding: options.extents("padding", 2, 0, 0),
  stride: options.extents("stride", 2, 1, 1),
});

/** Reads what fold takes, layer or function. */
export const readFold = (
  callee: string,
  given: readonly unknown[],
): UnfoldSettings & { readonly outputSize: Pair } => {
  const options = new Arguments(callee, given, ["outputSize", ...NAMES]);
  return { outputSize: options.extents("outputSize", 2, 1), ...readUnfold(options) };
};

export const unfoldArguments = (callee: string, given: readonly unknown[]): UnfoldSettings =>
  readUnfold(new Arguments(callee, given, NAMES));

const axisOf = ({ kernelSize, dilation, padding, stride }: UnfoldSettings, k: 0 | 1): AxisWindows => ({
  kernel: kernelSize[k],
  dilation: dilation[k],
  padding: padding[k],
  stride: stride[k],
});

/** How many windows there are along an axis. */
export const windowCount = (extent: number, { kernel, dilation, padding, stride }: AxisWindows): number =>
  Math.floor((extent + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;

/** `[…, extent, …]` → `[…, kernel, windows, …]`: the elements under each tap of the windows along `axis`. */
export function unfoldAxis(x: Tensor, axis: number, windows: AxisWindows): Tensor {
  const { kernel, dilation, padding, stride } = windows;
  const count = windowCount(x.shape[axis], windows);
  if (padding === 0 && dilation === 1 && stride === kernel) {
    // Windows that neither overlap nor leave gaps are only named anew.
    const own = x.narrow(axis, 0, count * kernel);
    return own
      .reshape([...x.shape.slice(0, axis), count, kernel, ...x.shape.slice(axis + 1)])
      .transpose(axis, axis + 1);
  }
  const behind = x.ndim - 1 - axis;
  const padded = padding === 0 ? x : pad(x, [...Array(2 * behind).fill(0), padding, padding]);
  return stack(
    Array.from({ length: kernel }, (_, tap) => {
      const start = tap * dilation;
      return padded.slice(axis, start, start + (count - 1) * stride + 1, stride);
    }),
    axis,
  );
}

/** The way back of {@link unfoldAxis}: `[…, kernel, windows, …]` → `[…, extent, …]`; where windows overlap, their elements add up. */
export function foldAxis(x: Tensor, axis: number, extent: number, windows: AxisWindows): Tensor {
  const { kernel, dilation, padding, stride } = windows;
  const count = x.shape[axis + 1];
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 2)];
  const whole = [...before, extent + 2 * padding, ...after];
  const parts = Array.from({ length: kernel }, (_, tap) => {
    const start = tap * dilation;
    const at = (value: number, other: (k: number) => number): number[] =>
      whole.map((_, k) => (k === axis ? value : other(k)));
    return apply("slice_grad", [x.select(axis, tap)], {
      starts: at(start, () => 0),
      stops: at(start + (count - 1) * stride + 1, (k) => whole[k]),
      steps: at(stride, () => 1),
      shape: whole,
    });
  });
  const sum = parts.reduce((a, b) => a.add(b));
  return padding === 0 ? sum : sum.narrow(axis, padding, extent);
}

/** Images with a batch, whether there is one or not; anything else is refused. */
function batched(callee: string, input: Tensor, rank: number, layout: string): Tensor {
  requireTensors(callee, { input });
  requireFloats(callee, input);
  if (input.ndim === rank) return input.unsqueeze(0);
  return input.ndim === rank + 1 ? input : refuse(`${callee} expects ${layout} but got ${describe(input)}`);
}

/**
 * The windows of images as columns: [N,C,H,W] → [N, C·kernel, windows], or the same without N
 * (torch.nn.functional.unfold).
 */
export function unfold(
  input: Tensor,
  kernelSize: Size2d,
  dilation?: Size2d | UnfoldOptions,
  padding?: Size2d | UnfoldOptions,
  stride?: Size2d | UnfoldOptions,
): Tensor {
  const settings = unfoldArguments("unfold", [kernelSize, dilation, padding, stride]);
  const images = batched("unfold", input, 3, "images [N,C,H,W] or [C,H,W]");
  const [samples, channels, height, width] = images.shape;
  const [rows, columns] = [axisOf(settings, 0), axisOf(settings, 1)];
  if (windowCount(height, rows) < 1 || windowCount(width, columns) < 1)
    refuse(`unfold's windows of [${settings.kernelSize}] do not fit into ${describe(input)}`);
  // [N,C,H,W] → [N,C,ky,y,W] → [N,C,ky,y,kx,x] → [N,C,ky,kx,y,x]
  const taps = unfoldAxis(unfoldAxis(images, 2, rows), 4, columns).transpose(3, 4);
  const result = taps.reshape([
    samples,
    channels * rows.kernel * columns.kernel,
    taps.shape[4] * taps.shape[5],
  ]);
  return input.ndim === 3 ? result.squeeze(0) : result;
}

/**
 * Images from columns, the elements of overlapping windows added up: [N, C·kernel, windows] → [N,C,…outputSize], or the
 * same without N (torch.nn.functional.fold).
 */
export function fold(
  input: Tensor,
  outputSize: Size2d,
  kernelSize: Size2d,
  dilation?: Size2d | UnfoldOptions,
  padding?: Size2d | UnfoldOptions,
  stride?: Size2d | UnfoldOptions,
): Tensor {
  const settings = readFold("fold", [outputSize, kernelSize, dilation, padding, stride]);
  const columns = batched("fold", input, 2, "columns [N,C·kernel,windows] or [C·kernel,windows]");
  const axes = [axisOf(settings, 0), axisOf(settings, 1)];
  const [kernels, counts] = [
    settings.kernelSize,
    axes.map((axis, k) => windowCount(settings.outputSize[k], axis)),
  ];
  const [samples, rows, windows] = columns.shape;
  const taps = kernels[0] * kernels[1];
  if (rows % taps !== 0 || counts.some((count) => count < 1) || windows !== counts[0] * counts[1])
    refuse(
      `fold to [${settings.outputSize}] by windows of [${kernels}] expects [N,C·${taps},${counts[0]}·${counts[1]}] ` +
        `but got ${describe(input)}`,
    );
  const split = columns.reshape([samples, rows / taps, ...kernels, ...counts]).transpose(3, 4);
  const images = foldAxis(
    foldAxis(split, 4, settings.outputSize[1], axes[1]),
    2,
    settings.outputSize[0],
    axes[0],
  );
  return input.ndim === 2 ? images.squeeze(0) : images;
}
