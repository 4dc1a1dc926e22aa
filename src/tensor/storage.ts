/** Numbers on the host: the storage behind a leaf, and nested arrays to and from flat ones. */

import { elementOf } from "../core/conversion.ts";
import { type DType, isFloat, type TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";

/** Where a leaf's numbers are: in the host's memory, or in the store of a compiled model. */
export interface Storage {
  read(): Promise<TypedArray>;
  /** The numbers as the host last saw them, without waiting; `undefined` when they live elsewhere. */
  peek(): TypedArray | undefined;
}

/** A number, or lists of lists of them, all of one length at each depth. */
export type NestedNumbers = number | boolean | readonly NestedNumbers[];

export class HostStorage implements Storage {
  private readonly data: TypedArray;

  constructor(data: TypedArray) {
    this.data = data;
  }

  peek(): TypedArray {
    return this.data;
  }

  async read(): Promise<TypedArray> {
    return this.data;
  }
}

/** Flat numbers as nested arrays, from `axis` on and from the position on. */
export function nest(data: TypedArray, shape: Shape, axis: number, position: { at: number }): NestedNumbers {
  if (axis === shape.length) return data[position.at++];
  return Array.from({ length: shape[axis] }, () => nest(data, shape, axis + 1, position));
}

/** Writes what nested arrays hold into `data`, in row-major order, from the position on: elements of `dtype`. */
export function writeNested(
  data: TypedArray,
  values: NestedNumbers,
  dtype: DType,
  position: { at: number },
): void {
  if (Array.isArray(values)) {
    for (const item of values as readonly NestedNumbers[]) writeNested(data, item, dtype, position);
  } else if (typeof values === "number" && isFloat(dtype)) {
    // The array rounds.
    data[position.at++] = values;
  } else data[position.at++] = elementOf("tensor()", values, dtype);
}

/** The shape of nested arrays of equal lengths; throws where lengths differ. */
export function shapeOfNested(values: NestedNumbers, callee = "tensor()"): number[] {
  const shape: number[] = [];
  for (let first: NestedNumbers = values; Array.isArray(first); first = first[0] as NestedNumbers)
    shape.push(first.length);
  requireShape(values, shape, 0, callee);
  return shape;
}

function requireShape(values: NestedNumbers, shape: Shape, axis: number, callee: string): void {
  const isLike = Array.isArray(values) ? values.length === shape[axis] : axis === shape.length;
  if (!isLike) throw new KilnError(`${callee} needs nested arrays of equal lengths`);
  if (Array.isArray(values)) for (const item of values) requireShape(item, shape, axis + 1, callee);
}

/** The dtype of nested arrays: truth values alone are bools, all else is float32. */
export function dtypeOfNested(values: NestedNumbers): DType {
  let first: NestedNumbers = values;
  while (Array.isArray(first)) first = first[0] as NestedNumbers;
  return typeof first === "boolean" && isTruth(values) ? "bool" : "float32";
}

const isTruth = (values: NestedNumbers): boolean =>
  Array.isArray(values) ? values.every(isTruth) : typeof values === "boolean";
