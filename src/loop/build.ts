/** Constructors of Loop IR expressions; they fold constants and identities so that dumps stay short. */

import { type DType, isFloat } from "../core/dtype.ts";
import { InternalError, invariant } from "../core/errors.ts";
import { castNumber, compareNumbers, evaluateBinary, evaluateUnary, givesPosition } from "./semantics.ts";
import type { BinaryOp, CompareOp, Expr, ExprType, ReduceAxis, ReduceOp, UnaryOp } from "./types.ts";
import { isIndex } from "./typing.ts";
import { children, substitute } from "./walk.ts";

export const constant = (value: number, dtype: ExprType): Expr => ({ kind: "const", dtype, value });
export const int = (value: number): Expr => constant(value, "int32");
export const float = (value: number): Expr => constant(value, "float32");
/** A 32-bit word, from its bits as a signed or an unsigned number. */
export const word = (value: number): Expr => constant(value >>> 0, "uint32");
export const variable = (name: string): Expr => ({ kind: "var", dtype: "int32", name });
export const local = (name: string, dtype: ExprType): Expr => ({ kind: "local", dtype, name });
export const scalar = (name: string, dtype: DType): Expr => ({ kind: "scalar", dtype, name });

export const load = (buffer: string, dtype: DType, index: Expr): Expr => ({
  kind: "load",
  dtype,
  buffer,
  index,
});

const isConst = (e: Expr, value?: number): boolean =>
  e.kind === "const" && (value === undefined || e.value === value);

/** Constructors are called all the time: the message of their check is built only if it fails. */
const mismatch = (op: string, a: Expr, b: Expr): InternalError =>
  new InternalError(`${op} of ${a.dtype} and ${b.dtype}`);

export function unary(op: UnaryOp, a: Expr): Expr {
  const dtype: ExprType = op === "not" || op === "isnan" ? "bool" : a.dtype;
  if (a.kind === "const") return constant(evaluateUnary(op, a.value), dtype);
  return { kind: "unary", dtype, op, a };
}

export function binary(op: BinaryOp, a: Expr, b: Expr): Expr {
  if (a.dtype !== b.dtype) throw mismatch(op, a, b);
  const { dtype } = a;
  if (a.kind === "const" && b.kind === "const")
    return constant(evaluateBinary(op, a.value, b.value, dtype), dtype);
  return foldIdentity(op, a, b) ?? { kind: "binary", dtype, op, a, b };
}

/** Identities that hold for every value of the dtype (float `x * 0` is not one: NaN, infinity, -0). */
function foldIdentity(op: BinaryOp, a: Expr, b: Expr): Expr | undefined {
  // All of them have a constant operand.
  if (a.kind !== "const" && b.kind !== "const") return undefined;
  const integral = isIndex(a) || a.dtype === "uint32";
  switch (op) {
    case "add":
      if (isConst(a, 0) && integral) return b;
      return isConst(b, 0) && integral ? a : undefined;
    case "sub":
      return isConst(b, 0) ? a : undefined;
    case "mul":
      if (isConst(a, 1)) return b;
      if (isConst(b, 1)) return a;
      return integral && (isConst(a, 0) || isConst(b, 0)) ? constant(0, a.dtype) : undefined;
    case "div":
      return isConst(b, 1) ? a : undefined;
    case "mod":
      return integral && isConst(b, 1) ? int(0) : undefined;
    case "and":
      if (isConst(a, 1)) return b;
      if (isConst(b, 1)) return a;
      return isConst(a, 0) || isConst(b, 0) ? constant(0, "bool") : undefined;
    case "or":
      if (isConst(a, 0)) return b;
      if (isConst(b, 0)) return a;
      return isConst(a, 1) || isConst(b, 1) ? constant(1, "bool") : undefined;
    case "xor":
    case "shr":
      return isConst(b, 0) ? a : undefined;
    case "max":
    case "min":
    case "pow":
    case "atan2":
    case "fmod":
    case "bitand":
      return undefined;
    default:
      return op satisfies never;
  }
}

export const add = (a: Expr, b: Expr): Expr => binary("add", a, b);
export const sub = (a: Expr, b: Expr): Expr => binary("sub", a, b);
export const mul = (a: Expr, b: Expr): Expr => binary("mul", a, b);
export const div = (a: Expr, b: Expr): Expr => binary("div", a, b);
export const mod = (a: Expr, b: Expr): Expr => binary("mod", a, b);
export const and = (a: Expr, b: Expr): Expr => binary("and", a, b);
export const xor = (a: Expr, b: Expr): Expr => binary("xor", a, b);
/** The bits of `a` that are set in `mask`. */
export const bits = (a: Expr, mask: number): Expr => binary("bitand", a, word(mask));
export const shiftRight = (a: Expr, by: number): Expr => binary("shr", a, word(by));

