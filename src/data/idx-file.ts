/** Reads IDX files from disk, packed with gzip or not. */

import { KilnError } from "../core/errors.ts";
import { readWhole } from "../files/read.ts";
import { codeOf } from "../files/reason.ts";
import { messageOf } from "./file.ts";
import { type IdxArray, MAX_IDX_BYTES, parseIdx, parseIdxHeader } from "./idx.ts";

/** Enough packed bytes to hold an IDX header; they unpack to 17 MB at the very most. */
const HEADER_PREFIX_BYTES = 16 * 1024;

/** Reads one IDX file of unsigned bytes; whether it is packed with gzip is seen from its first bytes. */
export async function readIdxFile(path: string): Promise<IdxArray> {
  const bytes = await readWhole(path, MAX_IDX_BYTES);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parseIdx(packed ? await unpack(bytes, path) : bytes, path);
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
