/** Writes IDX files by hand, right and wrong ones, for the tests that read them. */

/** An IDX file: header of type `type` with dimensions `shape`, then `elements` as they are given. */
export function idxBytes(shape: readonly number[], elements: ArrayLike<number>, type = 0x08): Uint8Array {
  const headerBytes = 4 + 4 * shape.length;
  const bytes = new Uint8Array(headerBytes + elements.length);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((extent, axis) => {
    view.setUint32(4 + 4 * axis, extent);
  });
  bytes.set(elements, headerBytes);
  return bytes;
}
