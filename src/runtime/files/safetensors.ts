/**
 * The safetensors format, read and written: trained parameters as any other tool understands them. A file is a
 * u64 header length, a JSON header with a type, shape and byte range per tensor, and the raw bytes.
 */

import { byteSize, type DType, fileName, type TypedArray } from "../../core/dtype.ts";
import { invariant, KilnError } from "../../core/errors.ts";
import { type Shape, sizeOf } from "../../core/shape.ts";
import { BeyondType } from "./element-types.ts";
import {
  type Entry,
  type Fail,
  failFor,
  LENGTH_BYTES,
  METADATA,
  MOST_HEADER_BYTES,
  MOST_TENSORS,
  quoted,
  readDataStart,
  readLayout,
} from "./safetensors-header.ts";

/** A tensor's numbers, apart from any graph. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** The numbers in row-major order. */
  readonly data: TypedArray;
}

/** What a safetensors file holds. */
export interface StoredTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file; the header lists the tensors in the order given. Throws a {@link KilnError} for more
 * than what the format, and every reader of it, allows.
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const list = [...tensors];
  if (list.length > MOST_TENSORS) {
    throw new KilnError(
      `a file holds at most ${MOST_TENSORS} tensors, not ${list.length}: join some, or write several`,
    );
  }
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  for (const [name] of list) {
    invariant(name !== METADATA && !Object.hasOwn(header, name), `the tensor name ${name} is free`);
    header[name] = undefined;
  }
  let end = 0;
  const ranges = new Map<string, readonly [begin: number, end: number]>();
  // Wide elements first, so that every tensor begins at a multiple of its element's size.
  for (const [name, { dtype, shape, data }] of list.toSorted((a, b) => widthOf(b) - widthOf(a))) {
    invariant(data.length === sizeOf(shape), `the numbers of ${name} fit its shape`);
    invariant(data.BYTES_PER_ELEMENT === byteSize(dtype), `the array of ${name} fits its dtype`);
    const begin = end;
    end += data.byteLength;
    ranges.set(name, [begin, end]);
    header[name] = { dtype: fileName(dtype), shape, data_offsets: [begin, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;
  if (headerBytes > MOST_HEADER_BYTES) {
    throw new KilnError(
      `names, shapes and plain values take ${headerBytes} bytes, and a safetensors file has room for ` +
        `${MOST_HEADER_BYTES}: put long lists of numbers into tensors`,
    );
  }
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  bytes.set(json, LENGTH_BYTES);
  for (const [name, { data }] of list) {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    bytes.set(raw, LENGTH_BYTES + headerBytes + ranges.get(name)![0]);
  }
  return bytes;
}

const widthOf = ([, { dtype }]: readonly [string, StoredTensor]): number => byteSize(dtype);

/**
 * Reads a safetensors file; `fileName` stands in messages. Header, types, shapes and ranges are all checked before
 * anything is allocated, and every fault is one {@link KilnError}. The arrays are copies, the caller's own.
 */
export function decodeSafetensors(bytes: Uint8Array, fileName: string): StoredTensors {
  const fail = failFor(fileName);
  const dataStart = readDataStart(bytes, bytes.length, fail);
  const { entries, metadata } = readLayout(bytes.subarray(LENGTH_BYTES, dataStart), bytes.length, fail);
  const tensors = entries.map((entry): [string, StoredTensor] => {
    // Not slice(): the bytes may be Node's Buffer, whose slice is no copy.
    const copy = new Uint8Array(bytes.subarray(entry.begin, entry.end));
    return [entry.name, storedTensor(entry, copy, fail)];
  });
  return { tensors: new Map(tensors), metadata };
}

/** A tensor of the numbers in `bytes`, which begin their buffer and are kept. */
export function storedTensor(
  { name, format, type, shape }: Entry,
  bytes: Uint8Array,
  fail: Fail,
): StoredTensor {
  try {
    return { dtype: type.dtype, shape, data: type.read(bytes) };
  } catch (error) {
    if (!(error instanceof BeyondType)) throw error;
    return fail(
      `the ${format} tensor ${quoted(name)} holds ${error.message}, which ${type.dtype} cannot hold`,
    );
  }
}
