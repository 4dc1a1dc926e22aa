/**
 * Reads files that come from outside: only regular ones, since a device or a pipe may never end, and no more bytes than
 * a limit, whatever their size claims. Node's modules are loaded on use, so that browsers can load what imports this.
 */

import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { KilnError } from "../core/errors.ts";
import { codeOf, fileErrorReason } from "./reason.ts";

/** The most bytes that one system call reads. */
const MOST_BYTES_AT_ONCE = 2 ** 30;

/** A regular file that is open for reading. */
export class OpenFile {
  readonly path: string;
  /** Number of bytes when it was opened. */
  readonly size: number;
  private readonly handle: FileHandle;

  constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.handle = handle;
  }

  /** The bytes from `begin` up to `end`; fewer if the file ends before. */
  async read(begin: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - begin);
    let done = 0;
    while (done < bytes.length) {
      const length = Math.min(bytes.length - done, MOST_BYTES_AT_ONCE);
      const { bytesRead } = await this.handle.read(bytes, done, length, begin + done);
      if (bytesRead === 0) return bytes.subarray(0, done);
      done += bytesRead;
    }
    return bytes;
  }

  /** All bytes, at most `limit`, however many it claims or gains while it is read. */
  async upTo(limit: number): Promise<Uint8Array> {
    const tooLarge = (size: string): KilnError =>
      new KilnError(`${this.path} is too large: ${size}, more than the limit of ${limit}`);
    if (this.size > limit) throw tooLarge(`${this.size} bytes`);
    let bytes = await this.read(0, this.size + 1);
    if (bytes.length > this.size) bytes = await this.read(0, limit + 1);
    if (bytes.length > limit) throw tooLarge("it grows while it is read");
    return bytes;
  }
}

/**
 * Passes the file at `path` to `work` and closes it afterwards. Throws one {@link KilnError} for what cannot be read.
 */
export async function withFile<T>(path: string, work: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    const { constants, open, stat } = await import("node:fs/promises");
    // Before it is opened, which some devices take for a command; and after, since it may be another file by then.
    checkRegular(path, await stat(path));
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await handle.stat();
    checkRegular(path, stats);
    return await work(new OpenFile(path, stats.size, handle));
  } catch (error) {
    if (error instanceof Error && !("code" in error)) throw error;
    throw cannotRead(path, fileErrorReason(error));
  } finally {
    await handle?.close();
  }
}

const cannotRead = (path: string, reason: string): KilnError =>
  new KilnError(`cannot read ${path}: ${reason}`);

function checkRegular(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  const kind = stats.isDirectory()
    ? "a folder"
    : stats.isFIFO()
      ? "a pipe"
      : stats.isSocket()
        ? "a socket"
        : "a device";
  throw cannotRead(path, `it is ${kind}, not a file`);
}

/** All bytes of a file that has at most `limit` of them. */
export const readWhole = (path: string, limit: number): Promise<Uint8Array> =>
  withFile(path, (file) => file.upTo(limit));

/** The text of a file in UTF-8, of at most `limit` bytes. */
export async function readText(path: string, limit: number): Promise<string> {
  return new TextDecoder().decode(await readWhole(path, limit));
}

/** The number of bytes of a file; `undefined` if it does not exist. */
export async function fileSize(path: string): Promise<number | undefined> {
  const { stat } = await import("node:fs/promises");
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw cannotRead(path, fileErrorReason(error));
  }
}
