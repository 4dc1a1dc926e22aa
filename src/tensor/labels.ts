/**
 * Class labels in any form: they come from files and lists more often than from tensors, and JavaScript has ten ways to
 * hold integers. All of them are accepted as class targets.
 */

import { type IntegerArray, isInt32, isIntegerArray } from "../core/conversion.ts";
import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { shapeOfNested } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/** Whole numbers, in lists as deep as their tensor has dimensions. */
export type WholeNumbers = number | readonly WholeNumbers[];

/** What names classes: an int32 tensor, whole numbers in lists, or an array of integers of any width. */
export type Labels = Tensor | WholeNumbers | IntegerArray;

/** Whether `value` may be meant as labels: numbers in some form, be they whole or not. */
export const isLabels = (value: unknown): value is Exclude<Labels, Tensor> =>
  typeof value === "number" ||
  (ArrayBuffer.isView(value) && !(value instanceof DataView)) ||
  (Array.isArray(value) &&
    value.every((item) => typeof item === "number" || (Array.isArray(item) && isLabels(item))));

/**
 * The int32 tensor of `labels`. A flat array of integers gets the shape `like`, except for dimension 0, which follows
 * from its length. Throws for values that are not integers in the range of int32; `what` names them in the message.
 */
export function labelTensor(what: string, labels: Exclude<Labels, Tensor>, like: Shape = []): Tensor {
  if (!ArrayBuffer.isView(labels)) {
    const shape = shapeOfNested(labels, what);
    const flat = shape.length === 0 ? [labels] : (labels as readonly unknown[]).flat(shape.length - 1);
    return Tensor.fromData(wholeNumbers(what, flat), shape, "int32");
  }
  if (!isIntegerArray(labels))
    throw new KilnError(
      `${what} must be whole numbers, as a list or an Int32Array has them, not ${describeValue(labels)}`,
    );
  const numbers = wholeNumbers(what, labels);
  const inner = like.slice(1);
  const count = numbers.length / sizeOf(inner);
  return Tensor.fromData(numbers, Number.isInteger(count) ? [count, ...inner] : [numbers.length], "int32");
}

function wholeNumbers(what: string, values: Iterable<unknown> & { readonly length: number }): Int32Array {
  const numbers = new Int32Array(values.length);
  let position = 0;
  for (const value of values) {
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number !== "number" || !isInt32(number))
      throw new KilnError(
        `${what} must be whole numbers that int32 holds, but has ${describeValue(value)} at position ${position}`,
      );
    numbers[position++] = number;
  }
  return numbers;
}
