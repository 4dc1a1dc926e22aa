/** Numbers that are known before anything runs: a model's initializers, and what shape arithmetic makes of them. */

import { allocate } from "../core/dtype.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { dtypeOf, infoOf, type Numbers } from "./element-types.ts";
import type { ElementType } from "./port.ts";
import { UnsupportedError } from "./unsupported.ts";

/** An array of numbers in row-major order, with the element type that the model speaks of. */
export interface Constant {
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: Numbers;
}

/** Numbers as a constant of a type whose arrays they need not have yet. */
export function constant(type: ElementType, shape: Shape, values: Numbers | readonly number[]): Constant {
  return { type, shape, data: ArrayBuffer.isView(values) ? values : infoOf(type).array.from(values) };
}

/** A constant of one dimension with 64-bit integers, as shapes and axes are. */
export const integers = (values: readonly number[]): Constant => constant("int64", [values.length], values);

/**
 * The constant as a tensor. Doubles are rounded to float32, and words of 32 bits without a sign are the same bits of int32;
 * throws a {@link KilnError} for a whole number of 64 bits that int32 cannot hold, in which `what` says whose it is.
 */
export function tensorFrom({ type, shape, data }: Constant, what: string): Tensor {
  const dtype = dtypeOf(type);
  const elements = allocate(dtype, sizeOf(shape));
  elements.set(data);
  if (dtype === "int32" && data instanceof Float64Array) {
    // Words of 32 bits stay the same bits.
    const stands = (element: number): number => (type === "uint32" ? element >>> 0 : element);
    const k = elements.findIndex(
      (element, i) => stands(element) !== data[i] || (type === "uint64" && data[i] < 0),
    );
    if (k >= 0)
      throw new UnsupportedError(
        `${what} holds ${BigInt(data[k])}, which is no number that int32 can hold: Kiln computes with int32 where a model has ${type}`,
      );
  }
  return Tensor.fromData(elements, shape, dtype);
}
