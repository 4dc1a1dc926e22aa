/** Loads a state dict into a model: everything is checked before anything is written. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { compareByName, copyByName, type KeyDifference } from "../tensor/copy-by-name.ts";
import { Tensor } from "../tensor/tensor.ts";
import { walkLaterBuffers, walkState } from "./members.ts";
import type { Module } from "./module.ts";
import { type Rename, renamed } from "./rename.ts";

/** Tensors by PyTorch's dotted keys, such as `conv1.weight`. */
export type StateDict = Readonly<Record<string, Tensor>>;

/** Keys that model and state dict do not share; both lists are empty after a strict load. */
export type LoadResult = KeyDifference;

/** How a state dict is loaded. */
export interface LoadOptions {
  /** Whether keys on one side alone are an error (the default). */
  readonly strict?: boolean;
  /** What the model's names are for those of the state dict. */
  readonly rename?: Rename;
}

const OPTIONS = { strict: true, rename: true } satisfies OptionNames<LoadOptions>;

/**
 * Copies the tensors of `given` into `module`'s. All missing, unexpected and ill-typed keys are reported in one
 * error, and then nothing has changed; without `strict`, keys on one side alone are left alone.
 */
export async function loadStateDict(
  module: Module,
  given: StateDict,
  options: LoadOptions,
): Promise<LoadResult> {
  checkOptionNames("loadStateDict", options, OPTIONS);
  const { strict = true, rename } = options;
  if (typeof given !== "object" || given === null || given instanceof Tensor) {
    throw new KilnError(
      `loadStateDict takes tensors by name, such as await load(path), not ${describeValue(given)}`,
    );
  }
  const { source, before } =
    rename === undefined ? { source: given, before: undefined } : renamed(given, rename);
  const later = new Set(walkLaterBuffers(module));
  const own = [...walkState(module)].filter(([name]) => !later.has(name) || Object.hasOwn(source, name));
  const inFile = (name: string): string => {
    const old = before?.get(name) ?? name;
    return old === name ? name : `${name} (${old} in the state dict)`;
  };
  const { missingKeys, unexpectedKeys, faults } = compareByName("the model", own, source, strict, inFile);
  if (faults.length > 0) {
    throw new KilnError(`cannot load the state dict into ${module.constructor.name}: ${faults.join("; ")}`);
  }
  await copyByName(own, source);
  return { missingKeys, unexpectedKeys };
}
