/** Reads safetensors piece by piece: never more memory than the file has bytes, whatever it claims. */

import { SIGN_BYTES } from "./foreign-files.ts";
import { type StoredTensor, type StoredTensors, storedTensor } from "./safetensors.ts";
import { type Entry, failFor, LENGTH_BYTES, readDataStart, readLayout } from "./safetensors-header.ts";
import { readAll, type Source } from "./source.ts";

/** All tensors of a file, or a {@link KilnError} that says what is wrong with it. */
export async function readSafetensors(source: Source): Promise<StoredTensors> {
  const { size, name: file } = source;
  const fail = failFor(file);
  const first = await readAll(source, 0, Math.min(SIGN_BYTES, size), fail);
  const dataStart = readDataStart(first, size, fail);
  const header = await readAll(source, LENGTH_BYTES, dataStart, fail);
  const { entries, metadata } = readLayout(header, size, fail);
  // In the header's order, though they are read in that of the file.
  const tensors = new Map<string, StoredTensor | undefined>(entries.map(({ name }) => [name, undefined]));
  for (const piece of pieces(entries)) {
    const [{ begin }, { end }] = [piece[0], piece[piece.length - 1]];
    const bytes = await readAll(source, begin, end, fail);
    for (const entry of piece) {
      const own = piece.length === 1 ? bytes : bytes.slice(entry.begin - begin, entry.end - begin);
      tensors.set(entry.name, storedTensor(entry, own, fail));
    }
  }
  return { tensors: tensors as Map<string, StoredTensor>, metadata };
}

/** Small tensors are read together, large ones alone. */
const PIECE_BYTES = 2 ** 22;

/** Neighbours that come to at most {@link PIECE_BYTES}, in the order of the file. */
function* pieces(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let piece: Entry[] = [];
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (piece.length > 0 && entry.end - piece[0].begin > PIECE_BYTES) {
      yield piece;
      piece = [];
    }
    piece.push(entry);
  }
  if (piece.length > 0) yield piece;
}
