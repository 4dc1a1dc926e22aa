/** The meaning of the Loop IR's operators on numbers: the single source for constant folding and the interpreter. */

import { isFloat } from "../core/dtype.ts";
import { InternalError, invariant } from "../core/errors.ts";
import type { BinaryOp, CompareOp, ExprType, ReduceOp, UnaryOp } from "./types.ts";

export function evaluateUnary(op: UnaryOp, a: number): number {
  switch (op) {
    case "neg":
      return -a;
    case "exp":
    case "log":
    case "expm1":
    case "log1p":
    case "tanh":
    case "sqrt":
    case "abs":
    case "sin":
    case "cos":
    case "tan":
    case "asin":
    case "acos":
    case "atan":
    case "sinh":
    case "cosh":
    case "asinh":
    case "acosh":
    case "atanh":
    case "floor":
    case "ceil":
    case "trunc":
      return Math[op](a);
    case "round":
      return roundHalfEven(a);
    case "sign":
      return a > 0 ? 1 : a < 0 ? -1 : 0;
    case "not":
      return a === 0 ? 1 : 0;
    case "isnan":
      return Number.isNaN(a) ? 1 : 0;
    default:
      return op satisfies never;
  }
}

/** The nearest integer, ties to even (IEEE 754's default). */
export function roundHalfEven(a: number): number {
  const nearest = Math.round(a);
  return nearest - a === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

export function evaluateBinary(op: BinaryOp, a: number, b: number, dtype: ExprType): number {
  if (dtype === "uint32") return evaluateWords(op, a, b);
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return isFloat(dtype) ? a / b : Math.floor(a / b);
    case "mod":
      return a - b * Math.floor(a / b);
    case "max":
      return Math.max(a, b);
    case "min":
      return Math.min(a, b);
    case "pow":
      return a ** b;
    case "atan2":
      return Math.atan2(a, b);
    case "fmod":
      return isFloat(dtype) ? a % b : (a % b) | 0;
    case "and":
      return a !== 0 && b !== 0 ? 1 : 0;
    case "or":
      return a !== 0 || b !== 0 ? 1 : 0;
    case "xor":
    case "bitand":
    case "shr":
      return onlyOf("uint32", op);
    default:
      return op satisfies never;
  }
}

/** Arithmetic of 32-bit words, modulo 2³². */
function evaluateWords(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case "add":
      return (a + b) >>> 0;
    case "sub":
      return (a - b) >>> 0;
    case "mul":
      return Math.imul(a, b) >>> 0;
    case "xor":
      return (a ^ b) >>> 0;
    case "bitand":
      return (a & b) >>> 0;
    case "shr":
      invariant(b >= 0 && b < 32, "a shift by 0..31");
      return a >>> b;
    case "div":
    case "mod":
    case "max":
    case "min":
    case "pow":
    case "atan2":
    case "fmod":
    case "and":
    case "or":
      return onlyOf("other types", op);
    default:
      return op satisfies never;
  }
}

function onlyOf(what: string, op: BinaryOp): never {
  throw new InternalError(`${op} is an operator of ${what} alone`);
}

/**
 * The number `a` of type `from` as `to`. What int32 cannot hold saturates, and NaN becomes 0,
 * as in WebAssembly, on ARM and in C++23; PyTorch leaves it to the processor.
 */
export function castNumber(a: number, from: ExprType, to: ExprType): number {
  switch (to) {
    case "float32":
      return a;
    case "bool":
      return a !== 0 ? 1 : 0;
    case "uint32":
      return a >>> 0;
    case "int32":
      return isFloat(from) ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, a)) | 0 : a | 0;
    case "uint8":
      return from === "uint32" ? a | 0 : Math.trunc(a);
    default:
      return to satisfies never;
  }
}

export function compareNumbers(op: CompareOp, a: number, b: number): boolean {
  switch (op) {
    case "lt":
      return a < b;
    case "le":
      return a <= b;
    case "gt":
      return a > b;
    case "ge":
      return a >= b;
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    default:
      return op satisfies never;
  }
}

/**
 * Whether `candidate` replaces `best` in a running maximum: the first maximum wins, and the first NaN (torch.argmax).
 */
export const beats = (candidate: number, best: number): boolean =>
  candidate > best || (Number.isNaN(candidate) && !Number.isNaN(best));

/** The same, but the last NaN wins (PyTorch's pools). */
export const beatsInPool = (candidate: number, best: number): boolean =>
  candidate > best || Number.isNaN(candidate);

/** Whether the result of a reduction is a position instead of an element. */
export const givesPosition = (op: ReduceOp): boolean => op === "argmax" || op === "winner";
