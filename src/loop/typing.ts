/**
 * The types of the Loop IR's operators: which operands they take
 * and what they return, so that its text can leave types out.
 */

import { computedTypes, INDEX } from "../core/dtype.ts";
import { InternalError } from "../core/errors.ts";
import { givesPosition } from "./semantics.ts";
import type { BinaryOp, Expr, ExprType, Stmt, UnaryOp } from "./types.ts";

/** Why an expression has no type; the message says what was expected. */
export class TypeFault extends InternalError {}

const FLOAT = computedTypes("float");
const BOOL = computedTypes("bool");
const NUMBERS = computedTypes("float", "int");
const WORDS = computedTypes("word");
const ALL_NUMBERS = computedTypes("float", "int", "word");

/** Whether `e` counts positions in memory: an integer with known bounds. */
export const isIndex = ({ dtype }: Expr): boolean => dtype === INDEX;

const UNARY: Readonly<Record<UnaryOp, readonly ExprType[]>> = {
  neg: NUMBERS,
  exp: FLOAT,
  log: FLOAT,
  expm1: FLOAT,
  log1p: FLOAT,
  sqrt: FLOAT,
  tanh: FLOAT,
  sin: FLOAT,
  cos: FLOAT,
  tan: FLOAT,
  asin: FLOAT,
  acos: FLOAT,
  atan: FLOAT,
  sinh: FLOAT,
  cosh: FLOAT,
  asinh: FLOAT,
  acosh: FLOAT,
  atanh: FLOAT,
  floor: FLOAT,
  ceil: FLOAT,
  trunc: FLOAT,
  round: FLOAT,
  abs: NUMBERS,
  sign: NUMBERS,
  not: BOOL,
  isnan: FLOAT,
};

const BINARY: Readonly<Record<BinaryOp, readonly ExprType[]>> = {
  add: ALL_NUMBERS,
  sub: ALL_NUMBERS,
  mul: ALL_NUMBERS,
  div: NUMBERS,
  mod: NUMBERS,
  max: NUMBERS,
  min: NUMBERS,
  pow: NUMBERS,
  atan2: FLOAT,
  fmod: NUMBERS,
  and: BOOL,
  or: BOOL,
  xor: WORDS,
  bitand: WORDS,
  shr: WORDS,
};

function require(holds: boolean, message: () => string): void {
  if (!holds) throw new TypeFault(message());
}

function requireType(what: string, { dtype }: Expr, wanted: readonly ExprType[]): void {
  require(wanted.includes(dtype), () => `${what} takes ${wanted.join(" or ")}, not ${dtype}`);
}

function requireAlike(what: string, a: Expr, b: Expr): void {
  require(a.dtype === b.dtype, () => `${what} takes two of one type, not ${a.dtype} and ${b.dtype}`);
}

/** The type of an expression, by the types of its operands. Throws a {@link TypeFault}. */
export function typeOf(e: Expr): ExprType {
  switch (e.kind) {
    case "const":
    case "local":
    case "scalar":
      return e.dtype;
    case "var":
      return INDEX;
    case "load":
      requireType(`the index of ${e.buffer}`, e.index, [INDEX]);
      return e.dtype;
    case "unary":
      requireType(e.op, e.a, UNARY[e.op]);
      return e.op === "not" || e.op === "isnan" ? "bool" : e.a.dtype;
    case "binary":
      requireAlike(e.op, e.a, e.b);
      requireType(e.op, e.a, BINARY[e.op]);
      return e.a.dtype;
    case "compare":
      requireAlike(e.op, e.a, e.b);
      return "bool";
    case "select":
      requireType("the condition of select", e.condition, BOOL);
      requireAlike("select", e.a, e.b);
      return e.a.dtype;
    case "cast":
      if (e.dtype === "uint32") requireType("u32", e.a, [INDEX]);
      return e.dtype;
    case "reduce":
      requireType(e.op, e.body, NUMBERS);
      return givesPosition(e.op) ? INDEX : e.body.dtype;
    default:
      return e satisfies never;
  }
}

function requireStored(buffer: string, value: Expr, held: ExprType | undefined): void {
  if (held !== undefined) requireType(buffer, value, [held]);
}

/** Throws a {@link TypeFault} unless a statement has the right types; `typeOfBuffer` gives the types of buffers. */
export function checkStatement(s: Stmt, typeOfBuffer: (name: string) => ExprType | undefined): void {
  switch (s.kind) {
    case "for":
      for (const { name, init } of s.inductions ?? []) requireType(name, init, [INDEX]);
      return;
    case "store":
      requireType(`the index of ${s.buffer}`, s.index, [INDEX]);
      requireStored(s.buffer, s.value, typeOfBuffer(s.buffer));
      return;
    case "if":
      requireType("if", s.condition, BOOL);
      return;
    case "append":
      requireType("the place to append at", s.base, [INDEX]);
      requireType("the condition to append", s.condition, BOOL);
      for (const { buffer, value } of s.values) requireStored(buffer, value, typeOfBuffer(buffer));
      return;
    case "let":
    case "accumulator":
    case "assign":
    case "section":
      return;
    default:
      s satisfies never;
  }
}
