/** Reads safetensors from disk, tensor by tensor: never more memory than the file has bytes, whatever it claims. */

import type { FileHandle } from "node:fs/promises";
import { KilnError } from "../core/errors.ts";
import { fileErrorReason } from "./atomic-file.ts";
import {
  type Fail,
  failFor,
  LENGTH_BYTES,
  readDataStart,
  readLayout,
  type StoredTensor,
  type StoredTensors,
  storedTensor,
} from "./safetensors.ts";

/** All tensors of a file, or a {@link KilnError} that says what is wrong with it. */
export async function readSafetensorsFile(path: string): Promise<StoredTensors> {
  const { open } = await import("node:fs/promises");
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    return await readOpenFile(file, failFor(path));
  } catch (error) {
    if (error instanceof KilnError) throw error;
    throw new KilnError(`cannot read ${path}: ${fileErrorReason(error)}`);
  } finally {
    await file?.close();
  }
}

async function readOpenFile(file: FileHandle, fail: Fail): Promise<StoredTensors> {
  const { size } = await file.stat();
  const first = await readBytes(file, 0, Math.min(LENGTH_BYTES, size), fail);
  const dataStart = readDataStart(first, size, fail);
  const header = await readBytes(file, LENGTH_BYTES, dataStart, fail);
  const { entries, metadata } = readLayout(header, size, fail);
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) {
    tensors.set(entry.name, storedTensor(entry, await readBytes(file, entry.begin, entry.end, fail), fail));
  }
  return { tensors, metadata };
}

/** What one call of the system may read. */
const MOST_BYTES = 2 ** 30;

async function readBytes(file: FileHandle, begin: number, end: number, fail: Fail): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, MOST_BYTES);
    const { bytesRead } = await file.read(bytes, done, length, begin + done);
    if (bytesRead === 0) fail(`it ends at byte ${begin + done} while it is read`);
    done += bytesRead;
  }
  return bytes;
}
