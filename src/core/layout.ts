/**
 * Physical layouts: a value has the shape that its user sees and lies in memory with its axes in an order of the
 * compiler's choice. Numbers are brought from one to the other only where they enter or leave a program's memory.
 */

import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { type Shape, sizeOf, stridesOf } from "./shape.ts";

/** The axes of a value from the outermost in memory to the innermost; `[0,1,2,…]` is row-major. */
export type Layout = readonly number[];

export const rowMajor = (rank: number): Layout => Array.from({ length: rank }, (_, axis) => axis);

/** Whether `layout` names every axis of a value of `rank` dimensions once. */
export const isLayout = (layout: Layout, rank: number): boolean =>
  layout.length === rank && rowMajor(rank).every((axis) => layout.includes(axis));

/** Whether elements are in row-major order; axes of extent 1 may be anywhere. */
export function isRowMajor(shape: Shape, layout: Layout): boolean {
  const moved = layout.filter((axis) => shape[axis] > 1);
  return moved.every((axis, k) => k === 0 || moved[k - 1] < axis);
}

export const sameLayout = (a: Layout, b: Layout): boolean =>
  a.length === b.length && a.every((axis, k) => axis === b[k]);

/** The extents in the order of memory. */
export const physicalShape = (shape: Shape, layout: Layout): number[] => layout.map((axis) => shape[axis]);

/** What a step along each axis, in the user's order, moves in memory, in elements. */
export function physicalStrides(shape: Shape, layout: Layout): number[] {
  const inMemory = stridesOf(physicalShape(shape, layout));
  const strides = new Array<number>(shape.length);
  layout.forEach((axis, k) => {
    strides[axis] = inMemory[k];
  });
  return strides;
}

/** Row-major numbers in the order of `layout`. */
export const toPhysical = (data: TypedArray, dtype: DType, shape: Shape, layout: Layout): TypedArray =>
  rearranged(data, dtype, physicalShape(shape, layout), stridesAlong(stridesOf(shape), layout));

/** Converts numbers in the order of `layout` to row-major order. */
export const toLogical = (data: TypedArray, dtype: DType, shape: Shape, layout: Layout): TypedArray =>
  rearranged(data, dtype, shape, physicalStrides(shape, layout));

const stridesAlong = (strides: readonly number[], layout: Layout): number[] =>
  layout.map((axis) => strides[axis]);

/** The elements of `data` that `strides` lead to, in row-major order of `extents`. */
function rearranged(data: TypedArray, dtype: DType, extents: Shape, strides: readonly number[]): TypedArray {
  const length = sizeOf(extents);
  // Values computed in double stay in double.
  const result = data instanceof Float64Array ? new Float64Array(length) : allocate(dtype, length);
  const axes = joinedAxes(extents, strides);
  const last = axes.length - 1;
  let position = 0;
  const copy = (axis: number, from: number): void => {
    const { extent, stride } = axes[axis];
    const end = from + extent * stride;
    if (axis < last) for (let at = from; at < end; at += stride) copy(axis + 1, at);
    else for (let at = from; at < end; at += stride) result[position++] = data[at];
  };
  if (length > 0) copy(0, 0);
  return result;
}

/** One loop for each run of axes that strides pass through as through one; at least one loop, each of positive stride. */
function joinedAxes(
  extents: Shape,
  strides: readonly number[],
): readonly { readonly extent: number; readonly stride: number }[] {
  const axes = [{ extent: 1, stride: 1 }];
  extents.forEach((extent, k) => {
    const stride = strides[k];
    const outer = axes[axes.length - 1];
    if (extent === 1) return;
    if (outer.extent === 1 || outer.stride === extent * stride)
      axes[axes.length - 1] = { extent: outer.extent * extent, stride };
    else axes.push({ extent, stride });
  });
  return axes;
}
