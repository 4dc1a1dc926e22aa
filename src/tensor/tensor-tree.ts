/** Tensors in lists and records, however deep: what loops carry and what a `forward` returns. */

import { isNamedTuple, namedTuple } from "./named-tuple.ts";
import { Tensor } from "./tensor.ts";

/** A tensor, or tensors in lists and records, however deep. */
export type Tensors = Tensor | readonly Tensors[] | { readonly [name: string]: Tensors };

/** The possible results of `forward`: the same, with `null` or `undefined` for a tensor that is absent. */
export type Outputs =
  | Tensor
  | readonly (Outputs | null | undefined)[]
  | { readonly [name: string]: Outputs | null | undefined };

/** What is no list and no record itself, and the way to it: `carried.h`, `inputs[1]`. */
export interface Leaf<T = unknown> {
  readonly path: string;
  readonly value: T;
}

/** All leaves of `tree` in order; whether they are tensors is for the caller to look at. */
export function leavesOf(tree: unknown, path: string): readonly Leaf[] {
  if (tree instanceof Tensor) return [{ path, value: tree }];
  if (Array.isArray(tree)) return tree.flatMap((item, k) => leavesOf(item, `${path}[${k}]`));
  if (isRecord(tree)) return Object.entries(tree).flatMap(([key, item]) => leavesOf(item, `${path}.${key}`));
  return [{ path, value: tree }];
}

/** The same lists and records with something else in place of each tensor. */
export function mapTensors(tree: unknown, place: (tensor: Tensor) => unknown): unknown {
  if (tree instanceof Tensor) return place(tree);
  if (Array.isArray(tree)) return tree.map((item) => mapTensors(item, place));
  if (!isRecord(tree)) return tree;
  return mapped(tree, (item) => mapTensors(item, place));
}

/** The same lists and records with other tensors, in order. */
export function filled<T>(tree: T, tensors: readonly Tensor[]): T {
  let next = 0;
  return mapTensors(tree, () => tensors[next++]) as T;
}

/** Tensors in lists and records that hold their positions. */
export function inPlaces(positions: unknown, tensors: readonly Tensor[]): Outputs {
  const fill = (part: unknown): unknown => {
    if (typeof part === "number") return tensors[part];
    if (Array.isArray(part)) return part.map(fill);
    if (!isRecord(part)) return part;
    return mapped(part, fill);
  };
  return fill(positions) as Outputs;
}

/** A record with something else in place of each value, a named tuple if it is one. */
function mapped(record: Readonly<Record<string, unknown>>, place: (item: unknown) => unknown): object {
  const made = Object.fromEntries(Object.entries(record).map(([key, item]) => [key, place(item)]));
  return isNamedTuple(record) ? namedTuple(made) : made;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value));
