/** What tensors are read from: a file on disk, one that a page was given, or bytes in memory; always piece by piece. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { withFile } from "../../files/read.ts";
import type { Fail } from "./safetensors-header.ts";

/** What {@link load} takes: a path, bytes, or a `File` or `Blob`, as a page gets them. */
export type Loadable = string | Uint8Array | ArrayBuffer | Blob;

/** Bytes that can be read in any order. */
export interface Source {
  /** What messages call it. */
  readonly name: string;
  /** Number of bytes. */
  readonly size: number;
  /** A copy of the bytes from `begin` up to `end`, at the start of its buffer; fewer if the source ends before. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** Gives `work` what `from` holds, and closes it afterwards. */
export async function withSource<T>(from: Loadable, work: (source: Source) => Promise<T>): Promise<T> {
  if (typeof from === "string") {
    return withFile(from, (file) =>
      work({ name: from, size: file.size, read: (begin, end) => file.read(begin, end) }),
    );
  }
  if (from instanceof Uint8Array) return work(bytesSource(from));
  if (from instanceof ArrayBuffer) return work(bytesSource(new Uint8Array(from)));
  if (from instanceof Blob) return work(blobSource(from));
  throw new KilnError(`load takes a path, bytes or a Blob, not ${describeValue(from)}`);
}

function bytesSource(bytes: Uint8Array): Source {
  return {
    name: "what was given to load",
    size: bytes.length,
    // Not slice(): the bytes may be Node's Buffer, whose slice is no copy.
    read: async (begin, end) => new Uint8Array(bytes.subarray(begin, end)),
  };
}

function blobSource(blob: Blob): Source {
  return {
    name: "name" in blob && typeof blob.name === "string" ? blob.name : "the Blob given to load",
    size: blob.size,
    read: async (begin, end) => new Uint8Array(await blob.slice(begin, end).arrayBuffer()),
  };
}

/** All the bytes from `begin` up to `end`; a source that ends before is at fault. */
export async function readAll(source: Source, begin: number, end: number, fail: Fail): Promise<Uint8Array> {
  const bytes = await source.read(begin, end);
  return bytes.length === end - begin
    ? bytes
    : fail(`it ends at byte ${begin + bytes.length} while it is read`);
}
