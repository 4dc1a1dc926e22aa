/** Tensors in files: `save` and `load` write and read state dicts as safetensors. */

import { KilnError } from "../core/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { fileErrorReason, writeAtomically } from "./atomic-file.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";

/**
 * Writes tensors by name, such as `net.stateDict()`, to a safetensors file. The file appears whole or not at
 * all. Throws a {@link KilnError} when it cannot be written.
 */
export async function save(tensors: Readonly<Record<string, Tensor>>, path: string): Promise<void> {
  const stored = Object.entries(tensors).map(async ([name, tensor]) => {
    const { dtype, shape } = tensor;
    return [name, { dtype, shape, data: await tensor.data() }] as [string, StoredTensor];
  });
  const bytes = encodeSafetensors(await Promise.all(stored), { format: "pt" });
  try {
    await writeAtomically(path, bytes);
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${fileErrorReason(error)}`);
  }
}

/**
 * Reads the tensors of a safetensors file, ready for `net.loadStateDict`. The file is checked before anything
 * is allocated; throws a {@link KilnError} that says what is wrong with it.
 */
export async function load(path: string): Promise<Record<string, Tensor>> {
  const { readFile } = await import("node:fs/promises");
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new KilnError(`cannot read ${path}: ${fileErrorReason(error)}`);
  }
  const { tensors } = decodeSafetensors(bytes, path);
  return Object.fromEntries(
    [...tensors].map(([name, { data, shape, dtype }]) => [name, Tensor.fromData(data, shape, dtype)]),
  );
}
