/** Tells files of other formats by their first bytes, for people who hand over what cannot be read. */

/** Every sign stands within so many bytes. */
export const SIGN_BYTES = 16;

const WITH_PYTHON = "in Python, safetensors.torch.save_file(net.state_dict(), path) writes what Kiln reads";

interface Format {
  readonly begins: (bytes: Uint8Array) => boolean;
  readonly is: string;
}

const text =
  (sign: string) =>
  (bytes: Uint8Array): boolean =>
    [...sign].every((character, k) => bytes[k] === character.charCodeAt(0));

const FORMATS: readonly Format[] = [
  {
    // The opcode PROTO and the protocol; all of them since Python 2.3 begin so.
    begins: ([first, protocol]) => first === 0x80 && protocol >= 2 && protocol <= 5,
    is: `a Python pickle, as torch.save made of a .pt or .pth file before PyTorch 1.6: ${WITH_PYTHON}`,
  },
  { begins: text("\x89HDF\r\n\x1a\n"), is: `an HDF5 file, as Keras writes: ${WITH_PYTHON}` },
  { begins: text("GGUF"), is: `a GGUF file, as llama.cpp reads: ${WITH_PYTHON}` },
  { begins: text("\x93NUMPY"), is: `an array of NumPy (.npy): ${WITH_PYTHON}` },
  { begins: text("\x1f\x8b"), is: "packed with gzip: unpack it first" },
];

/** Whether a file that begins with `bytes` is a zip archive, as torch.save writes. */
export const isZip = text("PK\x03\x04");

/** What a file is that begins with `bytes`, where it is of another format: `a zip archive, as … makes: …`. */
export const foreignFormat = (bytes: Uint8Array): string | undefined =>
  // A header begins with a brace; a file that has one there is what it should be, whatever its length looks like.
  bytes[8] === "{".charCodeAt(0) ? undefined : FORMATS.find(({ begins }) => begins(bytes))?.is;
