/** Small dense arrays in double precision, in which the ops' reference implementations are written. */

import { type Shape, sizeOf, stridesOf } from "../core/shape.ts";

export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
  /** The further results of an op that has several. */
  readonly others?: readonly NdArray[];
}

/** The array whose element at each index is `element(index)`. */
export function generate(shape: Shape, element: (index: readonly number[]) => number): NdArray {
  const data = new Float64Array(sizeOf(shape));
  let position = 0;
  forEachIndex(shape, (index) => {
    data[position++] = element(index);
  });
  return { shape, data };
}

/** Calls `visit` for every index of `shape` in row-major order; the index array is reused. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[]) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const total = sizeOf(shape);
  for (let n = 0; n < total; n++) {
    visit(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** The element at `index`. */
export function at(a: NdArray, index: readonly number[]): number {
  const strides = stridesOf(a.shape);
  return a.data[index.reduce((offset, i, axis) => offset + i * strides[axis], 0)];
}

/** The element that broadcasting puts at `index` of a result with at least as many axes. */
export function broadcastAt(a: NdArray, index: readonly number[]): number {
  const skipped = index.length - a.shape.length;
  return at(
    a,
    a.shape.map((extent, axis) => (extent === 1 ? 0 : index[axis + skipped])),
  );
}

/** The sum of `term` over every index of `shape`. */
export function sumOver(shape: Shape, term: (index: readonly number[]) => number): number {
  let sum = 0;
  forEachIndex(shape, (index) => {
    sum += term(index);
  });
  return sum;
}
