/** Copies tensors into others of the same names: everything is compared before anything is written. */

import { sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { Tensor } from "./tensor.ts";
import { write } from "./view.ts";

type Named<T> = readonly [name: string, value: T];

/** Keys that two sets of tensors do not share. */
export interface KeyDifference {
  /** Keys of the module that the state dict does not have. */
  readonly missingKeys: readonly string[];
  /** Keys of the state dict that the module does not have. */
  readonly unexpectedKeys: readonly string[];
}

/**
 * Compares the tensors of `owner` with those to be copied into them, which may come from a file and be anything;
 * `faults` lists what makes the copy impossible. Without `strict`, keys on only one side are not faults. `called` gives
 * the name of a key of `source` in faults.
 */
export function compareByName(
  owner: string,
  own: readonly Named<Tensor>[],
  source: Readonly<Record<string, unknown>>,
  strict = true,
  called: (name: string) => string = (name) => name,
): KeyDifference & { readonly faults: readonly string[] } {
  const names = new Set(own.map(([name]) => name));
  const shared = own.filter(([name]) => Object.hasOwn(source, name));
  const missingKeys = [...names].filter((name) => !Object.hasOwn(source, name));
  const unexpectedKeys = Object.keys(source).filter((name) => !names.has(name));
  const faults = [
    ...(strict
      ? [listOf("missing", missingKeys), listOf("unexpected", unexpectedKeys.map(called))].flat()
      : []),
    ...shared.flatMap(([name, tensor]) => mismatch(owner, called(name), tensor, source[name])),
  ];
  return { missingKeys, unexpectedKeys, faults };
}

/**
 * Gives the tensors of `own` the numbers of those of `source` that have the same names; all are read before one
 * changes.
 */
export async function copyByName(
  own: readonly Named<Tensor>[],
  source: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const shared = own.filter(([name]) => Object.hasOwn(source, name));
  const numbers = await Promise.all(shared.map(([name]) => source[name].data()));
  for (const [k, [, tensor]] of shared.entries()) {
    const { shape, dtype } = tensor;
    write(tensor, Tensor.fromData(numbers[k], shape, dtype), true);
  }
}

const listOf = (fault: string, keys: readonly string[]): string[] =>
  keys.length === 0 ? [] : [`${fault} ${keys.length === 1 ? "key" : "keys"} ${keys.join(", ")}`];

function mismatch(owner: string, name: string, own: Tensor, given: unknown): string[] {
  if (!(given instanceof Tensor)) return [`${name} is not a tensor`];
  if (own.dtype === given.dtype && sameShape(own.shape, given.shape)) return [];
  return [`${name} is ${describe(given)} but ${owner} has ${describe(own)}`];
}
