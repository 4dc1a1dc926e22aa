/** Checks what users give to datasets, loaders and transforms: a wrong value ends in a one-line message, not in a TypeError. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";

/** Throws unless `value`, which messages call `what`, is a non-empty string. */
export function checkText(callee: string, what: string, value: unknown): void {
  if (typeof value === "string" && value !== "") return;
  throw new KilnError(`${callee} needs ${what}, not ${describeValue(value)}`);
}

/** Throws unless the option `name` is true or false. */
export function checkFlag(callee: string, name: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw new KilnError(`${callee} needs true or false for ${name}, not ${describeValue(value)}`);
}

/** Whether a value is a list of numbers, or an array of them. */
export const isNumbers = (value: unknown): value is ArrayLike<number> =>
  Array.isArray(value) ? value.every((item) => typeof item === "number") : isNumberArray(value);

const isNumberArray = (value: unknown): boolean =>
  ArrayBuffer.isView(value) &&
  !(value instanceof BigInt64Array || value instanceof BigUint64Array) &&
  !(value instanceof DataView);

/** Throws unless `shape` is a list of extents from 1 on. */
export function checkSampleShape(callee: string, shape: unknown): asserts shape is Shape {
  const isShape =
    Array.isArray(shape) && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 1);
  if (isShape) return;
  throw new KilnError(
    `${callee} needs the shape of one sample, such as [1, 28, 28], not ${isNumbers(shape) ? `[${Array.from(shape)}]` : describeValue(shape)}`,
  );
}

/** Throws unless `value` has a length and one of `methods`, as datasets have. */
export function checkDataset(callee: string, value: unknown, ...methods: readonly string[]): void {
  const given = Object(value) as Readonly<Record<string, unknown>>;
  const isLength = Number.isSafeInteger(given.length) && (given.length as number) >= 0;
  if (isLength && methods.some((method) => typeof given[method] === "function")) {
    if (typeof given.sample === "function") checkSampleShape("a dataset with sample()", given.sampleShape);
    return;
  }
  const wanted = methods.map((method) => `${method}()`).join(" or ");
  throw new KilnError(`${callee} takes a dataset, with a length and ${wanted}, not ${describeValue(value)}`);
}
