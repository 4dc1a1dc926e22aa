/** The spelling of numbers, operators and names of the Loop IR, shared by its printer and its parser. */

import { DTYPES, type DType, shortName } from "../core/dtype.ts";
import { printName } from "../core/spelling.ts";
import type { BinaryOp, CompareOp, ExprType } from "./types.ts";

/** An operator between its operands; a greater level binds more strongly. */
export interface Infix {
  readonly sign: string;
  readonly level: number;
}

/** The level of comparisons, which do not chain. */
export const COMPARISON = 3;

/** The strongest level of operators between operands. */
export const STRONGEST = 5;

/** Operators that are written between their operands; the others are written as functions. */
export const INFIX: Readonly<Record<BinaryOp | CompareOp, Infix | undefined>> = {
  or: { sign: "||", level: 1 },
  and: { sign: "&&", level: 2 },
  xor: { sign: "^", level: 2 },
  bitand: { sign: "&", level: 2 },
  shr: { sign: ">>>", level: 3 },
  lt: { sign: "<", level: COMPARISON },
  le: { sign: "<=", level: COMPARISON },
  gt: { sign: ">", level: COMPARISON },
  ge: { sign: ">=", level: COMPARISON },
  eq: { sign: "==", level: COMPARISON },
  ne: { sign: "!=", level: COMPARISON },
  add: { sign: "+", level: 4 },
  sub: { sign: "-", level: 4 },
  mul: { sign: "*", level: STRONGEST },
  div: { sign: "/", level: STRONGEST },
  mod: { sign: "%", level: STRONGEST },
  max: undefined,
  min: undefined,
  pow: undefined,
  atan2: undefined,
  fmod: undefined,
};

/** The dtypes whose constants have the name of the type as a suffix: `1u8`. */
export const SUFFIXED: readonly DType[] = DTYPES.filter(
  (dtype) => !["float32", "int32", "bool"].includes(dtype),
);

/** A constant whose text shows its dtype: `1.0` float32, `1` int32, `0x1` uint32, `true` bool, all others as `1u8`. */
export function constantText(value: number, dtype: ExprType): string {
  switch (dtype) {
    case "uint32":
      return `0x${value.toString(16)}`;
    case "bool":
      return value === 0 ? "false" : "true";
    case "float32":
      return printConstant(value, true);
    case "int32":
      return printConstant(value, false);
    default:
      return `${value}${shortName(dtype)}`;
  }
}

/** A number that reads back as itself; float constants keep a point so that the dtype shows. */
export function printConstant(value: number, isFloat: boolean): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const text = Object.is(value, -0) ? "-0" : String(value);
  return isFloat && Number.isInteger(value) && !text.includes("e") ? `${text}.0` : text;
}

/** A number that is given with every run. */
export const printScalar = (name: string): string => `$${printName(name)}`;

/** Names of kernels, buffers and locals: they go into generated code unchanged. */
export const IDENTIFIER = /[A-Za-z_]\w*/y;

const RESERVED: ReadonlySet<string> = new Set(
  (
    "abstract arguments await boolean break byte case catch char class const continue debugger default delete do double " +
    "else enum eval export extends false final finally float for function goto if implements import in instanceof int " +
    "interface let long native new null package private protected public return short static super switch synchronized " +
    "this throw throws transient true try typeof var void volatile while with yield " +
    "Infinity Math NaN Number f32 i32 inf nan scalars u8 undefined"
  ).split(" "),
);

/** Names with another meaning in generated code: keywords, and the parameters of the code. */
export const isReserved = (name: string): boolean =>
  RESERVED.has(name) || /^(scalar_|state\d|__proto__$)/.test(name);
