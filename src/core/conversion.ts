/**
 * How numbers become elements of a dtype: the one table for whatever numbers a user writes, be it in nested or typed
 * arrays, as a fill, a bound or an operand. The rules and the errors are PyTorch's.
 */

import { describeValue } from "./describe-value.ts";
import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { KilnError } from "./errors.ts";

const LEAST_INT32 = -(2 ** 31);
const MOST_INT32 = 2 ** 31 - 1;

/**
 * What becomes of finite numbers beyond the largest float32: lists of numbers and operands round to infinity, a single
 * number that is to fill a tensor is refused.
 */
export type Overflow = "infinite" | "refused";

/**
 * `value` as an element of `dtype`: rounded (float32), without its fraction (int32), or whether it is not 0, as NaN is
 * (bool). Throws where the dtype cannot hold it, in the name of `callee`.
 */
export function elementOf(
  callee: string,
  value: unknown,
  dtype: DType,
  overflow: Overflow = "infinite",
): number {
  if (typeof value !== "number" && typeof value !== "boolean")
    throw new KilnError(`${callee} is given ${describeValue(value)} where it expects a number`);
  const number = Number(value);
  switch (dtype) {
    case "float32": {
      const rounded = Math.fround(number);
      if (overflow === "refused" && !Number.isFinite(rounded) && Number.isFinite(number))
        throw outOfRange(callee, number, dtype);
      return rounded;
    }
    case "int32":
      return wholeWithin(callee, number, dtype, LEAST_INT32, MOST_INT32);
    case "uint8":
      return wholeWithin(callee, number, dtype, 0, 255);
    case "bool":
      return number === 0 ? 0 : 1;
    default:
      return dtype satisfies never;
  }
}

function wholeWithin(callee: string, value: number, dtype: DType, least: number, most: number): number {
  const whole = Math.trunc(value);
  if (!(whole >= least && whole <= most)) throw outOfRange(callee, value, dtype);
  // Not -0, which is no integer.
  return whole + 0;
}

const outOfRange = (callee: string, value: number, dtype: DType): KilnError =>
  new KilnError(`${callee} cannot make ${value} a number of the dtype ${dtype}: ${RANGES[dtype]}`);

const RANGES: Record<DType, string> = {
  float32: "its largest is about 3.4e38",
  int32: "it holds whole numbers from -2147483648 to 2147483647",
  bool: "it holds 0 and 1",
  uint8: "it holds whole numbers from 0 to 255",
};

/** Whether `value` is a whole number that int32 holds. */
export const isInt32 = (value: number): boolean =>
  Number.isInteger(value) && value >= LEAST_INT32 && value <= MOST_INT32;

/** Whether `dtype` has `value` among its elements; float32 those that round to one, as every number does. */
export function isElement(value: number, dtype: DType): boolean {
  switch (dtype) {
    case "float32":
      return true;
    case "int32":
      return isInt32(value);
    case "uint8":
      return Number.isInteger(value) && value >= 0 && value <= 255;
    case "bool":
      return value === 0 || value === 1;
    default:
      return dtype satisfies never;
  }
}

/** `value`, no number but perhaps infinite, as the nearest whole number that int32 holds. */
export const nearestInt32 = (value: number): number => Math.min(Math.max(value, LEAST_INT32), MOST_INT32);

/** A new array of elements of `dtype` from those of another. */
export function elementsOf(
  callee: string,
  values: Iterable<unknown> & ArrayLike<unknown>,
  dtype: DType,
): TypedArray {
  const data = allocate(dtype, values.length);
  let k = 0;
  for (const value of values) data[k++] = elementOf(callee, value, dtype);
  return data;
}

/** The typed arrays whose numbers tensors take over, each with the dtype that holds all or most of them. */
const ARRAY_DTYPES: Readonly<Record<string, DType>> = {
  Float16Array: "float32",
  Float32Array: "float32",
  Float64Array: "float32",
  Int8Array: "int32",
  Int16Array: "int32",
  Int32Array: "int32",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Uint16Array: "int32",
  Uint32Array: "int32",
};

/** The dtype that a typed array stands for. A subclass, such as Node's Buffer, counts as what it extends. */
export function dtypeOfArray(callee: string, data: ArrayBufferView): DType {
  const tag: unknown = Reflect.get(data, Symbol.toStringTag);
  const dtype = typeof tag === "string" && Object.hasOwn(ARRAY_DTYPES, tag) ? ARRAY_DTYPES[tag] : undefined;
  if (dtype !== undefined) return dtype;
  throw new KilnError(
    `${callee} takes the numbers of ${Object.keys(ARRAY_DTYPES).join(", ")}, not of ${describeValue(data)}`,
  );
}
