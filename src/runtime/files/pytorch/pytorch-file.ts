/** Reads what `torch.save` writes since PyTorch 1.6: a zip archive with one pickle and the numbers of every storage. */

import { KilnError } from "../../../core/errors.ts";
import { sizeOf, stridesOf } from "../../../core/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { Archived } from "../archive.ts";
import { BeyondType } from "../element-types.ts";
import { type Fail, quoted } from "../safetensors-header.ts";
import type { Source } from "../source.ts";
import { readPickle } from "./pickle.ts";
import { elementType, StoredView, stateDictBuilder } from "./rebuild.ts";
import { type Archive, openZip } from "./zip.ts";

/** More than any checkpoint has, and far less than the stack holds. */
const MOST_LEVELS = 64;
/**
 * How many times the file's bytes its tensors may take, counted as they lie in the file. Tensors share storages where
 * weights are tied or are views of one another: there are two or three of them for a storage, not thousands.
 */
const MOST_SHARING = 4;

/** The value that was saved: a state dict, or a checkpoint of dicts, lists, numbers and text with tensors among them. */
export async function readPytorchFile(source: Source): Promise<Archived> {
  const fail: Fail = (fault) => {
    throw new KilnError(`${source.name} is not a readable PyTorch file: ${fault}`);
  };
  const archive = await openZip(source, fail);
  const folder = await findFolder(archive, fail);
  const pickle = await archive.read(`${folder}data.pkl`);
  const views = new Map<string, StoredView>();
  const saved = readPickle(pickle, stateDictBuilder(views, fail), fail);
  const tensors = await readTensors(views.values(), archive, folder, source.size * MOST_SHARING, fail);
  return plain(saved, tensors, fail);
}

/** The folder that contains everything, as `archive/`. */
async function findFolder(archive: Archive, fail: Fail): Promise<string> {
  const pickle = archive.names.find((name) => /^(?:[^/]+\/)?data\.pkl$/.test(name));
  if (pickle === undefined) {
    return fail("it is a zip archive without the data.pkl that torch.save writes");
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  if (archive.names.some((name) => name.startsWith(`${folder}code/`))) {
    return fail(
      "it is a TorchScript program: in Python, torch.save(net.state_dict(), path) writes what Kiln reads",
    );
  }
  const order = `${folder}byteorder`;
  if (archive.names.includes(order) && new TextDecoder().decode(await archive.read(order)) !== "little") {
    return fail("its numbers have their bytes in big-endian order");
  }
  return folder;
}

/** The value of a pickle with records for dicts, and tensors in their places. */
function plain(value: unknown, tensors: ReadonlyMap<string, Tensor | BeyondType>, fail: Fail): Archived {
  const known = new Map<unknown, Archived>();
  const convert = (item: unknown, path: readonly string[]): Archived => {
    if (path.length > MOST_LEVELS) fail(`it is nested more than ${MOST_LEVELS} levels deep`);
    if (item === null || typeof item === "string" || typeof item === "number" || typeof item === "boolean") {
      return item;
    }
    const made = known.get(item) ?? convertObject(item, path);
    known.set(item, made);
    return made;
  };
  const convertObject = (item: unknown, path: readonly string[]): Archived => {
    if (Array.isArray(item)) return item.map((part, k) => convert(part, [...path, `${k}`]));
    if (item instanceof StoredView) {
      const tensor = tensors.get(item.key) as Tensor | BeyondType;
      if (tensor instanceof Tensor) return tensor;
      const name = quoted(path.join("."));
      return fail(
        `the ${item.format} tensor ${name} holds ${tensor.message}, which ${elementType(item.format).dtype} cannot hold`,
      );
    }
    if (!(item instanceof Map)) return fail("it holds a class or a storage where a value belongs");
    const entries = Array.from(item, ([key, part]): [string, Archived] => {
      const name = keyOf(key, fail);
      return [name, convert(part, [...path, name])];
    });
    return Object.fromEntries(entries);
  };
  return convert(value, []);
}

/** The name that a dict's key becomes: optimizers number their states. */
const keyOf = (key: unknown, fail: Fail): string =>
  typeof key === "string" || typeof key === "number"
    ? String(key)
    : fail("it has a dict whose keys are neither text nor numbers");

/** Reads one storage after the other, and makes the tensors in it. */
async function readTensors(
  views: Iterable<StoredView>,
  archive: Archive,
  folder: string,
  mostBytes: number,
  fail: Fail,
): Promise<ReadonlyMap<string, Tensor | BeyondType>> {
  const storages = new Map<string, StoredView[]>();
  let bytes = 0;
  for (const view of views) {
    const { storage, format, shape } = view;
    const size = archive.size(`${folder}data/${storage.key}`);
    if (size !== storage.bytes) {
      const held = size === undefined ? "is missing" : `has ${size} bytes`;
      fail(`the storage ${storage.key} ${held} where its pickle says ${storage.bytes} bytes`);
    }
    bytes += sizeOf(shape) * elementType(format).bytes;
    if (bytes > mostBytes) {
      fail(
        "its tensors are views that share their numbers, and apart would take several times the file's size",
      );
    }
    const shared = storages.get(storage.key);
    if (shared === undefined) storages.set(storage.key, [view]);
    else shared.push(view);
  }
  const tensors = new Map<string, Tensor | BeyondType>();
  for (const [key, shared] of storages) {
    const raw = await archive.read(`${folder}data/${key}`);
    for (const view of shared) tensors.set(view.key, tensorOf(raw, view));
  }
  return tensors;
}

/** The tensor, or what of it its type cannot hold. */
function tensorOf(raw: Uint8Array, view: StoredView): Tensor | BeyondType {
  const { format, shape } = view;
  const type = elementType(format);
  try {
    return Tensor.fromData(type.read(gathered(raw, type.bytes, view)), shape, type.dtype);
  } catch (error) {
    if (error instanceof BeyondType) return error;
    throw error;
  }
}

/** The elements of a view, of `width` bytes each, one after the other in bytes of their own. */
function gathered(raw: Uint8Array, width: number, { shape, strides, offset }: StoredView): Uint8Array {
  const size = sizeOf(shape);
  const rowMajor = stridesOf(shape);
  const isInOrder = size === 0 || shape.every((extent, k) => extent === 1 || strides[k] === rowMajor[k]);
  if (isInOrder) return raw.slice(offset * width, (offset + size) * width);
  const bytes = new Uint8Array(size * width);
  const [from, to] = [words(raw, width), words(bytes, width)];
  const index = shape.map(() => 0);
  let place = offset;
  for (let k = 0; k < size; k++) {
    to[k] = from[place];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return bytes;
}

/** Bytes that begin their buffer as elements of `width` bytes, which are moved and not looked at. */
function words({ buffer }: Uint8Array, width: number): Record<number, number | bigint> {
  switch (width) {
    case 1:
      return new Uint8Array(buffer);
    case 2:
      return new Uint16Array(buffer);
    case 4:
      return new Uint32Array(buffer);
    default:
      return new BigUint64Array(buffer);
  }
}
