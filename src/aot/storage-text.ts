/** The part that all stand-alone modules share: their states in memory and in safetensors files. */

/** Reading: a file is checked against the states before any of them changes. */
export const STORAGE_TEXT = `
interface State {
  readonly name: string;
  readonly role: "parameter" | "buffer" | "constant" | "optimizer";
  readonly dtype: "F32" | "I32" | "U8" | "BOOL";
  readonly shape: readonly number[];
  /** Where it begins in the memory, in bytes. */
  readonly at: number;
  /** What a step along each dimension moves in memory, in elements, where the order is not row-major. */
  readonly strides?: readonly number[];
}

type Numbers = Float32Array | Int32Array | Uint8Array;

const sizeOf = ({ shape }: State): number => shape.reduce((product, extent) => product * extent, 1);

const widthOf = ({ dtype }: State): number => (dtype === "F32" || dtype === "I32" ? 4 : 1);

const bytesOf = (state: State): number => sizeOf(state) * widthOf(state);

function view({ dtype }: State, memory: ArrayBufferLike, at: number, length: number): Numbers {
  switch (dtype) {
    case "F32":
      return new Float32Array(memory, at, length);
    case "I32":
      return new Int32Array(memory, at, length);
    default:
      return new Uint8Array(memory, at, length);
  }
}

/** Copies numbers into a state (\`put\`), or out of it, where they stand in row-major order. */
function move(memory: ArrayBufferLike, state: State, numbers: Numbers, put: boolean): void {
  const { shape, strides } = state;
  const inside = view(state, memory, state.at, sizeOf(state));
  if (strides === undefined) {
    if (put) inside.set(numbers);
    else numbers.set(inside);
    return;
  }
  let position = 0;
  const visit = (axis: number, place: number): void => {
    if (axis === shape.length) {
      if (put) inside[place] = numbers[position++];
      else numbers[position++] = inside[place];
      return;
    }
    for (let k = 0; k < shape[axis]; k++) visit(axis + 1, place + k * strides[axis]);
  };
  visit(0, 0);
}

/** The numbers of a state in row-major order. */
function numbersOf(memory: ArrayBufferLike, state: State): Numbers {
  const copy = view(state, new ArrayBuffer(bytesOf(state)), 0, sizeOf(state));
  move(memory, state, copy, false);
  return copy;
}

interface Entry {
  readonly dtype?: unknown;
  readonly shape?: unknown;
  readonly data_offsets?: unknown;
}

const refuse = (fault: string): never => {
  throw new Error(\`these weights do not fit: \${fault}\`);
};

/**
 * Takes over a safetensors file: all of it, or nothing and an error. Gives the header's metadata. A file may lack the
 * optimizer's states, which are zero then, and after the first one what the model calls constants, which stay.
 */
function readStates(memory: ArrayBufferLike, weights: Bytes, isFirst: boolean): Readonly<Record<string, string>> {
  const file = weights instanceof Uint8Array ? weights : new Uint8Array(weights);
  const length =
    file.length < 8 ? 0 : Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (length === 0 || length > file.length - 8) refuse("they are not a safetensors file");
  const header = readHeader(file.subarray(8, 8 + length));
  const data = file.subarray(8 + length);
  const found = states.map((state): Uint8Array | undefined => {
    const name = JSON.stringify(state.name);
    if (!Object.hasOwn(header, state.name)) {
      const mayLack = state.role === "optimizer" || (state.role === "constant" && !isFirst);
      return mayLack ? undefined : refuse(\`there is no tensor \${name}\`);
    }
    const { dtype, shape, data_offsets }: Entry = Object(header[state.name]);
    if (dtype !== state.dtype || String(shape) !== String(state.shape)) {
      refuse(\`\${name} is \${dtype}[\${shape}], not \${state.dtype}[\${state.shape}]\`);
    }
    const [begin, end]: readonly number[] = Array.isArray(data_offsets) ? data_offsets : [];
    if (!(begin >= 0 && end <= data.length && end - begin === bytesOf(state))) {
      refuse(\`\${name} is not within the file\`);
    }
    return data.slice(begin, end);
  });
  const metadata = Object(header.__metadata__);
  for (const key of ["kiln.step", "kiln.seed"]) {
    if (!Number.isSafeInteger(Number(metadata[key] ?? 0))) refuse(\`their \${key} is not an integer\`);
  }
  states.forEach((state, k) => {
    if (found[k] === undefined && state.role === "constant") return;
    const bytes = found[k] ?? new Uint8Array(bytesOf(state));
    move(memory, state, view(state, bytes.buffer, bytes.byteOffset, sizeOf(state)), true);
  });
  return metadata;
}

function readHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return refuse("their header is not JSON");
  }
}

/** The numbers of all parameters by name, row-major copies. */
const readParameters = (memory: ArrayBufferLike): Parameters =>
  Object.fromEntries(
    states.filter(({ role }) => role === "parameter").map((state) => [state.name, numbersOf(memory, state)]),
  ) as unknown as Parameters;
`;

/** Writing, which only a module that learns does. */
export const SAVE_TEXT = `
/** All states as a safetensors file. */
function writeStates(memory: ArrayBufferLike, metadata: Readonly<Record<string, string>>): Uint8Array {
  let end = 0;
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  // Wide elements first, so that each tensor begins at a multiple of its element's size.
  const ordered = [...states].sort((a, b) => widthOf(b) - widthOf(a));
  for (const state of ordered) {
    const begin = end;
    end += bytesOf(state);
    entries.push([state.name, { dtype: state.dtype, shape: state.shape, data_offsets: [begin, end] }]);
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + end).fill(32, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  let at = 8 + length;
  for (const state of ordered) {
    file.set(new Uint8Array(numbersOf(memory, state).buffer), at);
    at += bytesOf(state);
  }
  return file;
}
`;