export function compare(op: CompareOp, a: Expr, b: Expr): Expr {
  if (a.dtype !== b.dtype) throw mismatch(op, a, b);
  if (a.kind === "const" && b.kind === "const")
    return constant(compareNumbers(op, a.value, b.value) ? 1 : 0, "bool");
  return { kind: "compare", dtype: "bool", op, a, b };
}

export function select(condition: Expr, a: Expr, b: Expr): Expr {
  if (a.dtype !== b.dtype) throw mismatch("select", a, b);
  if (condition.kind === "const") return condition.value !== 0 ? a : b;
  return { kind: "select", dtype: a.dtype, condition, a, b };
}

export const cast = (a: Expr, dtype: ExprType): Expr => {
  if (a.dtype === dtype) return a;
  invariant(dtype !== "uint32" || isIndex(a), `a word is cast from int32, not from ${a.dtype}`);
  const folds = isFloat(dtype) || dtype === "uint32" || a.dtype === "uint32";
  return a.kind === "const" && folds
    ? constant(castNumber(a.value, a.dtype, dtype), dtype)
    : { kind: "cast", dtype, a };
};

/** `0 <= e && e < extent`, the guard of a load that may fall into padding. */
export const inRange = (e: Expr, extent: number): Expr =>
  and(compare("ge", e, int(0)), compare("lt", e, int(extent)));

/** The linear index of `indices` under `strides`. */
export const dot = (indices: readonly Expr[], strides: readonly number[]): Expr =>
  indices.reduce((sum, index, axis) => add(sum, mul(index, int(strides[axis]))), int(0));

/** The result of a reduction over nothing. */
const IDENTITIES: Record<ReduceOp, number> = { sum: 0, max: Number.NEGATIVE_INFINITY, argmax: 0, winner: 0 };

/**
 * Whether `candidate` replaces `best` in a running maximum of a reduction (`beats` and `beatsInPool` in expressions).
 */
export function replaces(op: ReduceOp, candidate: Expr, best: Expr): Expr {
  const isNone = unary("isnan", candidate);
  const isNew = op === "argmax" ? and(isNone, unary("not", unary("isnan", best))) : isNone;
  return binary("or", compare("gt", candidate, best), isNew);
}

/** Reductions whose bodies are being built. */
let open = 0;

/**
 * A reduction over `axes`; `body` receives one variable per axis. Variables are named by their hint and by
 * how many reductions nest inside, so that equal reductions are equal trees however they were built. Until then
 * they are named by their depth, so that two sibling reductions ask for the same elements and share them.
 * Over an axis of extent 0 it is the identity of its operation.
 */
export function reduce(op: ReduceOp, axes: readonly ReduceAxis[], body: (indices: Expr[]) => Expr): Expr {
  const temporary = axes.map((_, k) => variable(`?${open}.${k}`));
  open++;
  let raw: Expr;
  try {
    raw = body(temporary);
  } finally {
    open--;
  }
  if (axes.some(({ extent }) => extent === 0))
    return constant(IDENTITIES[op], givesPosition(op) ? "int32" : raw.dtype);
  const height = reduceHeight(raw) + 1;
  const names = axes.map(({ name }) => (height === 1 ? name : `${name}${height}`));
  const renaming = new Map(temporary.map((v, i) => [nameOf(v), variable(names[i])]));
  return {
    kind: "reduce",
    dtype: givesPosition(op) ? "int32" : raw.dtype,
    op,
    axes: axes.map(({ extent }, i) => ({ name: names[i], extent })),
    body: substitute(raw, renaming),
  };
}

const nameOf = (e: Expr): string => {
  invariant(e.kind === "var", "a reduction variable");
  return e.name;
};

const heights = new WeakMap<Expr, number>();

/** The nesting depth of reductions in `e`; cached, as expressions share their parts. */
function reduceHeight(e: Expr): number {
  const parts = children(e);
  if (parts.length === 0) return 0;
  let height = heights.get(e);
  if (height === undefined) {
    height = 0;
    for (const part of parts) height = Math.max(height, reduceHeight(part));
    if (e.kind === "reduce") height++;
    heights.set(e, height);
  }
  return height;
}
