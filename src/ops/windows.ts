/**
 * The windows of pooling along one axis, either of a fixed size at a fixed stride or as many as are asked
 * for: which positions a window reads, and which windows read a position.
 */

import { KilnError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { add, and, binary, compare, div, inRange, int, mod, mul, reduce, sub } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { type Attributes, BOOLEAN, PAIR, PAIR_FROM_0 } from "./declaration.ts";
import { describe, f32, ints, requireFloat } from "./definition.ts";

/** A window that reads a position, its tap there, and the condition under which there is one. */
interface Reader {
  readonly window: Expr;
  readonly tap: Expr;
  readonly exists: Expr;
}

/** One axis. Windows and positions count from 0, as do the taps of a window. */
export interface AxisWindows {
  /** The most taps of a window. */
  readonly taps: number;
  /** The position under a tap, and the condition under which it is in the input. */
  read(window: Expr, tap: Expr): { readonly position: Expr; readonly inside: Expr };
  /** The first tap of a window that is in the input. */
  firstTap(window: Expr): Expr;
  /** The most windows that read one position. */
  readonly readers: number;
  /** The `turn`-th window that reads a position. */
  reader(position: Expr, turn: Expr): Reader;
  /** The position under a tap in numbers, or `undefined` if it is outside of the input. */
  position(window: number, tap: number): number | undefined;
}

/** Rows and columns. */
export type PlaneWindows = readonly [AxisWindows, AxisWindows];

/** How the attributes of a pooling op describe its windows. */
export interface WindowFamily {
  /** The attributes, for the docs of ops. */
  readonly attributes: string;
  /** The attributes that every op of the family has. */
  readonly declared: Attributes;
  /** [rows, columns] of the result; throws if the attributes do not suit the input. */
  outputSize(op: string, input: TensorType, attrs: Attrs): readonly number[];
  windows(inputSize: readonly number[], outputSize: readonly number[], attrs: Attrs): PlaneWindows;
  /** Whether windows are disjoint and entirely inside: each element is read at most once, and without a guard. */
  readsOnce(input: TensorType, output: TensorType, attrs: Attrs): boolean;
}

/** The geometry of fixed windows along one axis. */
interface FixedAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** The geometry that the attributes `kernel`, `stride`, `padding` and, unless it is 1, `dilation` describe. */
export function fixedAxes(attrs: Attrs): readonly [FixedAxis, FixedAxis] {
  const axis = (k: number): FixedAxis => ({
    kernel: ints(attrs, "kernel")[k],
    stride: ints(attrs, "stride")[k],
    padding: ints(attrs, "padding")[k],
    dilation: attrs.dilation === undefined ? 1 : ints(attrs, "dilation")[k],
  });
  return [axis(0), axis(1)];
}

/** Whether windows follow each other without overlap, gap or padding. */
const isTiling = ({ kernel, stride, padding, dilation }: FixedAxis): boolean =>
  kernel === stride && padding === 0 && dilation === 1;

/** Whether windows tile the plane without overlap or padding: each input has one window at most. */
const windowsAreDisjoint = (attrs: Attrs): boolean => fixedAxes(attrs).every(isTiling);

/** Windows of one size at a fixed stride (torch.nn.MaxPool2d, "Shape"). */
export const FIXED: WindowFamily = {
  declared: { kernel: PAIR, stride: PAIR, padding: PAIR_FROM_0, ceilMode: BOOLEAN },
  attributes: "Attributes: `kernel`, `stride`, `padding` and `dilation` as [rows, columns], and `ceilMode`.",
  outputSize(op, input, attrs) {
    requireImages(op, input);
    const axes = fixedAxes(attrs);
    for (const { padding, kernel } of axes) {
      if (padding * 2 > kernel)
        throw new KilnError(`${op}'s padding ${padding} must be at most half of its kernel ${kernel}`);
    }
    const extents = axes.map((axis, k) => fixedExtent(axis, input.shape[k + 2], attrs.ceilMode === true));
    if (extents.some((extent) => extent < 1)) {
      const kernel = axes.map((axis) => axis.kernel).join("×");
      throw new KilnError(`${op}'s kernel ${kernel} does not fit into ${describe(input)}`);
    }
    return extents;
  },
  readsOnce: (input, output, attrs) =>
    windowsAreDisjoint(attrs) &&
    ints(attrs, "kernel").every((k, axis) => output.shape[axis + 2] * k <= input.shape[axis + 2]),
  windows(inputSize, outputSize, attrs) {
    const [rows, columns] = fixedAxes(attrs);
    return [
      fixedWindows(rows, inputSize[0], outputSize[0]),
      fixedWindows(columns, inputSize[1], outputSize[1]),
    ];
  },
};

/** How many windows there are; in ceil mode one must start inside the input or its left padding. */
function fixedExtent({ kernel, stride, padding, dilation }: FixedAxis, input: number, ceil: boolean): number {
  const span = input + 2 * padding - dilation * (kernel - 1) - 1;
  if (!ceil) return Math.floor(span / stride) + 1;
  const extent = Math.ceil(span / stride) + 1;
  return (extent - 1) * stride >= input + padding ? extent - 1 : extent;
}

function fixedWindows(axis: FixedAxis, input: number, output: number): AxisWindows {
  const { kernel, stride, padding, dilation } = axis;
  const tiling = isTiling(axis);
  return {
    taps: kernel,
    read(window, tap) {
      const position = sub(add(mul(window, int(stride)), mul(tap, int(dilation))), int(padding));
      return { position, inside: inRange(position, input) };
    },
    firstTap(window) {
      if (padding === 0) return int(0);
      const outside = binary("max", sub(int(padding), mul(window, int(stride))), int(0));
      return div(add(outside, int(dilation - 1)), int(dilation));
    },
    readers: tiling ? 1 : kernel,
    reader(position, turn) {
      if (tiling) {
        const window = div(position, int(kernel));
        return { window, tap: mod(position, int(kernel)), exists: inRange(window, output) };
      }
      const shifted = sub(add(position, int(padding)), mul(turn, int(dilation)));
      const window = div(shifted, int(stride));
      const aligned = compare("eq", mod(shifted, int(stride)), int(0));
      return { window, tap: turn, exists: and(aligned, inRange(window, output)) };
    },
    position(window, tap) {
      const position = window * stride + tap * dilation - padding;
      return position >= 0 && position < input ? position : undefined;
    },
  };
}

/** As many windows as `outputSize` says, of sizes as equal as possible (torch.nn.AdaptiveAvgPool2d). */
export const ADAPTIVE: WindowFamily = {
  declared: { outputSize: PAIR },
  attributes:
    "Attribute: `outputSize` as [rows, columns]; window i of n reads positions ⌊i·size/n⌋ to ⌈(i+1)·size/n⌉ - 1.",
  outputSize(op, input, attrs) {
    requireImages(op, input);
    return ints(attrs, "outputSize");
  },
  readsOnce: () => false,
  windows: (inputSize, outputSize) => [
    adaptiveWindows(inputSize[0], outputSize[0]),
    adaptiveWindows(inputSize[1], outputSize[1]),
  ],
};

/** First position and end of window `i` of `count` over `size` positions, in numbers. */
export const adaptiveRange = (i: number, size: number, count: number): readonly [number, number] => [
  Math.floor((i * size) / count),
  Math.ceil(((i + 1) * size) / count),
];

/** The same as expressions. */
export const adaptiveBounds = (i: Expr, size: number, count: number): readonly [Expr, Expr] => [
  div(mul(i, int(size)), int(count)),
  div(add(mul(i, int(size)), int(size + count - 1)), int(count)),
];

/** The size of the largest window. */
function largestWindow(size: number, count: number): number {
  const sizes = Array.from({ length: count }, (_, i) => {
    const [start, end] = adaptiveRange(i, size, count);
    return end - start;
  });
  return Math.max(...sizes);
}

/** The windows that read a position are themselves such a window, of `input` windows over `output` positions. */
function adaptiveWindows(input: number, output: number): AxisWindows {
  const member = (i: Expr, k: Expr, size: number, count: number) => {
    const [start, end] = adaptiveBounds(i, size, count);
    const position = add(start, k);
    // In range already; repeated because a bound that is itself a quotient proves no load to be inside.
    return { position, inside: and(compare("lt", position, end), inRange(position, size)) };
  };
  return {
    taps: largestWindow(input, output),
    read: (window, tap) => member(window, tap, input, output),
    firstTap: () => int(0),
    readers: largestWindow(output, input),
    reader(position, turn) {
      const { position: window, inside: exists } = member(position, turn, output, input);
      return { window, tap: sub(position, adaptiveBounds(window, input, output)[0]), exists };
    },
    position(window, tap) {
      const [start, end] = adaptiveRange(window, input, output);
      return start + tap < end ? start + tap : undefined;
    },
  };
}

/**
 * The type of the image whose pool has the cotangent `ct`, from its `inputSize`; throws unless `pooled`, the pool's
 * result for it, agrees.
 */
export function inferImage(
  op: string,
  ct: TensorType,
  attrs: Attrs,
  pooled: (image: TensorType) => TensorType,
): TensorType {
  requireImages(op, ct);
  const image = f32(ct.shape[0], ct.shape[1], ...ints(attrs, "inputSize"));
  const expected = pooled(image);
  if (!sameShape(ct.shape, expected.shape))
    throw new KilnError(`${op} expects a cotangent ${describe(expected)} but got ${describe(ct)}`);
  return image;
}

function requireImages(op: string, input: TensorType): void {
  requireFloat(op, [input]);
  if (input.shape.length !== 4) throw new KilnError(`${op} expects [N,C,H,W] but got ${describe(input)}`);
  if (input.shape.slice(2).includes(0))
    throw new KilnError(
      `${op} expects images with pixels but got ${describe(input)}; only the batch may be empty`,
    );
}

/** The axes of a reduction over the taps of a window. */
export const tapAxes = ([rows, columns]: PlaneWindows) => [
  { name: "dy", extent: rows.taps },
  { name: "dx", extent: columns.taps },
];

/** The sum of `term` over the windows that read a position: no reduction along an axis with only one such window. */
export function sumOverReaders(
  windows: PlaneWindows,
  position: readonly Expr[],
  term: (readers: readonly Reader[]) => Expr,
): Expr {
  const axes = windows.flatMap(({ readers }, axis) =>
    readers > 1 ? [{ name: axis === 0 ? "dy" : "dx", extent: readers, axis }] : [],
  );
  const body = (turns: readonly Expr[]): Expr =>
    term(
      windows.map((along, axis) => {
        const turn = axes.findIndex((reduced) => reduced.axis === axis);
        return along.reader(position[axis], turn < 0 ? int(0) : turns[turn]);
      }),
    );
  return axes.length === 0 ? body([]) : reduce("sum", axes, body);
}
