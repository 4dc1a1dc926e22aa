/** Makes tensors from numbers: nested or typed arrays, one value for all elements, ranges. */

import { dtypeOfArray, elementOf, elementsOf, isInt32, type NumberArray } from "../core/conversion.ts";
import { describeValue } from "../core/describe-value.ts";
import type { TypedArray } from "../core/dtype.ts";
import { allocate, type DType, isDType } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { unknownDtype } from "./promotion.ts";
import { dtypeOfNested, type NestedNumbers, shapeOfNested, writeNested } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/** The options of {@link tensor}. */
export interface TensorOptions {
  /** The shape, if the numbers are a typed array; that of the nested lists by default. */
  readonly shape?: Shape;
  /** The type of the elements, which follows from the numbers by default. */
  readonly dtype?: DType;
  /** Whether gradients are wanted for it (default: false). */
  readonly requiresGrad?: boolean;
}

const TENSOR_OPTIONS = { shape: true, dtype: true, requiresGrad: true } satisfies OptionNames<TensorOptions>;

/**
 * A tensor from nested or typed arrays, whose numbers are copied (torch.tensor).
 *
 * ```ts
 * tensor([[1, 2], [3, 4]]); // float32[2,2]
 * tensor([0, 1], { dtype: "int32" }); // int32[2], like tensor(Int32Array.of(0, 1))
 * tensor(new Float32Array(6), { shape: [2, 3] });
 * ```
 *
 * Numbers in lists become float32, even `[0, 1]`: in JavaScript 1 and 1.0 are the same number, so that PyTorch's int64
 * cannot be told from its float32. A typed array of integers becomes int32 (one of bytes uint8), a list of booleans
 * bool. Throws for values that are not numbers, for lists of unequal lengths, and for numbers that the dtype cannot
 * hold.
 */
export function tensor(values: NestedNumbers | NumberArray, options: TensorOptions = {}): Tensor {
  checkOptionNames("tensor()", options, TENSOR_OPTIONS);
  return withData(values, options).requiresGrad_(options.requiresGrad ?? false);
}

function withData(values: NestedNumbers | NumberArray, options: TensorOptions): Tensor {
  const typed = ArrayBuffer.isView(values) ? values : undefined;
  const ownDtype =
    typed === undefined ? dtypeOfNested(values as NestedNumbers) : dtypeOfArray("tensor()", typed);
  const dtype = checkedDtype("tensor", options.dtype ?? ownDtype);
  const ownShape = typed === undefined ? shapeOfNested(values as NestedNumbers) : [typed.length];
  const shape = options.shape === undefined ? ownShape : checkedShape("tensor()", options.shape);
  if (sizeOf(shape) !== sizeOf(ownShape)) {
    throw new KilnError(`tensor() is given ${sizeOf(ownShape)} numbers for the shape [${shape}]`);
  }
  if (typed !== undefined) return Tensor.fromData(copied(typed, ownDtype, dtype), shape, dtype);
  const data = allocate(dtype, sizeOf(shape));
  writeNested(data, values as NestedNumbers, dtype, { at: 0 });
  return Tensor.fromData(data, shape, dtype);
}

/** The numbers of a typed array as elements of `dtype`. */
function copied(values: NumberArray, ownDtype: DType, dtype: DType): TypedArray {
  // Of wide integers some are too large; all others become elements of their own dtype by being copied.
  const isWide =
    values instanceof Uint32Array || values instanceof BigInt64Array || values instanceof BigUint64Array;
  if (dtype !== ownDtype || isWide) return elementsOf("tensor()", values, dtype);
  const data = allocate(dtype, values.length);
  data.set(values);
  return data;
}

/** Gives `dtype` back if there is such a one. */
export function checkedDtype(callee: string, dtype: DType): DType {
  if (isDType(dtype)) return dtype;
  throw unknownDtype(callee, dtype);
}

/** The options of functions that create tensors, given last. */
export interface CreationOptions {
  /** The type of the elements (default: float32). */
  readonly dtype?: DType;
  /** Whether gradients are wanted for it (default: false). */
  readonly requiresGrad?: boolean;
}

