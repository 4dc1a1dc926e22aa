/**
 * The element types of ONNX: the dtype that each becomes, how its numbers are stored in a file, and which of them wrap
 * around. Kiln computes in float32, int32 and bool; the type that a model declares is kept with the numbers.
 */

import type { DType } from "../core/dtype.ts";
import { fromBrainFloats, fromHalves } from "../runtime/files/element-types.ts";
import type { ElementType } from "./port.ts";
import { TensorProto_DataType } from "./proto/onnx_pb.ts";

/** Numbers that are known before anything runs: 64-bit integers are doubles, since a shape may contain 2⁶³ - 1. */
export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

type NumbersClass =
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int32ArrayConstructor
  | Uint8ArrayConstructor;

interface ElementInfo {
  /** Its number in files. */
  readonly code: number;
  /** The dtype that Kiln computes with. */
  readonly dtype: DType;
  /** Bytes of an element in a file. */
  readonly bytes: number;
  /** The field of a TensorProto that holds the numbers if they are not raw bytes. */
  readonly field: "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data";
  /** The array class for its numbers. */
  readonly array: NumbersClass;
  /** The numbers in little-endian bytes that begin at a multiple of eight. */
  read(bytes: Uint8Array): Numbers;
  /** For integers of fewer bits than int32: how many, and whether they are signed. */
  readonly word?: { readonly bits: number; readonly isSigned: boolean };
}

const WORD = {
  int8: { bits: 8, isSigned: true },
  uint8: { bits: 8, isSigned: false },
  int16: { bits: 16, isSigned: true },
  uint16: { bits: 16, isSigned: false },
} as const;

const { FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, BOOL, FLOAT16, DOUBLE, UINT32, UINT64, BFLOAT16 } =
  TensorProto_DataType;

const whole = { dtype: "int32", field: "int32Data", array: Int32Array } as const;
const wide = { dtype: "int32", field: "uint64Data", array: Float64Array } as const;
const real = { dtype: "float32", field: "int32Data", array: Float32Array } as const;

const TYPES = {
  float: { ...real, code: FLOAT, field: "floatData", bytes: 4, read: (b) => view(b, Float32Array) },
  double: {
    ...{ code: DOUBLE, dtype: "float32", field: "doubleData", array: Float64Array, bytes: 8 },
    read: (b) => view(b, Float64Array),
  },
  float16: { ...real, code: FLOAT16, bytes: 2, read: (b) => fromHalves(view(b, Uint16Array)) },
  bfloat16: { ...real, code: BFLOAT16, bytes: 2, read: (b) => fromBrainFloats(view(b, Uint16Array)) },
  int8: { ...whole, code: INT8, bytes: 1, word: WORD.int8, read: (b) => Int32Array.from(view(b, Int8Array)) },
  uint8: { ...whole, code: UINT8, bytes: 1, word: WORD.uint8, read: (b) => Int32Array.from(b) },
  int16: {
    ...{ ...whole, code: INT16, bytes: 2, word: WORD.int16 },
    read: (b) => Int32Array.from(view(b, Int16Array)),
  },
  uint16: {
    ...{ ...whole, code: UINT16, bytes: 2, word: WORD.uint16 },
    read: (b) => Int32Array.from(view(b, Uint16Array)),
  },
  int32: { ...whole, code: INT32, bytes: 4, read: (b) => view(b, Int32Array) },
  uint32: { ...wide, code: UINT32, bytes: 4, read: (b) => Float64Array.from(view(b, Uint32Array)) },
  int64: {
    ...{ ...wide, code: INT64, field: "int64Data", bytes: 8 },
    read: (b) => doubles(view(b, BigInt64Array)),
  },
  uint64: { ...wide, code: UINT64, bytes: 8, read: (b) => doubles(view(b, BigUint64Array)) },
  bool: {
    ...{ code: BOOL, dtype: "bool", field: "int32Data", array: Uint8Array, bytes: 1 },
    read: (b) => b.map((byte) => (byte === 0 ? 0 : 1)),
  },
} as const satisfies Readonly<Record<ElementType, ElementInfo>>;

/** All that is known of an element type. */
export const infoOf = (type: ElementType): ElementInfo => TYPES[type];

/** The dtype that Kiln computes with for a model's `type`. */
export const dtypeOf = (type: ElementType): DType => TYPES[type].dtype;

export const isFloating = (type: ElementType): boolean => TYPES[type].dtype === "float32";

/** The element type of a number in a file; `undefined` for those that Kiln does not support, such as strings. */
export const elementTypeFrom = (code: number): ElementType | undefined =>
  (Object.keys(TYPES) as ElementType[]).find((type) => infoOf(type).code === code);

/** The name of a file's number of an element type: `STRING`, or `type 99` if ONNX has no such type. */
export const describeCode = (code: number): string => TensorProto_DataType[code] ?? `type ${code}`;

/** The ONNX type that Kiln's numbers are written as. */
export const elementTypeOf = (dtype: DType): ElementType =>
  dtype === "float32" ? "float" : dtype === "bool" ? "bool" : dtype === "uint8" ? "uint8" : "int32";

interface ViewClass<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

const view = <T>(bytes: Uint8Array, View: ViewClass<T>): T =>
  new View(bytes.buffer, bytes.byteOffset, bytes.length / View.BYTES_PER_ELEMENT);

const doubles = (wide: BigInt64Array | BigUint64Array): Float64Array => {
  const numbers = new Float64Array(wide.length);
  for (let k = 0; k < wide.length; k++) numbers[k] = Number(wide[k]);
  return numbers;
};
