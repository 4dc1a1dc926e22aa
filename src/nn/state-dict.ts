/** Loads a state dict into a model: everything is checked before anything is written. */

import { KilnError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import type { Storage, Tensor } from "../tensor/tensor.ts";
import { type Named, walkState } from "./members.ts";
import type { Module } from "./module.ts";

/** Tensors by PyTorch's dotted keys, such as `conv1.weight`. */
export type StateDict = Readonly<Record<string, Tensor>>;

/** Keys that model and state dict do not share; both lists are empty after a strict load. */
export interface LoadResult {
  readonly missingKeys: readonly string[];
  readonly unexpectedKeys: readonly string[];
}

/**
 * Copies the tensors of `source` into `module`'s. All missing, unexpected and ill-typed keys are reported in one
 * error, and then nothing has changed; without `strict`, keys on one side alone are left alone.
 */
export async function loadStateDict(module: Module, source: StateDict, strict: boolean): Promise<LoadResult> {
  const own = [...walkState(module)];
  const names = new Set(own.map(([name]) => name));
  const shared = own.filter(([name]) => Object.hasOwn(source, name));
  const missingKeys = [...names].filter((name) => !Object.hasOwn(source, name));
  const unexpectedKeys = Object.keys(source).filter((name) => !names.has(name));
  const faults = [
    ...(strict ? [listOf("missing", missingKeys), listOf("unexpected", unexpectedKeys)].flat() : []),
    ...shared.flatMap(([name, tensor]) => mismatch(name, tensor, source[name])),
  ];
  if (faults.length > 0) {
    throw new KilnError(`cannot load the state dict into ${module.constructor.name}: ${faults.join("; ")}`);
  }
  const targets = shared.map(([name, tensor]): Named<Storage> => [name, storageOf(name, tensor)]);
  const numbers = await Promise.all(targets.map(([name]) => source[name].data()));
  for (const [index, [, storage]] of targets.entries()) await storage.write(numbers[index]);
  return { missingKeys, unexpectedKeys };
}

const listOf = (fault: string, keys: readonly string[]): string[] =>
  keys.length === 0 ? [] : [`${fault} ${keys.length === 1 ? "key" : "keys"} ${keys.join(", ")}`];

function mismatch(name: string, own: Tensor, given: Tensor): string[] {
  if (own.dtype === given.dtype && sameShape(own.shape, given.shape)) return [];
  return [`${name} is ${describe(given)} but the model has ${describe(own)}`];
}

function storageOf(name: string, tensor: Tensor): Storage {
  if (tensor.behind.kind === "leaf") return tensor.behind.storage;
  throw new KilnError(
    `cannot load into ${name}: it is the result of an operation, not a tensor that holds numbers`,
  );
}