const CREATION_OPTIONS = { dtype: true, requiresGrad: true } satisfies OptionNames<CreationOptions>;

/** A shape as a list or as single extents, and options last. */
export type ShapeArguments = readonly (number | readonly number[] | CreationOptions)[];

/** Takes the arguments of `callee` apart and checks the shape and the options' names. */
export function readShape(
  callee: string,
  given: ShapeArguments,
): { readonly shape: Shape; readonly options: CreationOptions } {
  const last = given.at(-1);
  const hasOptions = typeof last === "object" && last !== null && !Array.isArray(last);
  const options = hasOptions ? (last as CreationOptions) : {};
  checkOptionNames(callee, options, CREATION_OPTIONS);
  const shape = (hasOptions ? given.slice(0, -1) : given).flat() as number[];
  return { shape: checkedShape(callee, shape), options };
}

function checkedShape(callee: string, shape: Shape): Shape {
  const isList = Array.isArray(shape);
  if (isList && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) return shape;
  throw new KilnError(
    `${callee} needs a shape of whole numbers, not ${isList ? `[${shape}]` : describeValue(shape)}`,
  );
}

function filled(callee: string, given: ShapeArguments, value: number): Tensor {
  const { shape, options } = readShape(callee, given);
  const { dtype: wanted = "float32", requiresGrad = false } = options;
  const dtype = checkedDtype(callee, wanted);
  const data = allocate(dtype, sizeOf(shape)).fill(elementOf(callee, value, dtype, "refused"));
  return Tensor.fromData(data, shape, dtype).requiresGrad_(requiresGrad);
}

/**
 * A tensor of zeros in a shape, given as a list or as single extents; float32 by default.
 *
 * ```ts
 * zeros(2, 3); // float32[2,3]
 * zeros([8], { dtype: "int32" }); // int32[8]
 * ```
 */
export const zeros = (...shape: ShapeArguments): Tensor => filled("zeros", shape, 0);
/** A tensor of ones in a shape, given as a list or as single extents; float32 by default. */
export const ones = (...shape: ShapeArguments): Tensor => filled("ones", shape, 1);
/** A tensor of a shape in which every element is `value`; float32 by default. */
export const full = (shape: Shape, value: number, options: CreationOptions = {}): Tensor =>
  filled("full", [shape, options], value);

/** A range's bounds and step, and options last. */
export type RangeArguments =
  | readonly [end: number, options?: CreationOptions]
  | readonly [start: number, end: number, options?: CreationOptions]
  | readonly [start: number, end: number, step: number, options?: CreationOptions];

/**
 * `start`, `start + step`, … before `end`; with one number from 0 to it. float32 by default; a range of int32 begins
 * at a whole number and has whole steps.
 */
export function arange(...given: RangeArguments): Tensor {
  const last = given.at(-1);
  const hasOptions = typeof last === "object" && last !== null;
  const options: CreationOptions = hasOptions ? last : {};
  checkOptionNames("arange", options, CREATION_OPTIONS);
  const numbers = (hasOptions ? given.slice(0, -1) : given).filter(
    (value) => value !== undefined,
  ) as number[];
  if (numbers.length < 1 || numbers.length > 3 || !numbers.every((value) => Number.isFinite(value)))
    throw new KilnError(
      "arange takes up to three finite numbers, as in arange(end) or arange(start, end, step), and options last, " +
        'such as { dtype: "int32" }',
    );
  const [from, to, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
  if (step === 0 || (to - from) / step < 0)
    throw new KilnError(`arange cannot come from ${from} to ${to} in steps of ${step}`);
  const { dtype: wanted = "float32", requiresGrad = false } = options;
  const dtype = checkedDtype("arange", wanted);
  if (dtype !== "float32" && !(isInt32(from) && isInt32(step)))
    throw new KilnError(`arange of ${dtype} needs a whole start and step, not ${from} and ${step}`);
  const length = Math.ceil((to - from) / step);
  const data = allocate(dtype, length);
  for (let k = 0; k < length; k++) data[k] = elementOf("arange", from + k * step, dtype);
  return Tensor.fromData(data, [length], dtype).requiresGrad_(requiresGrad);
}
