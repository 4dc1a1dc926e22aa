/** The ONNX operators for Loop IR's expressions, applied to whole tensors element by element. */

import { isFloat } from "../../core/dtype.ts";
import type { BinaryOp, CompareOp, ExprType, UnaryOp } from "../../loop/types.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { NoSpelling } from "./spelling.ts";

const UNARY: Readonly<Partial<Record<UnaryOp, string>>> = {
  neg: "Neg",
  exp: "Exp",
  log: "Log",
  sin: "Sin",
  cos: "Cos",
  tan: "Tan",
  asin: "Asin",
  acos: "Acos",
  atan: "Atan",
  sinh: "Sinh",
  cosh: "Cosh",
  tanh: "Tanh",
  asinh: "Asinh",
  acosh: "Acosh",
  atanh: "Atanh",
  sqrt: "Sqrt",
  floor: "Floor",
  ceil: "Ceil",
  round: "Round",
  abs: "Abs",
  sign: "Sign",
  not: "Not",
  isnan: "IsNaN",
};

export function unaryOperator(w: GraphWriter, op: UnaryOp, x: string): string {
  const name = UNARY[op];
  if (name !== undefined) return w.node(name, [x]);
  switch (op) {
    case "expm1":
      // (e^x + 1)·tanh(x/2), exact near 0.
      return w.node("Mul", [
        w.node("Add", [w.node("Exp", [x]), w.float(1)]),
        w.node("Tanh", [w.node("Mul", [x, w.float(0.5)])]),
      ]);
    case "log1p": {
      // Near 0 it is 2·atanh(x / (2 + x)).
      const near = w.node("Atanh", [w.node("Div", [x, w.node("Add", [x, w.float(2)])])]);
      return w.node("Where", [
        w.node("Less", [w.node("Abs", [x]), w.float(0.5)]),
        w.node("Mul", [near, w.float(2)]),
        w.node("Log", [w.node("Add", [x, w.float(1)])]),
      ]);
    }
    case "trunc":
      return w.node("Where", [w.node("Less", [x, w.float(0)]), w.node("Ceil", [x]), w.node("Floor", [x])]);
    default:
      throw new NoSpelling(`the function ${op}`);
  }
}

const BINARY: Readonly<Partial<Record<BinaryOp, string>>> = {
  add: "Add",
  sub: "Sub",
  mul: "Mul",
  max: "Max",
  min: "Min",
  pow: "Pow",
  and: "And",
  or: "Or",
  // For words, which are written as int32: both wrap around.
  xor: "BitwiseXor",
  bitand: "BitwiseAnd",
};

export function binaryOperator(w: GraphWriter, op: BinaryOp, dtype: ExprType, a: string, b: string): string {
  const name = BINARY[op];
  if (name !== undefined) return w.node(name, [a, b]);
  switch (op) {
    case "div":
      // ONNX rounds quotients of integers towards 0, Kiln down; divisors are positive.
      return w.node("Div", [isFloat(dtype) ? a : w.node("Sub", [a, w.node("Mod", [a, b])]), b]);
    case "mod":
      if (!isFloat(dtype)) return w.node("Mod", [a, b]);
      return w.node("Sub", [a, w.node("Mul", [b, w.node("Floor", [w.node("Div", [a, b])])])]);
    case "fmod":
      return w.node("Mod", [a, isFloat(dtype) ? b : notZero(w, b)], { fmod: 1 });
    case "atan2":
      return angle(w, a, b);
    default:
      throw new NoSpelling(`the operator ${op}`);
  }
}

/** The divisor, with 1 in place of 0: a guard discards the quotient there, but ONNX computes it. */
const notZero = (w: GraphWriter, divisor: string): string =>
  w.node("Where", [w.node("Equal", [divisor, w.number("int32", 0)]), w.number("int32", 1), divisor]);

/** The angle of the point (x, y). */
function angle(w: GraphWriter, y: string, x: string): string {
  const zero = w.float(0);
  const half = w.node("Atan", [w.node("Div", [y, x])]);
  const isUp = w.node("GreaterOrEqual", [y, zero]);
  const left = w.node("Add", [half, w.node("Where", [isUp, w.float(Math.PI), w.float(-Math.PI)])]);
  const upright = w.node("Mul", [w.node("Sign", [y]), w.float(Math.PI / 2)]);
  const beside = w.node("Where", [w.node("Less", [x, zero]), left, upright]);
  return w.node("Where", [w.node("Greater", [x, zero]), half, beside]);
}

const COMPARE: Readonly<Record<Exclude<CompareOp, "ne">, string>> = {
  lt: "Less",
  le: "LessOrEqual",
  gt: "Greater",
  ge: "GreaterOrEqual",
  eq: "Equal",
};

/** One of two values; booleans by logical operators, because runtimes do not support them otherwise. */
export function selectOperator(
  w: GraphWriter,
  dtype: ExprType,
  condition: string,
  a: string,
  b: string,
): string {
  if (dtype !== "bool") return w.node("Where", [condition, a, b]);
  const otherwise = w.node("And", [w.node("Not", [condition]), b]);
  return w.node("Or", [w.node("And", [condition, a]), otherwise]);
}

export const compareOperator = (w: GraphWriter, op: CompareOp, a: string, b: string): string =>
  op === "ne" ? w.node("Not", [w.node("Equal", [a, b])]) : w.node(COMPARE[op], [a, b]);
