/**
 * The weights of `kiln build --checkpoint`: a state dict, alone in its file or part of a checkpoint of `kiln train`.
 */

import { KilnError } from "../../core/errors.ts";
import type { Module, StateDict } from "../../nn/index.ts";
import { load } from "../../runtime/files/checkpoint.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** Loads the parameters and buffers of the file at `path` into `model`. */
export async function loadWeights(model: Module, path: string): Promise<void> {
  const value = await load<Readonly<Record<string, unknown>>>(path);
  const { model: inside } = value;
  const isNested = typeof inside === "object" && inside !== null && !(inside instanceof Tensor);
  const found = isNested ? inside : value;
  if (Object.values(found).some((item) => !(item instanceof Tensor))) {
    throw new KilnError(`${path} holds no state dict, neither at its top level nor under the name model`);
  }
  await model.loadStateDict(found as StateDict);
}
