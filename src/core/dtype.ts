/** The element types of tensors and buffers: everything that depends on a type alone stands in one table. */

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** What kind of numbers a type has: with fractions, whole ones, or the two truth values. */
export type NumberKind = "float" | "int" | "bool";

type HostArray = Float32Array | Int32Array | Uint8Array;

/** How such arrays are made: of so many zeros, or as a view of memory. */
interface ArrayClass {
  new (length: number): HostArray;
  new (memory: ArrayBufferLike, byteOffset?: number, length?: number): HostArray;
}

interface TypeInfo {
  readonly kind: NumberKind;
  /** What the IR's text calls it. */
  readonly short: string;
  /** Bytes of one element in memory. */
  readonly bytes: number;
  /** The class of arrays that hold its elements; it shows such memory too. */
  readonly array: ArrayClass;
  /** The least and the largest number of types that have them. */
  readonly limits?: readonly [least: number, most: number];
  /** Whether tensors may have it; the others are the compiler's own. */
  readonly isPublic: boolean;
}

/** From the narrowest to the widest. `uint8` holds which element of a pool's window has won. */
const TYPES = {
  bool: { kind: "bool", short: "bool", bytes: 1, array: Uint8Array, limits: [0, 1], isPublic: true },
  uint8: { kind: "int", short: "u8", bytes: 1, array: Uint8Array, limits: [0, 255], isPublic: false },
  int32: {
    kind: "int",
    short: "i32",
    bytes: 4,
    array: Int32Array,
    limits: [-(2 ** 31), 2 ** 31 - 1],
    isPublic: true,
  },
  float32: { kind: "float", short: "f32", bytes: 4, array: Float32Array, isPublic: true },
} as const satisfies Readonly<Record<string, TypeInfo>>;

export type DType = keyof typeof TYPES;

const infoOf = (dtype: DType): TypeInfo => TYPES[dtype];

export const DTYPES = Object.keys(TYPES) as readonly DType[];

/** The dtypes that tensors may have, from the narrowest to the widest. */
export const PUBLIC_DTYPES: readonly DType[] = DTYPES.filter((dtype) => infoOf(dtype).isPublic);

/** Whether `name` is a dtype, the compiler's own included. */
export const isDType = (name: unknown): name is DType =>
  typeof name === "string" && Object.hasOwn(TYPES, name);

export const kindOf = (dtype: DType): NumberKind => infoOf(dtype).kind;

export const isFloat = (dtype: DType): boolean => kindOf(dtype) === "float";

/** The IR's spelling of a dtype: `f32`, `i32`, `bool`, `u8`. */
export const shortName = (dtype: DType): string => infoOf(dtype).short;

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => infoOf(dtype).bytes;

/** The least and the largest number of a dtype, infinite ones for a float. */
export const limitsOf = (dtype: DType): readonly [least: number, most: number] =>
  infoOf(dtype).limits ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** The dtype behind an IR spelling, or `undefined` when there is none. */
export const dtypeFromShortName = (text: string): DType | undefined =>
  DTYPES.find((dtype) => shortName(dtype) === text);

/** A zeroed host array that holds `length` elements of `dtype`. */
export const allocate = (dtype: DType, length: number): HostArray => new (infoOf(dtype).array)(length);

/** `length` elements of `dtype` that lie in `memory` from a byte on. */
export const viewOf = (
  memory: ArrayBufferLike,
  dtype: DType,
  byteOffset?: number,
  length?: number,
): HostArray => new (infoOf(dtype).array)(memory, byteOffset, length);
