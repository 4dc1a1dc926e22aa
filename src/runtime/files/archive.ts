/**
 * Nested values with tensors among them, as a flat list of tensors and one line of JSON that says where each belongs:
 * so a whole training, and not just a model, goes into a safetensors file that other tools still read.
 */

import { KilnError } from "../../core/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { outlineOf } from "./json-size.ts";
import { type Fail, quoted } from "./safetensors-header.ts";

/** What an archive can hold, down to any depth. */
export type Archived =
  | Tensor
  | number
  | string
  | boolean
  | null
  | readonly Archived[]
  | { readonly [key: string]: Archived };

/** A value taken apart. */
export interface Parts {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Where the tensors belong and all that is no tensor; absent for a flat record of tensors. */
  readonly structure?: string;
}

/**
 * The JSON form of an {@link Archived}: numbers, strings, truth values, null and lists are themselves, and these
 * stand for the rest. `number` holds what JSON has no word for.
 */
type Node =
  | { readonly tensor: string }
  | { readonly object: Readonly<Record<string, unknown>> }
  | { readonly number: "NaN" | "Infinity" | "-Infinity" | "-0" };

/** More than any state needs, and far less than the stack holds. */
const MOST_LEVELS = 64;
/** The most plain values next to tensors: the limit of readers, and so of the writer. */
const MOST_VALUES = 2 ** 22;

/** Takes `value` apart. Tensors are named by their path, such as `model.conv1.weight`. */
export function pack(value: object): Parts {
  const fields = Object.entries(value);
  const isFlat = !Array.isArray(value) && fields.every(([, field]) => field instanceof Tensor);
  if (isFlat) return { tensors: new Map(fields) };
  const tensors = new Map<string, Tensor>();
  const structure = JSON.stringify(nodeOf(value, [], tensors));
  if (isTooLarge(structure)) {
    throw new KilnError(
      `cannot save more than ${MOST_VALUES} plain values: put long lists of numbers into tensors`,
    );
  }
  return { tensors, structure };
}

/** The JSON form of what lies at `path`; its tensors are added to `tensors`. */
function nodeOf(item: unknown, path: readonly string[], tensors: Map<string, Tensor>): unknown {
  if (path.length > MOST_LEVELS) throw new KilnError(`cannot save ${path[0]}: it is nested too deeply`);
  if (item instanceof Tensor) return tensorNode(item, path.join("."), tensors);
  if (typeof item === "number") return numberNode(item);
  if (item === null || typeof item === "string" || typeof item === "boolean") return item;
  if (Array.isArray(item)) return item.map((part, k) => nodeOf(part, [...path, `${k}`], tensors));
  if (!isPlainObject(item)) throw new KilnError(`cannot save ${path.join(".")}: it is ${kindOf(item)}`);
  const known = Object.entries(item).filter(([, part]) => part !== undefined);
  const object = Object.fromEntries(known.map(([key, part]) => [key, nodeOf(part, [...path, key], tensors)]));
  return { object };
}

/** Keys may hold dots, so two paths may make one name: the later one is numbered. */
function tensorNode(tensor: Tensor, wish: string, tensors: Map<string, Tensor>): Node {
  let name = wish;
  for (let k = 2; tensors.has(name); k++) name = `${wish}#${k}`;
  tensors.set(name, tensor);
  return { tensor: name };
}

function numberNode(value: number): number | Node {
  if (Object.is(value, -0)) return { number: "-0" };
  return Number.isFinite(value) ? value : { number: `${value}` as "NaN" | "Infinity" | "-Infinity" };
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

const kindOf = (value: unknown): string =>
  typeof value === "object"
    ? `a ${value?.constructor.name}`
    : value === undefined
      ? "undefined"
      : `a ${typeof value}`;

/** Reassembles a value; `fail` is called with what is wrong with the structure, which may come from any source. */
export function unpack(tensors: ReadonlyMap<string, Tensor>, structure: string, fail: Fail): Archived {
  const left = new Map(tensors);
  const value = rebuilt(parse(structure, fail), 0, left, fail);
  const [unused] = left.keys();
  if (unused !== undefined) fail(`its structure has no place for the tensor ${quoted(unused)}`);
  return value;
}

/** The value of a node `depth` levels down; its tensors are taken out of `left`. */
function rebuilt(node: unknown, depth: number, left: Map<unknown, Tensor>, fail: Fail): Archived {
  if (depth > MOST_LEVELS) fail("its structure is nested too deeply");
  if (node === null || typeof node !== "object") return node as number | string | boolean | null;
  const inner = (part: unknown): Archived => rebuilt(part, depth + 1, left, fail);
  if (Array.isArray(node)) return node.map(inner);
  const [[kind, content] = [], ...others] = Object.entries(node);
  if (others.length > 0) return fail(FOREIGN);
  if (kind === "number") return NUMBERS.get(content) ?? fail(FOREIGN);
  if (kind === "object" && isPlainObject(content) && !Array.isArray(content)) {
    return Object.fromEntries(Object.entries(content).map(([key, part]) => [key, inner(part)]));
  }
  if (kind !== "tensor") return fail(FOREIGN);
  const tensor = left.get(content);
  left.delete(content);
  const place = `its structure names the tensor ${quoted(content)}, which is missing or used more than once`;
  return tensor ?? fail(place);
}

const FOREIGN = "its structure is not one that Kiln writes";

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
]);

const isTooLarge = (structure: string): boolean =>
  outlineOf(new TextEncoder().encode(structure), MOST_VALUES) === undefined;

function parse(structure: string, fail: Fail): unknown {
  if (isTooLarge(structure)) fail(`its structure holds more than ${MOST_VALUES} values`);
  try {
    return JSON.parse(structure);
  } catch {
    return fail("its structure is not valid JSON");
  }
}
