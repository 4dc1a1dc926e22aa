/** Shape arithmetic: sizes, strides, axes and NumPy broadcasting, shared by every layer of the compiler. */

import { describeValue } from "./describe-value.ts";
import { KilnError } from "./errors.ts";

/** The extent of a tensor along each axis; [] for a single number. */
export type Shape = readonly number[];

/** Number of elements; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** `[64,1,32,32]`, as the IR and every message writes a shape. */
export const formatShape = (shape: Shape): string => `[${shape.join(",")}]`;

/**
 * A non-negative axis for one that may count from the end; throws when it lies outside the rank. As in PyTorch, 0 and -1
 * name the only axis that a single number can be thought to have.
 */
export function normalizeAxis(axis: number, rank: number): number {
  const axes = Math.max(rank, 1);
  const normalized = axis < 0 ? axis + axes : axis;
  if (typeof axis !== "number") throw new KilnError(`dim must be a whole number, not ${describeValue(axis)}`);
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= axes) {
    throw new KilnError(`axis ${axis} is out of range for a tensor of ${rank} dimensions`);
  }
  return normalized;
}

/** Sorted, distinct, non-negative axes; all axes when none are given. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  if (typeof axes !== "number" && !Array.isArray(axes))
    throw new KilnError(`dim must be a whole number or a list of them, not ${describeValue(axes)}`);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((axis) => normalizeAxis(axis, rank));
  if (new Set(list).size !== list.length) throw new KilnError(`an axis appears twice in [${axes}]`);
  return list.sort((a, b) => a - b);
}

/** The shape two operands broadcast to (NumPy's rule), or `undefined` when they do not. */
export function broadcastShapes(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    result[axis] = x === 1 ? y : x;
  }
  return result;
}

/** The shape left after reducing `axes`; reduced axes stay with extent 1 when `keepdim` is set. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdim: boolean): number[] {
  return shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepdim ? [1] : []) : [extent]));
}

/** Resolves one `-1` in a requested shape against `size` elements; throws when it cannot hold them. */
export function inferReshape(from: Shape, requested: Shape): number[] {
  const size = sizeOf(from);
  const holes = requested.filter((extent) => extent === -1).length;
  const known = requested.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  if (holes === 1 && known === 0) {
    throw new KilnError(
      `cannot view ${formatShape(from)} as ${formatShape(requested)}: next to an extent of 0, -1 could be any number`,
    );
  }
  const fits = holes === 0 ? known === size : holes === 1 && known > 0 && size % known === 0;
  if (!fits || requested.some((extent) => extent < -1 || !Number.isInteger(extent))) {
    throw new KilnError(
      `cannot view ${formatShape(from)} (${size} elements) as ${formatShape(requested)}: ` +
        `the number of elements differs`,
    );
  }
  return requested.map((extent) => (extent === -1 ? size / known : extent));
}
