/** The element types of tensors and buffers: everything that depends on a type alone is in one table. */

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The kind of numbers of a type: with fractions, whole ones, truth values, or words modulo 2³². */
export type NumberKind = "float" | "int" | "bool" | "word";

type HostArray = Float32Array | Int32Array | Uint8Array;

/** How such arrays are made: of so many zeros, or as a view of memory. */
interface ArrayClass {
  readonly name: string;
  new (length: number): HostArray;
  new (memory: ArrayBufferLike, byteOffset?: number, length?: number): HostArray;
}

interface TypeInfo {
  readonly kind: NumberKind;
  /** Its name in the IR's text form. */
  readonly short: string;
  /** Its name in safetensors files. */
  readonly file: string;
  /** The name of memory seen as such elements in generated code. */
  readonly view: string;
  /** Bytes of one element in memory. */
  readonly bytes: number;
  /** The class of arrays that hold its elements; it shows such memory too. */
  readonly array: ArrayClass;
  /** The smallest and the largest finite number. */
  readonly limits: readonly [least: number, most: number];
  /** The number that is stored for one within the limits. */
  round(value: number): number;
  /** Whether expressions compute with it; elements of the others become another type first. */
  readonly hasArithmetic: boolean;
  /** Whether tensors may have it; the others are internal to the compiler. */
  readonly isPublic: boolean;
}

/** Without its fraction, and not -0, which is no whole number. */
const whole = (value: number): number => Math.trunc(value) + 0;

/** From the narrowest to the widest. `uint8` holds which element of a pool's window has won. */
const TYPES = {
  bool: {
    kind: "bool",
    short: "bool",
    file: "BOOL",
    view: "u8",
    bytes: 1,
    array: Uint8Array,
    limits: [0, 1],
    round: (value) => (value === 0 ? 0 : 1),
    hasArithmetic: true,
    isPublic: true,
  },
  uint8: {
    kind: "int",
    short: "u8",
    file: "U8",
    view: "u8",
    bytes: 1,
    array: Uint8Array,
    limits: [0, 255],
    round: whole,
    hasArithmetic: false,
    isPublic: false,
  },
  int32: {
    kind: "int",
    short: "i32",
    file: "I32",
    view: "i32",
    bytes: 4,
    array: Int32Array,
    limits: [-(2 ** 31), 2 ** 31 - 1],
    round: whole,
    hasArithmetic: true,
    isPublic: true,
  },
  float32: {
    kind: "float",
    short: "f32",
    file: "F32",
    view: "f32",
    bytes: 4,
    array: Float32Array,
    limits: [-(2 - 2 ** -23) * 2 ** 127, (2 - 2 ** -23) * 2 ** 127],
    round: Math.fround,
    hasArithmetic: true,
    isPublic: true,
  },
} as const satisfies Readonly<Record<string, TypeInfo>>;

/** The types of elements: float32, int32, bool, and uint8 for bytes. */
export type DType = keyof typeof TYPES;

/** The types of expressions: no tensor and no buffer holds a word. */
export type ScalarType = DType | "uint32";

/** The type in which places in memory are counted. */
export const INDEX = "int32" satisfies DType;

const infoOf = (dtype: DType): TypeInfo => TYPES[dtype];

export const DTYPES = Object.keys(TYPES) as readonly DType[];

/** The dtypes that tensors may have, from the narrowest to the widest. */
export const PUBLIC_DTYPES: readonly DType[] = DTYPES.filter((dtype) => infoOf(dtype).isPublic);

/** Whether `name` is a dtype, including those internal to the compiler. */
export const isDType = (name: unknown): name is DType =>
  typeof name === "string" && Object.hasOwn(TYPES, name);

export const kindOf = (type: ScalarType): NumberKind => (type === "uint32" ? "word" : infoOf(type).kind);

export const isFloat = (type: ScalarType): boolean => kindOf(type) === "float";

/** The types of some kinds with which expressions compute. */
export const computedTypes = (...kinds: readonly NumberKind[]): readonly ScalarType[] =>
  kinds.flatMap((kind): readonly ScalarType[] =>
    kind === "word"
      ? ["uint32"]
      : DTYPES.filter((dtype) => kindOf(dtype) === kind && infoOf(dtype).hasArithmetic),
  );

/** The IR's spelling of a type: `f32`, `i32`, `bool`, `u8`, and `u32` for words. */
export const shortName = (type: ScalarType): string => (type === "uint32" ? "u32" : infoOf(type).short);

/** The name of a dtype in safetensors files: `F32`. */
export const fileName = (dtype: DType): string => infoOf(dtype).file;

/** The class of arrays that hold elements of a dtype: `Float32Array`. */
export const arrayName = (dtype: DType): string => infoOf(dtype).array.name;

export type ViewName = (typeof TYPES)[DType]["view"];

/** The name of memory seen as elements of a dtype in generated code; several dtypes may share a view. */
export const viewName = (dtype: DType): ViewName => TYPES[dtype].view;

/** A dtype for each view, from the widest to the narrowest. */
export const VIEWED: readonly DType[] = DTYPES.filter(
  (dtype, k) => DTYPES.findLastIndex((other) => viewName(other) === viewName(dtype)) === k,
).reverse();

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => infoOf(dtype).bytes;

/** The smallest and the largest finite number of a dtype. */
export const limitsOf = (dtype: DType): readonly [least: number, most: number] => infoOf(dtype).limits;

/** `value`, within the limits of `dtype`, as it is stored; beyond them a float is infinite. */
export const roundTo = (value: number, dtype: DType): number => infoOf(dtype).round(value);

/** The dtype of the IR's spelling, or `undefined` if there is none. */
export const dtypeFromShortName = (text: string): DType | undefined =>
  DTYPES.find((dtype) => shortName(dtype) === text);

/** The type behind the IR's spelling, words among them. */
export const scalarTypeFromShortName = (text: string): ScalarType | undefined =>
  text === "u32" ? "uint32" : dtypeFromShortName(text);

/** A zeroed host array that holds `length` elements of `dtype`. */
export const allocate = (dtype: DType, length: number): HostArray => new (infoOf(dtype).array)(length);

/** `length` elements of `dtype` in `memory` from a byte on. */
export const viewOf = (
  memory: ArrayBufferLike,
  dtype: DType,
  byteOffset?: number,
  length?: number,
): HostArray => new (infoOf(dtype).array)(memory, byteOffset, length);
