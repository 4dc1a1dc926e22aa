/**
 * Reads the zip archives that torch.save writes: its entries are stored, not compressed, so that an archive never holds
 * more than it has bytes. What the directory says is checked before anything is allocated.
 */

import { type Fail, quoted } from "../safetensors-header.ts";
import { readAll, type Source } from "../source.ts";

/** The bytes of an archive's entries, by their names. */
export interface Archive {
  readonly names: readonly string[];
  /** Number of bytes of an entry; undefined if there is none of that name. */
  size(name: string): number | undefined;
  /** The bytes of an existing entry. The checksum is not checked, since torch.save may omit it. */
  read(name: string): Promise<Uint8Array>;
}

interface Entry {
  readonly name: string;
  readonly size: number;
  /** Where its own header begins. */
  readonly header: number;
  /** Whether it is neither compressed nor encrypted. */
  readonly isPlain: boolean;
}

/** The end of the directory: its record without the comment, and the longest comment. */
const [END_BYTES, MOST_COMMENT_BYTES] = [22, 0xffff];
const [END_SIGN, LARGE_END_SIGN, LARGE_PLACE_SIGN, ENTRY_SIGN, HEADER_SIGN] = [
  0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50,
];
const [LARGE_END_BYTES, LARGE_PLACE_BYTES, ENTRY_BYTES, HEADER_BYTES] = [56, 20, 46, 30];
/** What stands where a number of 32 bits is given elsewhere, in 64. */
const ELSEWHERE = 0xffffffff;

/** Where the directory lies. */
interface Directory {
  readonly begin: number;
  readonly bytes: number;
  readonly entries: number;
}

/** Opens an archive. */
export async function openZip(source: Source, fail: Fail): Promise<Archive> {
  const { begin, bytes, entries: count } = await findDirectory(source, fail);
  if (begin + bytes > source.size || count * ENTRY_BYTES > bytes) {
    fail("the directory of its zip archive does not lie within the file");
  }
  const directory = await readAll(source, begin, begin + bytes, fail);
  const entries = new Map<string, Entry>();
  let total = 0;
  for (const entry of readEntries(directory, count, fail)) {
    if (entries.has(entry.name)) fail(`two entries of its zip archive have the name ${quoted(entry.name)}`);
    total += entry.size + HEADER_BYTES;
    if (total > source.size) fail("the entries of its zip archive claim more bytes than the file has");
    entries.set(entry.name, entry);
  }
  return {
    names: [...entries.keys()],
    size: (name) => entries.get(name)?.size,
    read: (name) => readEntry(source, entries.get(name) as Entry, fail),
  };
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A number of 64 bits. One that no double holds is beyond every file. */
const long = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

async function findDirectory(source: Source, fail: Fail): Promise<Directory> {
  const tailBegin = Math.max(0, source.size - END_BYTES - MOST_COMMENT_BYTES - LARGE_PLACE_BYTES);
  const tail = viewOf(await readAll(source, tailBegin, source.size, fail));
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_SIGN) end--;
  if (end < 0) return fail("its zip archive has no directory at its end: it was cut off");
  const directory = {
    begin: tail.getUint32(end + 16, true),
    bytes: tail.getUint32(end + 12, true),
    entries: tail.getUint16(end + 10, true),
  };
  const place = end - LARGE_PLACE_BYTES;
  if (place < 0 || tail.getUint32(place, true) !== LARGE_PLACE_SIGN) return directory;
  const largeBegin = long(tail, place + 8);
  if (largeBegin + LARGE_END_BYTES > source.size) return fail("its zip archive has no directory in the file");
  const large = viewOf(await readAll(source, largeBegin, largeBegin + LARGE_END_BYTES, fail));
  if (large.getUint32(0, true) !== LARGE_END_SIGN)
    return fail("its zip archive has no directory in the file");
  return { begin: long(large, 48), bytes: long(large, 40), entries: long(large, 32) };
}

function* readEntries(directory: Uint8Array, count: number, fail: Fail): Generator<Entry> {
  const view = viewOf(directory);
  let at = 0;
  for (let k = 0; k < count; k++) {
    if (at + ENTRY_BYTES > view.byteLength || view.getUint32(at, true) !== ENTRY_SIGN) {
      return fail("the directory of its zip archive is damaged");
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((k) => view.getUint16(at + k, true));
    const next = at + ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
    if (next > view.byteLength) return fail("the directory of its zip archive is damaged");
    const extra = at + ENTRY_BYTES + nameBytes;
    const name = new TextDecoder().decode(directory.subarray(at + ENTRY_BYTES, extra));
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    // Where these are given in 64 bits, they stand in the extra field one after the other.
    const given = [24, 20, 42].map((k) => view.getUint32(at + k, true));
    const large = largeNumbers(view, extra, extra + extraBytes);
    const [size, stored, header] = given.map((number) =>
      number === ELSEWHERE ? (large.shift() ?? number) : number,
    );
    const isPlain = method === 0 && (flags & 1) === 0;
    if (isPlain && size !== stored) return fail(`its entry ${quoted(name)} has two sizes`);
    yield { name, size: stored, header, isPlain };
    at = next;
  }
}

/** The numbers of 64 bits in an entry's extra field. */
function largeNumbers(view: DataView, begin: number, end: number): number[] {
  for (let at = begin; at + 4 <= end; ) {
    const [kind, bytes] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const next = at + 4 + bytes;
    if (kind === 1 && next <= end) {
      return Array.from({ length: Math.floor(bytes / 8) }, (_, k) => long(view, at + 4 + 8 * k));
    }
    at = next;
  }
  return [];
}

async function readEntry(source: Source, entry: Entry, fail: Fail): Promise<Uint8Array> {
  const { name, size, header, isPlain } = entry;
  if (!isPlain) fail(`its entry ${quoted(name)} is compressed or encrypted, which torch.save never does`);
  const beyond = (): never => fail(`its entry ${quoted(name)} does not lie within the file`);
  if (header + HEADER_BYTES > source.size) beyond();
  const view = viewOf(await readAll(source, header, header + HEADER_BYTES, fail));
  if (view.getUint32(0, true) !== HEADER_SIGN) fail(`its entry ${quoted(name)} has no header`);
  const begin = header + HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
  if (begin + size > source.size) beyond();
  return readAll(source, begin, begin + size, fail);
}
