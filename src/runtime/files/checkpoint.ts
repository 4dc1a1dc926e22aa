/** Tensors in files: `save` and `load` write and read state dicts, alone or with all else that a training needs. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { writeErrorReason } from "../../files/reason.ts";
import { writeAtomically } from "../../files/write.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { pack, unpack } from "./archive.ts";
import { isZip, SIGN_BYTES } from "./foreign-files.ts";
import { encodeSafetensors, type StoredTensor } from "./safetensors.ts";
import { readSafetensors } from "./safetensors-file.ts";
import { failFor } from "./safetensors-header.ts";
import { isIndex, loadShards } from "./shards.ts";
import { type Loadable, type Source, withSource } from "./source.ts";

/** The entry of the header's metadata that says where tensors belong. */
const STRUCTURE = "kiln.structure";

/**
 * Writes tensors by name, such as `net.stateDict()`, to a safetensors file, or any nesting of objects and lists with
 * tensors, numbers, strings, truth values and null:
 * `save({ model: net.stateDict(), optimizer: optimizer.stateDict(), epoch: 3 }, path)`. The file appears whole or not
 * at all. Throws a {@link KilnError} when it cannot be written.
 *
 * ```ts
 * await save(net.stateDict(), "net.safetensors");
 * ```
 */
export async function save(value: object, path: string): Promise<void> {
  const bytes = await checkpointBytes(value);
  try {
    await writeAtomically(path, bytes);
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${writeErrorReason(error)}`);
  }
}

/** The bytes that {@link save} writes; `metadata` is added to the header. */
export async function checkpointBytes(
  value: object,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  if (typeof value !== "object" || value === null || value instanceof Tensor || hasStateDict(value)) {
    throw new KilnError(
      `save writes tensors by name and plain data, such as save(net.stateDict(), path), not ${describeValue(value)}`,
    );
  }
  const { tensors, structure } = pack(value);
  const stored = [...tensors].map(async ([name, tensor]) => {
    if (name === "__metadata__")
      throw new KilnError("cannot save a tensor as __metadata__: the format needs that name");
    const { dtype, shape } = tensor;
    return [name, { dtype, shape, data: await tensor.data() }] as [string, StoredTensor];
  });
  const place = structure === undefined ? {} : { [STRUCTURE]: structure };
  return encodeSafetensors(await Promise.all(stored), { format: "pt", ...metadata, ...place });
}

/** Whether it is a module, an optimizer or the like, instead of what it holds. */
const hasStateDict = (value: object): boolean =>
  "stateDict" in value && typeof value.stateDict === "function";

/**
 * Reads what {@link save} or another tool has written: the tensors by name, ready for `net.loadStateDict`, or the
 * nested value that was saved. `from` is a path, bytes or a `Blob`, of one of these:
 *
 * - a safetensors file, as Kiln and Hugging Face write;
 * - a file of `torch.save` (`.pt`, `.pth`, `.bin`) with a state dict, or a checkpoint of dicts, lists, numbers and text.
 *   No code in it is run: any class but those of tensors is an error that names it;
 * - the index of a model in several files, such as `model.safetensors.index.json`; they lie in the same folder.
 *
 * float16, bfloat16 and float64 become float32, whole numbers int32. Everything is checked before it is allocated;
 * throws a {@link KilnError} that says what is wrong with the file. What the value holds is for its readers to check, as
 * every `loadStateDict` does.
 *
 * ```ts
 * await net.loadStateDict(await load("net.safetensors"));
 * ```
 */
export async function load<T extends object = Record<string, Tensor>>(from: Loadable): Promise<T> {
  if (isIndex(from)) return (await loadShards(from, (path) => load(path))) as T;
  return withSource(from, async (source) => {
    if (!isZip(await source.read(0, Math.min(SIGN_BYTES, source.size)))) return loadSafetensors<T>(source);
    const { readPytorchFile } = await import("./pytorch/pytorch-file.ts");
    const value = await readPytorchFile(source);
    const isNested = value instanceof Object && !(value instanceof Tensor);
    if (!isNested)
      throw new KilnError(`${source.name} holds ${describeValue(value)}, and no tensors by name`);
    return value as T;
  });
}

async function loadSafetensors<T extends object>(source: Source): Promise<T> {
  const { tensors, metadata } = await readSafetensors(source);
  const named = new Map(
    [...tensors].map(([name, { data, shape, dtype }]) => [name, Tensor.fromData(data, shape, dtype)]),
  );
  if (!Object.hasOwn(metadata, STRUCTURE)) return Object.fromEntries(named) as T;
  const fail = failFor(source.name);
  const value = unpack(named, metadata[STRUCTURE], fail);
  const isNested = value instanceof Object && !(value instanceof Tensor);
  return isNested ? (value as T) : fail("its structure holds no object");
}
