/**
 * The safetensors format, read and written: trained parameters as any other tool understands them. A file is a
 * u64 header length, a JSON header with a type, shape and byte range per tensor, and the raw bytes.
 */

import { byteSize, type DType, type TypedArray } from "../core/dtype.ts";
import { invariant, KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";

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

const FORMAT_NAMES = { float32: "F32", int32: "I32", uint8: "U8", bool: "BOOL" } as const;
const DTYPES = new Map(
  Object.entries(FORMAT_NAMES).map(([dtype, name]): [string, DType] => [name, dtype as DType]),
);
/** The bytes that give the header's length. */
export const LENGTH_BYTES = 8;
/** The format's own limit for a header. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";

/** The bytes of a safetensors file; the header lists the tensors in the order given. */
export function encodeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const list = [...tensors];
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
    header[name] = { dtype: FORMAT_NAMES[dtype], shape, data_offsets: [begin, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;
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

/** Where a tensor of the header lies, in bytes from the beginning of the file. */
export interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** A checked header. */
export interface Layout {
  readonly entries: readonly Entry[];
  /** The header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Throws the one {@link KilnError} for a file that is not what it should be. */
export type Fail = (fault: string) => never;

/** How faults of the file `fileName` are told. */
export function failFor(fileName: string): Fail {
  return (fault) => {
    throw new KilnError(`${fileName} is not a readable safetensors file: ${fault}`);
  };
}

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

/** A tensor over its bytes, which it keeps. */
export function storedTensor({ name, dtype, shape }: Entry, bytes: Uint8Array, fail: Fail): StoredTensor {
  const stray = dtype === "bool" ? bytes.find((byte) => byte > 1) : undefined;
  if (stray !== undefined) fail(`the BOOL tensor ${quoted(name)} holds the byte ${stray}`);
  return { dtype, shape, data: viewAs(dtype, bytes) };
}

/** The header of a file of `fileBytes` bytes, checked: its tensors lie within the file and fill it. */
export function readLayout(header: Uint8Array, fileBytes: number, fail: Fail): Layout {
  const { [METADATA]: metadata = {}, ...described } = parseHeader(header, fail);
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    fail(`its ${METADATA} does not hold strings alone`);
  }
  const entries = Object.entries(described).map(([name, entry]) => readEntry(name, entry, fail));
  const dataStart = LENGTH_BYTES + header.length;
  checkRanges(entries, fileBytes - dataStart, fail);
  return {
    entries: entries.map((entry) => ({
      ...entry,
      begin: dataStart + entry.begin,
      end: dataStart + entry.end,
    })),
    metadata: metadata as Record<string, string>,
  };
}

/** Where the header of a file of `fileBytes` bytes ends and the data begin, from the file's first bytes. */
export function readDataStart(bytes: Uint8Array, fileBytes: number, fail: Fail): number {
  if (bytes.length < LENGTH_BYTES) {
    fail(`it has ${bytes.length} bytes, too few for the ${LENGTH_BYTES} that give the header's length`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES);
  const claimed = view.getBigUint64(0, true);
  if (claimed > BigInt(fileBytes - LENGTH_BYTES)) {
    fail(`it claims a header of ${claimed} bytes, but only ${fileBytes - LENGTH_BYTES} follow`);
  }
  if (claimed > MAX_HEADER_BYTES) {
    fail(`its header of ${claimed} bytes exceeds the format's limit of ${MAX_HEADER_BYTES}`);
  }
  return LENGTH_BYTES + Number(claimed);
}

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  const { text, header } = parseJson(bytes, fail);
  if (!isRecord(header)) fail("its header is not a JSON object");
  const met = new Set<string>();
  for (const name of topLevelKeys(text)) {
    if (met.has(name)) fail(`two tensors have the name ${quoted(name)}`);
    met.add(name);
  }
  return header;
}

function parseJson(bytes: Uint8Array, fail: Fail): { text: string; header: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { text, header: JSON.parse(text) };
  } catch {
    return fail("its header is not valid JSON");
  }
}

/** The keys of a JSON object as they are written: `JSON.parse` would silently keep the last of two alike. */
function* topLevelKeys(json: string): Generator<string> {
  let depth = 0;
  for (const [token, key] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && key !== undefined) yield JSON.parse(key);
  }
}

function readEntry(name: string, entry: unknown, fail: Fail): Entry {
  const what = `the tensor ${quoted(name)}`;
  if (!isRecord(entry)) return fail(`${what} is not described by an object`);
  const { dtype: formatName, shape, data_offsets: offsets } = entry;
  const dtype = typeof formatName === "string" ? DTYPES.get(formatName) : undefined;
  if (dtype === undefined) {
    return fail(`${what} has the dtype ${quoted(formatName)}; Kiln reads ${[...DTYPES.keys()].join(", ")}`);
  }
  if (!isWholeNumbers(shape)) return fail(`${what} has no shape of whole numbers`);
  if (!isWholeNumbers(offsets) || offsets.length !== 2) {
    return fail(`${what} has no data_offsets of two whole numbers`);
  }
  const [begin, end] = offsets;
  if (begin > end) fail(`${what} ends at byte ${end}, before it begins at byte ${begin}`);
  const needed = sizeOf(shape) * byteSize(dtype);
  if (needed !== end - begin) {
    fail(`${what}, ${formatName}${formatShape(shape)}, needs ${needed} bytes but is given ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Ranges lie side by side from the first byte to the last, as the format demands. */
function checkRanges(entries: readonly Entry[], dataBytes: number, fail: Fail): void {
  let position = 0;
  let before = "";
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (end > dataBytes) {
      fail(`the tensor ${quoted(name)} ends at byte ${end}, but the file holds ${dataBytes} bytes of data`);
    }
    if (begin < position) fail(`the tensors ${before} and ${quoted(name)} overlap`);
    if (begin > position) fail(`the bytes ${position} to ${begin - 1} belong to no tensor`);
    position = end;
    before = quoted(name);
  }
  if (position < dataBytes) fail(`${dataBytes - position} bytes at its end belong to no tensor`);
}

function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(bytes.buffer);
    case "int32":
      return new Int32Array(bytes.buffer);
    case "bool":
    case "uint8":
      return bytes;
    default:
      return dtype satisfies never;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isWholeNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

/** A value from the file as a message may show it: short, without control characters, and never taken apart. */
export const quoted = (value: unknown): string =>
  (typeof value === "string" ? JSON.stringify(value) : Object(value) === value ? "{…}" : String(value))
    .slice(0, 80)
    .replace(/[\p{Cc}\u2028\u2029]/gu, "?");
