/** Makes tensors from numbers: nested or typed arrays, one value for all elements, ranges. */

import type { TypedArray } from "../core/dtype.ts";
import { allocate, type DType, isDType, PUBLIC_DTYPES } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { dtypeOfArray, type NestedNumbers, numbersIn, shapeOfNested } from "./storage.ts";
import { Tensor } from "./tensor.ts";

export interface TensorOptions {
  readonly shape?: Shape;
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
}

/** A tensor from nested or typed arrays, whose numbers are copied; float32 unless told or a typed array says otherwise. */
export function tensor(values: NestedNumbers | TypedArray, options: TensorOptions = {}): Tensor {
  return withData(values, options).requiresGrad_(options.requiresGrad ?? false);
}

function withData(values: NestedNumbers | TypedArray, options: TensorOptions): Tensor {
  const typed = ArrayBuffer.isView(values) ? (values as TypedArray) : undefined;
  const dtype = checkedDtype("tensor", options.dtype ?? (typed ? dtypeOfArray(typed) : "float32"));
  const ownShape = typed === undefined ? shapeOfNested(values as NestedNumbers) : [typed.length];
  const shape = options.shape ?? ownShape;
  if (sizeOf(shape) !== sizeOf(ownShape)) {
    throw new KilnError(`tensor() is given ${sizeOf(ownShape)} numbers for the shape [${shape}]`);
  }
  if (typed !== undefined && dtypeOfArray(typed) === dtype && !(typed instanceof Float64Array)) {
    return Tensor.fromData(typed.slice(), shape, dtype);
  }
  const data = allocate(dtype, sizeOf(shape));
  if (typed !== undefined) data.set(typed);
  else data.set([...numbersIn(values as NestedNumbers)]);
  return Tensor.fromData(data, shape, dtype);
}

/** Gives `dtype` back if there is such a one. */
function checkedDtype(callee: string, dtype: DType): DType {
  if (isDType(dtype)) return dtype;
  throw new KilnError(`${callee}() knows the dtypes ${PUBLIC_DTYPES.join(", ")}, not ${String(dtype)}`);
}

/** What may be said of a tensor beside its shape, in one last object. */
export interface CreationOptions {
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
}

/** A shape as a list or as single extents, and options last. */
export type ShapeArguments = readonly (number | readonly number[] | CreationOptions)[];

/** Takes the arguments of `callee` apart and checks the shape. */
export function readShape(
  callee: string,
  given: ShapeArguments,
): { readonly shape: Shape; readonly options: CreationOptions } {
  const last = given.at(-1);
  const options = typeof last === "object" && !Array.isArray(last) ? (last as CreationOptions) : {};
  const shape = (options === last ? given.slice(0, -1) : given).flat() as number[];
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) {
    throw new KilnError(`${callee} needs a shape of whole numbers, not [${shape}]`);
  }
  return { shape, options };
}

function filled(callee: string, given: ShapeArguments, value: number): Tensor {
  const { shape, options } = readShape(callee, given);
  const { dtype = "float32", requiresGrad = false } = options;
  const data = allocate(checkedDtype(callee, dtype), sizeOf(shape)).fill(value);
  return Tensor.fromData(data, shape, dtype).requiresGrad_(requiresGrad);
}

export const zeros = (...shape: ShapeArguments): Tensor => filled("zeros", shape, 0);
export const ones = (...shape: ShapeArguments): Tensor => filled("ones", shape, 1);
export const full = (shape: Shape, value: number, options: CreationOptions = {}): Tensor =>
  filled("full", [shape, options], value);

/** `start`, `start + step`, … below `end`; with one argument from 0 to it. */
export function arange(start: number, end?: number, step = 1): Tensor {
  if ([start, end ?? 0, step].some((value) => typeof value !== "number"))
    throw new KilnError(
      "arange takes numbers alone; another dtype than float32 is a cast, as in arange(3).int()",
    );
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const length = Math.max(0, Math.ceil((to - from) / step));
  return Tensor.fromData(
    Float32Array.from({ length }, (_, k) => from + k * step),
    [length],
    "float32",
  );
}
