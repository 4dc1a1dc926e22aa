/** The element types of tensors and buffers, with the short names that the IR's text uses. */

/** Public dtypes are `float32`, `int32` and `bool`; `uint8` exists inside the compiler (pool winners). */
export type DType = "float32" | "int32" | "bool" | "uint8";

/** The dtypes that tensors may have, from the narrowest to the widest. */
export const PUBLIC_DTYPES: readonly DType[] = ["bool", "int32", "float32"];

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

const SHORT: Record<DType, string> = { float32: "f32", int32: "i32", bool: "bool", uint8: "u8" };
const BYTES: Record<DType, number> = { float32: 4, int32: 4, bool: 1, uint8: 1 };

/** Whether `name` is a dtype, the compiler's own `uint8` included. */
export const isDType = (name: unknown): name is DType =>
  typeof name === "string" && Object.hasOwn(SHORT, name);

/** The IR's spelling of a dtype: `f32`, `i32`, `bool`, `u8`. */
export const shortName = (dtype: DType): string => SHORT[dtype];

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => BYTES[dtype];

/** The dtype behind an IR spelling, or `undefined` when there is none. */
export function dtypeFromShortName(text: string): DType | undefined {
  return (Object.keys(SHORT) as DType[]).find((dtype) => SHORT[dtype] === text);
}

/** A zeroed host array that holds `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): Float32Array | Int32Array | Uint8Array {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "int32":
      return new Int32Array(length);
    case "bool":
    case "uint8":
      return new Uint8Array(length);
    default:
      return dtype satisfies never;
  }
}
