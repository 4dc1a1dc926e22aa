/**
 * Reads tar archives (POSIX 1003.1-1988 `ustar` and its forerunner) from memory. An archive comes from outside:
 * every header's checksum, sizes and paths are checked, and whatever could reach out of a folder is refused.
 */

import { KilnError } from "../core/errors.ts";

/** A regular file inside an archive; `data` is a view into the archive's bytes. */
export interface TarEntry {
  /** Relative, with `/` between its parts, without `..`. */
  readonly path: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;
/** Position and length of the header's fields. */
const FIELD = {
  name: [0, 100],
  size: [124, 12],
  checksum: [148, 8],
  magic: [257, 5],
  prefix: [345, 155],
} as const;
const TYPE_AT = 156;

/** The regular files of an archive, in order; `fileName` is for the messages. */
export function readTar(bytes: Uint8Array, fileName: string): TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + BLOCK > bytes.length)
      throw new KilnError(`${fileName} is truncated: its last header is not whole`);
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    checkChecksum(header, fileName);
    const path = pathOf(header, fileName);
    const size = octal(header, FIELD.size, fileName);
    const begin = at + BLOCK;
    if (begin + size > bytes.length) {
      throw new KilnError(
        `${fileName} is truncated: ${path} has ${size} bytes, of which ${bytes.length - begin} are there`,
      );
    }
    if (isFile(header, path, fileName)) entries.push({ path, data: bytes.subarray(begin, begin + size) });
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}

/** Folders and notes (`x`, `g`) are passed over; links and devices have no place among data. */
function isFile(header: Uint8Array, path: string, fileName: string): boolean {
  const type = String.fromCharCode(header[TYPE_AT]);
  if (type === "0" || type === "\0") return true;
  if (type === "5" || type === "x" || type === "g") return false;
  throw new KilnError(
    `${fileName} is refused: ${path} is neither a file nor a folder (type ${JSON.stringify(type)})`,
  );
}

function pathOf(header: Uint8Array, fileName: string): string {
  const prefix = text(header, FIELD.magic) === "ustar" ? text(header, FIELD.prefix) : "";
  const name = text(header, FIELD.name);
  const path = prefix === "" ? name : `${prefix}/${name}`;
  if (path === "" || /^[/\\]|^[A-Za-z]:|\\/.test(path) || path.split("/").includes("..")) {
    throw new KilnError(
      `${fileName} is refused: its entry ${JSON.stringify(path)} would lie outside of the folder it is unpacked in`,
    );
  }
  return path.replace(/^(\.\/)+/, "");
}

/** The sum of a header's bytes, the checksum itself counted as spaces. */
function checkChecksum(header: Uint8Array, fileName: string): void {
  const [begin, length] = FIELD.checksum;
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= begin && i < begin + length ? 0x20 : header[i];
  if (sum !== octal(header, FIELD.checksum, fileName)) {
    throw new KilnError(`${fileName} is not a tar archive, or is damaged: a header's checksum is wrong`);
  }
}

function octal(header: Uint8Array, field: readonly [number, number], fileName: string): number {
  const digits = text(header, field).trim();
  if (!/^[0-7]+$/.test(digits)) {
    throw new KilnError(
      `${fileName} is not a tar archive, or is damaged: a header holds no number where one is expected`,
    );
  }
  return Number.parseInt(digits, 8);
}

/** A field's characters up to its first zero. */
function text(header: Uint8Array, [begin, length]: readonly [number, number]): string {
  const field = header.subarray(begin, begin + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
