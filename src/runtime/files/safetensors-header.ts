/**
 * The header of a safetensors file, which may come from anywhere: types, shapes and ranges are checked before anything is
 * allocated, and how much there is of it before it is parsed. Every fault is one {@link KilnError}.
 */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../../core/shape.ts";
import { ELEMENT_TYPES, type ElementType } from "./element-types.ts";
import { foreignFormat } from "./foreign-files.ts";
import { outlineOf } from "./json-size.ts";

/** The bytes that give the header's length. */
export const LENGTH_BYTES = 8;
/** The format's own limit for a header. */
export const MOST_HEADER_BYTES = 100_000_000;
/** The largest published models have a tenth of it in one file. */
export const MOST_TENSORS = 2 ** 17;
/** What the header may hold: sixteen values for each tensor, as one of nine dimensions has. */
const MOST_VALUES = 16 * MOST_TENSORS;
export const METADATA = "__metadata__";

/** The range of a tensor of the header, in bytes from the beginning of the file. */
export interface Entry {
  readonly name: string;
  /** The name of its element type in the format. */
  readonly format: string;
  readonly type: ElementType;
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

/** Reports faults of the file `fileName`. */
export function failFor(fileName: string): Fail {
  return (fault) => {
    throw new KilnError(`${fileName} is not a readable safetensors file: ${fault}`);
  };
}

/** The header of a file of `fileBytes` bytes, checked: its tensors are within the file and fill it. */
export function readLayout(header: Uint8Array, fileBytes: number, fail: Fail): Layout {
  const described = parseHeader(header, fail);
  const metadata = described.get(METADATA) ?? {};
  described.delete(METADATA);
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    fail(`its ${METADATA} does not hold strings alone`);
  }
  const dataStart = LENGTH_BYTES + header.length;
  const entries = Array.from(described, ([name, entry]) => readEntry(name, entry, dataStart, fail));
  checkRanges(entries, dataStart, fileBytes, fail);
  return { entries, metadata: metadata as Record<string, string> };
}

/** Where the header of a file of `fileBytes` bytes ends and the data begin, from the file's first bytes. */
export function readDataStart(bytes: Uint8Array, fileBytes: number, fail: Fail): number {
  const foreign = foreignFormat(bytes);
  if (foreign !== undefined) fail(`it is ${foreign}`);
  if (bytes.length < LENGTH_BYTES) {
    fail(`it has ${bytes.length} bytes, too few for the ${LENGTH_BYTES} that give the header's length`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES);
  const claimed = view.getBigUint64(0, true);
  if (claimed > BigInt(fileBytes - LENGTH_BYTES)) {
    fail(`it claims a header of ${claimed} bytes, but only ${fileBytes - LENGTH_BYTES} follow`);
  }
  if (claimed > MOST_HEADER_BYTES) {
    fail(`its header of ${claimed} bytes exceeds the format's limit of ${MOST_HEADER_BYTES}`);
  }
  return LENGTH_BYTES + Number(claimed);
}

/** What the header says of each name. */
function parseHeader(bytes: Uint8Array, fail: Fail): Map<string, unknown> {
  const outline = outlineOf(bytes, MOST_VALUES);
  if (outline === undefined || outline.names.length > MOST_TENSORS + 1) {
    fail(`its header describes more than the ${MOST_TENSORS} tensors that Kiln reads`);
  }
  const header = parseJson(bytes, fail);
  if (!isRecord(header)) fail("its header is not a JSON object");
  const described = new Map(Object.entries(header));
  // JSON.parse silently keeps the last of two that are alike.
  if (described.size < outline.names.length) {
    const decoder = new TextDecoder();
    const met = new Set<string>();
    for (const [begin, end] of outline.names) {
      const name = JSON.parse(decoder.decode(bytes.subarray(begin, end)));
      if (met.has(name)) fail(`two tensors have the name ${quoted(name)}`);
      met.add(name);
    }
  }
  return described;
}

function parseJson(bytes: Uint8Array, fail: Fail): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail("its header is not valid JSON");
  }
}

function readEntry(name: string, entry: unknown, dataStart: number, fail: Fail): Entry {
  const what = `the tensor ${quoted(name)}`;
  if (!isRecord(entry)) return fail(`${what} is not described by an object`);
  const { dtype: format, shape, data_offsets: offsets } = entry;
  const type = typeof format === "string" ? ELEMENT_TYPES.get(format) : undefined;
  if (type === undefined) {
    return fail(
      `${what} has the dtype ${quoted(format)}; Kiln reads ${[...ELEMENT_TYPES.keys()].join(", ")}`,
    );
  }
  if (!isWholeNumbers(shape)) return fail(`${what} has no shape of whole numbers`);
  if (!isWholeNumbers(offsets) || offsets.length !== 2) {
    return fail(`${what} has no data_offsets of two whole numbers`);
  }
  const [begin, end] = offsets;
  if (begin > end) fail(`${what} ends at byte ${end}, before it begins at byte ${begin}`);
  const needed = sizeOf(shape) * type.bytes;
  if (needed !== end - begin) {
    fail(`${what}, ${format}${formatShape(shape)}, needs ${needed} bytes but is given ${end - begin}`);
  }
  return { name, format: format as string, type, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Ranges are contiguous from the first byte to the last, as the format requires. */
function checkRanges(entries: readonly Entry[], dataStart: number, fileBytes: number, fail: Fail): void {
  const dataBytes = fileBytes - dataStart;
  let position = 0;
  let before = "";
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    const [name, begin, end] = [quoted(entry.name), entry.begin - dataStart, entry.end - dataStart];
    if (end > dataBytes) {
      fail(`the tensor ${name} ends at byte ${end}, but the file holds ${dataBytes} bytes of data`);
    }
    if (begin < position) fail(`the tensors ${before} and ${name} overlap`);
    if (begin > position) fail(`the bytes ${position} to ${begin - 1} belong to no tensor`);
    position = end;
    before = name;
  }
  if (position < dataBytes) fail(`${dataBytes - position} bytes at its end belong to no tensor`);
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
