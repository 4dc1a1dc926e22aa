/**
 * The IDX format of the MNIST family: a big-endian header with the dimensions, then the elements. A file comes
 * from outside, so its header is checked against its length before anything is read or allocated.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { checkText } from "./arguments.ts";

/** An IDX file's content: `data` is a view into the bytes that were parsed. */
export interface IdxArray {
  /** The extent along each axis. */
  readonly shape: Shape;
  /** The numbers, in row-major order. */
  readonly data: Uint8Array;
}

/** What an IDX header announces. */
export interface IdxHeader {
  readonly shape: Shape;
  readonly headerBytes: number;
  /** Length of the whole file, header included. */
  readonly fileBytes: number;
}

/** The largest IDX file that is read. The whole of MNIST is 55 MB, its largest relative (EMNIST) 550 MB. */
export const MAX_IDX_BYTES = 2 ** 30;

const UNSIGNED_BYTE = 0x08;
const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  9: "signed bytes",
  11: "16-bit integers",
  12: "32-bit integers",
  13: "32-bit floats",
  14: "64-bit floats",
};

/** Reads the content of an IDX file of unsigned bytes (not compressed); `fileName` is for the messages. */
export function parseIdx(bytes: Uint8Array, fileName: string): IdxArray {
  checkText("parseIdx", "the name of the file, for its messages", fileName);
  if (!(bytes instanceof Uint8Array)) {
    throw new KilnError(`parseIdx reads the bytes of a file, in a Uint8Array, not ${describeValue(bytes)}`);
  }
  const { shape, headerBytes, fileBytes } = parseIdxHeader(bytes, fileName);
  if (bytes.length !== fileBytes) {
    const fault = bytes.length < fileBytes ? "is truncated" : "has bytes left over at its end";
    throw new KilnError(
      `${fileName} ${fault}: its header announces ${shape.join(" x ")} elements, ` +
        `so ${fileBytes} bytes were expected, but it has ${bytes.length}`,
    );
  }
  return { shape, data: bytes.subarray(headerBytes) };
}

/** Reads and checks the header alone; `bytes` may be any part of the file that begins with it. */
export function parseIdxHeader(bytes: Uint8Array, fileName: string): IdxHeader {
  if (bytes.length < 4) {
    throw new KilnError(
      `${fileName} is truncated: an IDX file starts with 4 bytes, but it has ${bytes.length}`,
    );
  }
  const [first, second, type, rank] = bytes;
  if (first !== 0 || second !== 0) {
    throw new KilnError(
      `${fileName} is not an IDX file: it starts with the bytes ${formatBytes(bytes.subarray(0, 4))}, ` +
        `where an IDX file of unsigned bytes has 00 00 08`,
    );
  }
  if (type !== UNSIGNED_BYTE) {
    const found = ELEMENT_TYPES[type] ?? `elements of the unknown type ${formatBytes([type])}`;
    throw new KilnError(`${fileName} holds ${found}; only IDX files of unsigned bytes (type 08) are read`);
  }
  if (rank === 0) throw new KilnError(`${fileName} announces 0 dimensions; an IDX file has at least one`);
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) {
    throw new KilnError(
      `${fileName} is truncated: a header of ${rank} dimensions takes ${headerBytes} bytes, ` +
        `but it has ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, headerBytes, fileBytes: headerBytes + checkedSize(shape, fileName) };
}

/** Number of elements; stops multiplying at the limit, so that no product can overflow. */
function checkedSize(shape: Shape, fileName: string): number {
  if (shape.includes(0)) {
    throw new KilnError(`${fileName} is empty: its header announces ${shape.join(" x ")} elements`);
  }
  let size = 1;
  for (const extent of shape) {
    size *= extent;
    if (size > MAX_IDX_BYTES) {
      throw new KilnError(
        `${fileName} is too large or damaged: its header announces ${shape.join(" x ")} bytes, ` +
          `more than the limit of ${MAX_IDX_BYTES}`,
      );
    }
  }
  return size;
}

function formatBytes(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
