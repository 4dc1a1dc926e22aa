/** Spells single things in C: names, numbers, types, comparisons. */

import { type DType, roundTo } from "../../../src/core/dtype.ts";
import type { CompareOp, ExprType } from "../../../src/loop/types.ts";

export const COMPARE: Readonly<Record<CompareOp, string>> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
};

/** How values of a type are held and stored in memory: all that the printers know of a type. */
export interface Representation {
  /** The C type of a single value. */
  readonly scalar: string;
  /** The C type of one value in each lane. Booleans are masks there, all ones or all zeros. */
  readonly lanes: string;
  /** The suffix of the prelude's functions that differ by type. */
  readonly suffix: string;
  /** The C type of an element in memory; words are never stored. */
  readonly stored: string;
  /** Whether lanes hold masks instead of 1 and 0. */
  readonly isMask: boolean;
}

export const REPRESENTATION: Readonly<Record<ExprType, Representation>> = {
  float32: { scalar: "float", lanes: "floats", suffix: "f", stored: "float", isMask: false },
  int32: { scalar: "int32_t", lanes: "ints", suffix: "i", stored: "int32_at", isMask: false },
  uint32: { scalar: "uint32_t", lanes: "words", suffix: "u", stored: "uint32_t", isMask: false },
  uint8: { scalar: "int32_t", lanes: "ints", suffix: "i", stored: "uint8_t", isMask: false },
  bool: { scalar: "int32_t", lanes: "ints", suffix: "i", stored: "uint8_t", isMask: true },
};

/** Whether elements of a type are single bytes in memory. */
export const isByte = (dtype: DType): boolean => REPRESENTATION[dtype].stored === "uint8_t";

/** A constant of a type. */
export function constant(given: number, dtype: ExprType): string {
  switch (dtype) {
    case "float32":
      return floatLiteral(roundTo(given, dtype));
    case "uint32":
      return `0x${(given >>> 0).toString(16)}u`;
    case "bool":
      return given !== 0 ? "1" : "0";
    case "int32":
    case "uint8":
      return wholeLiteral(roundTo(given, dtype));
    default:
      return dtype satisfies never;
  }
}

/** The least int32 has no literal of its own in C. */
const wholeLiteral = (value: number): string =>
  value === -(2 ** 31) ? "(-2147483647 - 1)" : value < 0 ? `(${value})` : `${value}`;

/** Enough digits for the exact number when read as a float. */
export function floatLiteral(value: number): string {
  if (Number.isNaN(value)) return "NAN";
  if (!Number.isFinite(value)) return value > 0 ? "INFINITY" : "(-INFINITY)";
  const digits = String(Math.abs(value));
  const literal = `${/[.e]/.test(digits) ? digits : `${digits}.0`}f`;
  return value < 0 || Object.is(value, -0) ? `(-${literal})` : literal;
}

/** A constant in double precision. */
export function doubleLiteral(value: number): string {
  if (Number.isNaN(value)) return "((double)NAN)";
  if (!Number.isFinite(value)) return value > 0 ? "((double)INFINITY)" : "(-(double)INFINITY)";
  const digits = String(Math.abs(value));
  const literal = /[.e]/.test(digits) ? digits : `${digits}.0`;
  return value < 0 || Object.is(value, -0) ? `(-${literal})` : literal;
}

/** Words of C, of its compilers and of the prelude, as far as kernels may use them as names. Macros are in capitals. */
const TAKEN: ReadonlySet<string> = new Set(
  (
    "asm auto break case char const continue default do double else enum extern float for goto if inline int long " +
    "register restrict return short signed sizeof static struct switch typedef typeof union unsigned void volatile while " +
    "main linux unix fabsf sqrtf floorf ceilf truncf rintf memcpy memmove floats ints words bytes doubles longs thread threads buffers scalars model"
  ).split(" "),
);

/** A name of the Loop IR, an identifier there, as one that means nothing else in C. */
export const nameOf = (name: string): string =>
  TAKEN.has(name) ||
  /^(v_|_|[a-z_]+_[fiubdlv]$|[A-Z][A-Z0-9_]*$|u?int\d+_(t|at)$|of\d+_|math_|numbers_|share|first|last|scalar_)/.test(
    name,
  )
    ? `v_${name}`
    : name;

export const scalarName = (name: string): string => `scalar_${name.replace(/[^A-Za-z0-9_]/g, "_")}`;
