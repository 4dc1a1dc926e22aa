/** Numbers on the host: the storage behind a leaf, and nested arrays to and from flat ones. */

import type { DType, TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";

/** Where a leaf's numbers live: in the host's memory, or in the store of a compiled model. */
export interface Storage {
  read(): Promise<TypedArray>;
  /** The numbers as the host last saw them, without waiting; `undefined` when they live elsewhere. */
  peek(): TypedArray | undefined;
}

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

/** The dtype that a typed array stands for. */
export function dtypeOfArray(data: TypedArray): DType {
  if (data instanceof Int32Array) return "int32";
  return data instanceof Uint8Array ? "uint8" : "float32";
}

/** All numbers in row-major order. */
export function* numbersIn(values: NestedNumbers): Generator<number> {
  if (!Array.isArray(values)) yield Number(values);
  else for (const item of values as readonly NestedNumbers[]) yield* numbersIn(item);
}

/** The shape of nested arrays of equal lengths; throws where lengths differ. */
export function shapeOfNested(values: NestedNumbers): number[] {
  if (!Array.isArray(values)) return [];
  const inner = values.length === 0 ? [] : shapeOfNested(values[0] as NestedNumbers);
  for (const item of values as readonly NestedNumbers[]) {
    if (String(shapeOfNested(item)) !== String(inner)) {
      throw new KilnError("tensor() needs nested arrays of equal lengths");
    }
  }
  return [values.length, ...inner];
}
