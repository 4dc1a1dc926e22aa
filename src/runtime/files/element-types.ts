/**
 * The element types of the safetensors format: those that Kiln has, and those whose numbers become ones that it has.
 * Widening is exact; narrowing rounds floats as `x.float()` does in PyTorch, and refuses what lies beyond the type.
 */

import type { DType, TypedArray } from "../../core/dtype.ts";

/** A number that Kiln's type cannot hold, as text. */
export class BeyondType extends Error {}

export interface ElementType {
  readonly bytes: number;
  /** What Kiln makes of it. */
  readonly dtype: DType;
  /** The numbers in `bytes`, which begin their buffer and are kept. Throws {@link BeyondType}. */
  read(bytes: Uint8Array): TypedArray;
}

/** The types by their names in the format. */
export const ELEMENT_TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["F32", { bytes: 4, dtype: "float32", read: ({ buffer }) => new Float32Array(buffer) }],
  ["I32", { bytes: 4, dtype: "int32", read: ({ buffer }) => new Int32Array(buffer) }],
  ["U8", { bytes: 1, dtype: "uint8", read: (bytes) => bytes }],
  ["BOOL", { bytes: 1, dtype: "bool", read: checkedFlags }],
  ["F64", { bytes: 8, dtype: "float32", read: ({ buffer }) => narrowed(new Float64Array(buffer)) }],
  ["F16", { bytes: 2, dtype: "float32", read: ({ buffer }) => fromHalves(new Uint16Array(buffer)) }],
  ["BF16", { bytes: 2, dtype: "float32", read: ({ buffer }) => fromBrainFloats(new Uint16Array(buffer)) }],
  ["I64", { bytes: 8, dtype: "int32", read: ({ buffer }) => fromPairs(buffer, true) }],
  ["U64", { bytes: 8, dtype: "int32", read: ({ buffer }) => fromPairs(buffer, false) }],
  ["U32", { bytes: 4, dtype: "int32", read: ({ buffer }) => checkedIntegers(new Uint32Array(buffer)) }],
  ["I16", { bytes: 2, dtype: "int32", read: ({ buffer }) => Int32Array.from(new Int16Array(buffer)) }],
  ["U16", { bytes: 2, dtype: "int32", read: ({ buffer }) => Int32Array.from(new Uint16Array(buffer)) }],
  ["I8", { bytes: 1, dtype: "int32", read: ({ buffer }) => Int32Array.from(new Int8Array(buffer)) }],
]);

function checkedFlags(bytes: Uint8Array): Uint8Array {
  const stray = bytes.find((byte) => byte > 1);
  if (stray !== undefined) throw new BeyondType(`the byte ${stray}`);
  return bytes;
}

function narrowed(doubles: Float64Array): Float32Array {
  const floats = Float32Array.from(doubles);
  const k = floats.findIndex((float, i) => !Number.isFinite(float) && Number.isFinite(doubles[i]));
  if (k >= 0) throw new BeyondType(`${doubles[k]}`);
  return floats;
}

/** Halves have 5 bits of exponent and 10 of mantissa, where float32 has 8 and 23. */
export function fromHalves(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let k = 0; k < halves.length; k++) {
    const [sign, exponent, mantissa] = [halves[k] & 0x8000, (halves[k] >> 10) & 31, halves[k] & 1023];
    if (exponent === 0) floats[k] = (sign === 0 ? 1 : -1) * mantissa * 2 ** -24;
    else bits[k] = (sign << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (mantissa << 13);
  }
  return floats;
}

/** A brain float is the upper half of a float32. */
export function fromBrainFloats(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let k = 0; k < halves.length; k++) bits[k] = halves[k] << 16;
  return new Float32Array(bits.buffer);
}

/** Integers of 64 bits, low word first: those that fit have nothing in the upper one but the sign. */
function fromPairs(buffer: ArrayBufferLike, isSigned: boolean): Int32Array {
  const words = new Int32Array(buffer);
  const numbers = new Int32Array(words.length / 2);
  for (let k = 0; k < numbers.length; k++) {
    const [low, high] = [words[2 * k], words[2 * k + 1]];
    const fits = isSigned ? high === low >> 31 : high === 0 && low >= 0;
    if (!fits)
      throw new BeyondType(`${(isSigned ? new BigInt64Array(buffer) : new BigUint64Array(buffer))[k]}`);
    numbers[k] = low;
  }
  return numbers;
}

function checkedIntegers(words: Uint32Array): Int32Array {
  const beyond = words.find((word) => word > 0x7fffffff);
  if (beyond !== undefined) throw new BeyondType(`${beyond}`);
  return new Int32Array(words.buffer);
}
