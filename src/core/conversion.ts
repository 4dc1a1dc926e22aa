/**
 * How numbers become elements of a dtype: the one table for whatever numbers a user writes, be it in nested or typed
 * arrays, as a fill, a bound or an operand. The rules and the errors are PyTorch's.
 */

import { describeValue } from "./describe-value.ts";
import { allocate, type DType, isFloat, kindOf, limitsOf, roundTo, type TypedArray } from "./dtype.ts";
import { KilnError } from "./errors.ts";

const [LEAST_INT32, MOST_INT32] = limitsOf("int32");

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
  const element = roundTo(number, dtype);
  const isLost = isFloat(dtype)
    ? overflow === "refused" && !Number.isFinite(element) && Number.isFinite(number)
    : !isElement(element, dtype);
  if (isLost) throw outOfRange(callee, number, dtype);
  return element;
}

const outOfRange = (callee: string, value: number, dtype: DType): KilnError =>
  new KilnError(`${callee} cannot make ${value} a number of the dtype ${dtype}: ${rangeText(dtype)}`);

function rangeText(dtype: DType): string {
  const [least, most] = limitsOf(dtype);
  switch (kindOf(dtype)) {
    case "float":
      return `its largest is about ${most.toPrecision(2).replace("+", "")}`;
    case "int":
      return `it holds whole numbers from ${least} to ${most}`;
    default:
      return "it holds 0 and 1";
  }
}

/** Whether `value` is a whole number that int32 holds. */
export const isInt32 = (value: number): boolean => isElement(value, "int32");

/** Whether `dtype` has `value` among its elements; a float those that round to one, as every number does. */
export function isElement(value: number, dtype: DType): boolean {
  const [least, most] = limitsOf(dtype);
  return isFloat(dtype) || (Number.isInteger(value) && value >= least && value <= most);
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
  for (const value of values) {
    const number = typeof value === "bigint" ? numberOf(value) : value;
    data[k++] = elementOf(callee, number, dtype);
  }
  return data;
}

/**
 * An integer of up to 64 bits as a number that float32 rounds as it would round the integer: beyond 53 bits the last one
 * that is kept stands for whatever follows.
 */
function numberOf(value: bigint): number {
  if (BigInt.asIntN(53, value) === value) return Number(value);
  const rest = BigInt.asUintN(12, value);
  return Number(value - rest + (rest === 0n ? 0n : 2048n));
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
  BigInt64Array: "int32",
  BigUint64Array: "int32",
};

/** Arrays of integers, of any width. */
export type IntegerArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** The arrays whose numbers become a tensor's. */
export type NumberArray = IntegerArray | Float32Array | Float64Array;

const arrayDtype = (data: ArrayBufferView): DType | undefined => {
  const tag: unknown = Reflect.get(data, Symbol.toStringTag);
  return typeof tag === "string" && Object.hasOwn(ARRAY_DTYPES, tag) ? ARRAY_DTYPES[tag] : undefined;
};

/** Whether an array holds integers. */
export const isIntegerArray = (data: ArrayBufferView): data is IntegerArray => {
  const dtype = arrayDtype(data);
  return dtype !== undefined && !isFloat(dtype);
};

/** The dtype that corresponds to a typed array. A subclass, such as Node's Buffer, counts as what it extends. */
export function dtypeOfArray(callee: string, data: ArrayBufferView): DType {
  const dtype = arrayDtype(data);
  if (dtype !== undefined) return dtype;
  throw new KilnError(
    `${callee} takes the numbers of ${Object.keys(ARRAY_DTYPES).join(", ")}, not of ${describeValue(data)}`,
  );
}
