/** Loads a state dict into a model: everything is checked before anything is written. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { compareByName, copyByName, type KeyDifference } from "../tensor/copy-by-name.ts";
import { Tensor } from "../tensor/tensor.ts";
import { walkLaterBuffers, walkState } from "./members.ts";
import type { Module } from "./module.ts";

/** Tensors by PyTorch's dotted keys, such as `conv1.weight`. */
export type StateDict = Readonly<Record<string, Tensor>>;

/** Keys that model and state dict do not share; both lists are empty after a strict load. */
export type LoadResult = KeyDifference;

/**
 * Copies the tensors of `source` into `module`'s. All missing, unexpected and ill-typed keys are reported in one
 * error, and then nothing has changed; without `strict`, keys on one side alone are left alone.
 */
export async function loadStateDict(module: Module, source: StateDict, strict: boolean): Promise<LoadResult> {
  if (typeof source !== "object" || source === null || source instanceof Tensor) {
    throw new KilnError(
      `loadStateDict takes tensors by name, such as await load(path), not ${describeValue(source)}`,
    );
  }
  const later = new Set(walkLaterBuffers(module));
  const own = [...walkState(module)].filter(([name]) => !later.has(name) || Object.hasOwn(source, name));
  const { missingKeys, unexpectedKeys, faults } = compareByName("the model", own, source, strict);
  if (faults.length > 0) {
    throw new KilnError(`cannot load the state dict into ${module.constructor.name}: ${faults.join("; ")}`);
  }
  await copyByName(own, source);
  return { missingKeys, unexpectedKeys };
}
