/**
 * Reads IDX files from disk, packed with gzip or not. The only file of this folder that needs Node, and it
 * loads Node's modules when it is called, so that the folder can be bundled for browsers.
 */

import { KilnError } from "../core/errors.ts";
import { type IdxArray, MAX_IDX_BYTES, parseIdx, parseIdxHeader } from "./idx.ts";

/** Enough packed bytes to hold an IDX header; they unpack to 17 MB at the very most. */
const HEADER_PREFIX_BYTES = 16 * 1024;

/** Names of the entries of a folder. */
export async function listFolder(folder: string): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  try {
    return await readdir(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") throw new KilnError(`the folder ${folder} does not exist`);
    if (code === "ENOTDIR") throw new KilnError(`${folder} is a file, where a folder was expected`);
    throw new KilnError(`cannot read the folder ${folder}: ${messageOf(error)}`);
  }
}

/** Reads one IDX file of unsigned bytes; whether it is packed with gzip is seen from its first bytes. */
export async function readIdxFile(path: string): Promise<IdxArray> {
  const bytes = await readBytes(path);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parseIdx(packed ? await unpack(bytes, path) : bytes, path);
}

async function readBytes(path: string): Promise<Uint8Array> {
  const { readFile, stat } = await import("node:fs/promises");
  try {
    const { size } = await stat(path);
    if (size > MAX_IDX_BYTES) {
      throw new KilnError(`${path} is too large: ${size} bytes, more than the limit of ${MAX_IDX_BYTES}`);
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof KilnError) throw error;
    throw new KilnError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/**
 * Unpacks gzip, but never beyond the length that the IDX header inside announces: the header is read first,
 * from a short prefix, so that a small file cannot fill the memory.
 */
async function unpack(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  const { constants, gunzipSync } = await import("node:zlib");
  try {
    const prefix = gunzipSync(bytes.subarray(0, HEADER_PREFIX_BYTES), {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    const { fileBytes } = parseIdxHeader(prefix, path);
    return gunzipSync(bytes, { maxOutputLength: fileBytes });
  } catch (error) {
    if (error instanceof KilnError) throw error;
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") {
      throw new KilnError(`${path} unpacks to more bytes than the IDX header inside it announces`);
    }
    throw new KilnError(`${path} is not a readable gzip file: ${messageOf(error)}`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
