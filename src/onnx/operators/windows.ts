/** The windows of convolutions and pools: ONNX's attributes as numbers for each axis. */

import type { Call } from "../call.ts";

/** The windows along the axes of a signal, an image or a volume; `before` and `after` are the padding. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** How many there are. */
  readonly extents: readonly number[];
}

/** The windows over `extents`, with the kernel's shape from the attribute `kernel_shape` or the weight. */
export function windowsOf(
  call: Call,
  extents: readonly number[],
  kernel = call.ints("kernel_shape") ?? call.fail("it has no attribute kernel_shape"),
): Windows {
  const rank = extents.length;
  const ones = extents.map(() => 1);
  const stride = call.ints("strides") ?? ones;
  const dilation = call.ints("dilations") ?? ones;
  const pads = call.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  const mode = call.string("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"], "NOTSET");
  const ceils = call.flag("ceil_mode");
  const along = extents.map((extent, k) => {
    const reach = (kernel[k] - 1) * dilation[k] + 1;
    if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
      const count = Math.ceil(extent / stride[k]);
      const total = Math.max(0, (count - 1) * stride[k] + reach - extent);
      const less = Math.floor(total / 2);
      const before = mode === "SAME_UPPER" ? less : total - less;
      return { before, after: total - before, count };
    }
    const [before, after] = mode === "VALID" ? [0, 0] : [pads[k], pads[k + rank]];
    const steps = (extent + before + after - reach) / stride[k];
    const count = (ceils ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // The last window begins in the input or in the padding before it.
    const isBeyond = ceils && (count - 1) * stride[k] >= extent + before;
    return { before, after, count: isBeyond ? count - 1 : count };
  });
  if (along.some(({ count }) => count < 1))
    call.fail(`its windows of [${kernel}] do not fit into [${extents}]`);
  return {
    ...{ kernel, stride, dilation },
    before: along.map(({ before }) => before),
    after: along.map(({ after }) => after),
    extents: along.map(({ count }) => count),
  };
}

/** Whether as much is added on both sides of each axis. */
export const isEven = ({ before, after }: Windows): boolean => before.every((side, k) => side === after[k]);

/** The argument of Kiln's `pad` for padding of the last axes. */
export const padding = (before: readonly number[], after: readonly number[]): number[] =>
  before
    .flatMap((side, k) => [side, after[k]] as const)
    .flatMap((_, k, all) => {
      // Pairs in reverse order: the last axis comes first.
      const pair = before.length - 1 - Math.floor(k / 2);
      return [all[2 * pair + (k % 2)]];
    });

/** How much after each axis the windows read, of an input that has `extents`. */
export const reachAfter = (
  { kernel, stride, dilation, before, extents: counts }: Windows,
  extents: readonly number[],
): number[] =>
  extents.map(
    (extent, k) => (counts[k] - 1) * stride[k] + (kernel[k] - 1) * dilation[k] + 1 - extent - before[k],
  );
