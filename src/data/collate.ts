/** Makes a batch of samples that a dataset gives one by one, as PyTorch's default_collate does. */

import { isIntegerArray, type NumberArray } from "../core/conversion.ts";
import { describeValue } from "../core/describe-value.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape, sizeOf } from "../core/shape.ts";
import { Tensor, tensor } from "../tensor/index.ts";
import { isNumbers } from "./arguments.ts";

/** The batch of samples of the type `Item`: tensors with the batch in front, in place of the samples' parts. */
export type Collated<Item> = Item extends Tensor | NumberArray | number | boolean
  ? Tensor
  : { -readonly [Key in keyof Item]: Collated<Item[Key]> };

/**
 * Tensors and typed arrays of one shape are stacked, integers become int32 (classes), booleans become bool; tuples and
 * objects are collated part by part. Other numbers would make the type of a batch depend on its values: give them as
 * tensors. Tensors are read, so no gradients flow back through a batch.
 */
export async function defaultCollate<Item>(items: readonly Item[]): Promise<Collated<Item>> {
  if (!Array.isArray(items) || items.length === 0) {
    throw new KilnError(`defaultCollate takes a list of at least one sample, not ${describeValue(items)}`);
  }
  return (await collated(items, "")) as Collated<Item>;
}

/** The parts of all samples at `place` of each. */
async function collated(parts: readonly unknown[], place: string): Promise<unknown> {
  const [first] = parts;
  const kind = kindOf(first);
  const other = parts.findIndex((part) => kindOf(part) !== kind);
  if (other >= 0) {
    throw new KilnError(
      `the samples of a batch differ: sample${place} is ${describeValue(first)} in the first, ` +
        `and ${describeValue(parts[other])} in number ${other + 1} of them`,
    );
  }
  switch (kind) {
    case "tensor":
      return stacked(parts as readonly Tensor[], place);
    case "array":
      return stacked(
        (parts as readonly NumberArray[]).map((part) => tensor(part)),
        place,
      );
    case "number":
      return classes(parts as readonly number[], place);
    case "boolean":
      return Tensor.fromData(Uint8Array.from(parts as readonly boolean[], Number), [parts.length], "bool");
    case "list":
      return Promise.all(keysOf(parts as readonly unknown[][], place).map((key) => inner(parts, key, place)));
    case "object": {
      const keys = keysOf(parts as readonly object[], place);
      const values = await Promise.all(keys.map((key) => inner(parts, key, place)));
      return Object.fromEntries(keys.map((key, k) => [key, values[k]]));
    }
    case undefined:
      throw new KilnError(
        `a batch cannot be made of sample${place}, which is ${describeValue(first)}: give tensors, numbers, tuples or ` +
          "objects of these, or a collateFn",
      );
    default:
      return kind satisfies never;
  }
}

const inner = (parts: readonly unknown[], key: string, place: string): Promise<unknown> =>
  collated(
    parts.map((part) => (part as Record<string, unknown>)[key]),
    `${place}[${Array.isArray(parts[0]) ? key : JSON.stringify(key)}]`,
  );

type Kind = "tensor" | "array" | "number" | "boolean" | "list" | "object";

function kindOf(value: unknown): Kind | undefined {
  if (value instanceof Tensor) return "tensor";
  if (typeof value === "number" || typeof value === "boolean") return typeof value as "number" | "boolean";
  if (Array.isArray(value)) return "list";
  if (ArrayBuffer.isView(value)) return isNumbers(value) || isIntegerArray(value) ? "array" : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? "object" : undefined;
}

/** The keys that all samples have. */
function keysOf(parts: readonly object[], place: string): string[] {
  const [first, ...others] = parts.map((part) => Object.keys(part));
  const other = others.findIndex(
    (keys) => keys.length !== first.length || keys.some((key) => !first.includes(key)),
  );
  if (other < 0) return first;
  throw new KilnError(
    `the samples of a batch differ: sample${place} has the parts ${first.join(", ")} in the first, ` +
      `and ${others[other].join(", ")} in number ${other + 2} of them`,
  );
}

function classes(numbers: readonly number[], place: string): Tensor {
  const odd = numbers.find((number) => !Number.isInteger(number) || number !== (number | 0));
  if (odd === undefined) return Tensor.fromData(Int32Array.from(numbers), [numbers.length], "int32");
  throw new KilnError(
    `sample${place} is the number ${odd}: whole numbers become int32 classes, others are to be tensors, tensor(${odd})`,
  );
}

async function stacked(tensors: readonly Tensor[], place: string): Promise<Tensor> {
  const [{ shape, dtype }] = tensors;
  const other = tensors.find((t) => t.dtype !== dtype || !sameShape(t.shape, shape));
  if (other !== undefined) {
    throw new KilnError(
      `the samples of a batch differ: sample${place} is ${typeText(dtype, shape)} in the first, ` +
        `and ${typeText(other.dtype, other.shape)} in another; pad them, or give a collateFn`,
    );
  }
  const size = sizeOf(shape);
  const numbers = await Promise.all(tensors.map(async (t) => t.peek() ?? (await t.data())));
  const data = numbers[0].slice(0, 0).constructor as new (length: number) => TypedArray;
  const all = new data(tensors.length * size);
  for (const [k, part] of numbers.entries()) all.set(part, k * size);
  return Tensor.fromData(all, [tensors.length, ...shape], dtype);
}

const typeText = (dtype: DType, shape: readonly number[]): string => `${dtype}${formatShape(shape)}`;
