/** Numbers that are known before anything runs: a model's initializers, and the results of shape arithmetic. */

import { allocate } from "../core/dtype.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { dtypeOf, infoOf, type Numbers } from "./element-types.ts";
import type { ElementType } from "./port.ts";
import { UnsupportedError } from "./unsupported.ts";

/** An array of numbers in row-major order, with the element type that the model declares. */
export interface Constant {
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: Numbers;
}

/** Numbers as a constant of an element type, converted to its array type if necessary. */
export function constant(type: ElementType, shape: Shape, values: Numbers | readonly number[]): Constant {
  return { type, shape, data: ArrayBuffer.isView(values) ? values : infoOf(type).array.from(values) };
}

/** A constant of one dimension with 64-bit integers, as shapes and axes are. */
export const integers = (values: readonly number[]): Constant => constant("int64", [values.length], values);

/**
 * The constant as a tensor. Doubles are rounded to float32, and uint32 is reinterpreted as int32. Throws a
 * {@link KilnError}, in which `what` names the constant, for a 64-bit integer that int32 cannot hold.
 */
export function tensorFrom({ type, shape, data }: Constant, what: string): Tensor {
  const dtype = dtypeOf(type);
  const elements = allocate(dtype, sizeOf(shape));
  elements.set(data);
  if (dtype === "int32" && data instanceof Float64Array) {
    // uint32 keeps its bits.
    const stands = (element: number): number => (type === "uint32" ? element >>> 0 : element);
    const k = elements.findIndex(
      (element, i) => stands(element) !== data[i] || (type === "uint64" && data[i] < 0),
    );
    if (k >= 0)
      throw new UnsupportedError(
        `${what} holds ${BigInt(data[k])}, which int32 cannot hold: Kiln computes ${type} in int32`,
      );
  }
  return Tensor.fromData(elements, shape, dtype);
}
