/**
 * Ops that compute each element from the elements at the same
 * index: operators of the Loop IR, comparisons, `where`, casts.
 */

import { type DType, PUBLIC_DTYPES } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { CONSTANT, type GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { cast as castExpr, compare, constant, select, unary } from "../loop/build.ts";
import { castNumber, compareNumbers, evaluateUnary } from "../loop/semantics.ts";
import type { CompareOp, UnaryOp } from "../loop/types.ts";
import { NUMBER } from "./declaration.ts";
import {
  broadcastRead,
  describe,
  f32,
  isNodeOf,
  moves,
  number,
  type OpDef,
  requireBroadcast,
  requireElement,
  text,
  unionOf,
} from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";
import { pointwiseOp } from "./pointwise.ts";

/** A function that is an operator of the Loop IR. */
const unaryOp = (
  name: UnaryOp,
  doc: string,
  backward: string,
  draw: "any" | "positive" | "nonzero",
  gradient: (b: GraphBuilder, ct: Value, x: Value, y: Value) => Value | undefined,
): OpDef =>
  pointwiseOp({
    name,
    doc,
    backward,
    draw,
    gradient,
    lower: (x) => unary(name, x),
    reference: (x) => evaluateUnary(name, x),
  });

const neg: OpDef = {
  ...unaryOp("neg", "`-x`, element by element.", "NegBackward", "any", (b, ct) => b.node("neg", [ct])),
  rewrites: [(_to, [x]) => (isNodeOf(x, "neg") ? x.inputs[0] : undefined)],
};
const exp = unaryOp(
  "exp",
  "`e^x`; the gradient is the output itself.",
  "ExpBackward",
  "any",
  (b, ct, _x, y) => b.node("mul", [ct, y]),
);
const log = unaryOp(
  "log",
  "The natural logarithm; `1/x` is its gradient.",
  "LogBackward",
  "positive",
  (b, ct, x) => b.node("div", [ct, x]),
);
const sqrt = unaryOp(
  "sqrt",
  "The square root; `1/(2·√x)` is its gradient.",
  "SqrtBackward",
  "positive",
  (b, ct, _x, y) => b.node("div", [ct, b.node("mul", [y, b.constant(2)])]),
);
const abs = unaryOp(
  "abs",
  "`|x|`; the gradient at 0 and at NaN is 0, as in PyTorch.",
  "AbsBackward",
  "nonzero",
  (b, ct, x) => b.node("mul", [ct, b.node("sign", [x])]),
);
const sign: OpDef = {
  ...unaryOp(
    "sign",
    "-1, 0 or 1, and 0 for NaN; its gradient is zero everywhere.",
    "SignBackward",
    "nonzero",
    () => undefined,
  ),
  compares: [0],
};

const RELATIONS: readonly CompareOp[] = ["lt", "le", "gt", "ge", "eq", "ne"];

const compareDef: OpDef = {
  name: "compare",
  range: () => [0, 1],
  doc: "A comparison with broadcasting; `relation` is one of lt, le, gt, ge, eq, ne. The result is bool and has no gradient.",
  arity: 2,
  attributes: { relation: { kind: "text", among: RELATIONS } },
  pattern: "elementwise",
  compares: [0, 1],
  infer([a, b]) {
    if (a.dtype !== b.dtype)
      throw new KilnError(`compare expects equal dtypes but got ${describe(a)} and ${describe(b)}`);
    return { dtype: "bool", shape: requireBroadcast("compare", a.shape, b.shape) };
  },
  vjp: () => [undefined, undefined],
  backward: { name: "CompareBackward" },
  lower:
    ([a, b], _output, attrs) =>
    (indices) =>
      compare(text(attrs, "relation") as CompareOp, broadcastRead(a, indices), broadcastRead(b, indices)),
  reference: ([a, b], output, attrs) =>
    generate(output.shape, (index) =>
      compareNumbers(text(attrs, "relation") as CompareOp, broadcastAt(a, index), broadcastAt(b, index))
        ? 1
        : 0,
    ),
  samples: () =>
    RELATIONS.flatMap((relation) =>
      [[2, 3], [], [1], [0, 3]].map((shape) => ({
        inputs: [f32(...shape), { ...f32(...shape.slice(1)), below: 2 }],
        attrs: { relation },
      })),
    ),
};

const where: OpDef = {
  name: "where",
  range: ([, a, b]) => unionOf([a, b]),
  doc: "`condition ? a : b` with broadcasting; the cotangent flows to the operand that was chosen.",
  arity: 3,
  attributes: {},
  pattern: "elementwise",
  infer([condition, a, b]) {
    if (condition.dtype !== "bool")
      throw new KilnError(`where expects a bool condition but got ${describe(condition)}`);
    if (a.dtype !== b.dtype)
      throw new KilnError(`where expects equal dtypes but got ${describe(a)} and ${describe(b)}`);
    const shape = requireBroadcast("where", a.shape, b.shape);
    return { dtype: a.dtype, shape: requireBroadcast("where", condition.shape, shape) };
  },
  vjp: (b, ct, [condition]) => [
    undefined,
    b.node("where", [condition, ct, b.constant(0)]),
    b.node("where", [condition, b.constant(0), ct]),
  ],
  backward: { name: "WhereBackward" },
  lower:
    ([condition, a, b]) =>
    (indices) =>
      select(broadcastRead(condition, indices), broadcastRead(a, indices), broadcastRead(b, indices)),
  reference: ([condition, a, b], output) =>
    generate(output.shape, (index) =>
      broadcastAt(condition, index) !== 0 ? broadcastAt(a, index) : broadcastAt(b, index),
    ),
  samples: () => [
    { inputs: [{ dtype: "bool", shape: [2, 3], below: 2 }, f32(2, 3), f32(3)], attrs: {} },
    { inputs: [{ dtype: "bool", shape: [3], below: 2 }, f32(2, 3), f32()], attrs: {} },
    { inputs: [{ dtype: "bool", shape: [], below: 2 }, f32(), f32(1)], attrs: {} },
    { inputs: [{ dtype: "bool", shape: [1, 1], below: 2 }, f32(1), f32()], attrs: {} },
    { inputs: [{ dtype: "bool", shape: [0, 1], below: 2 }, f32(1, 3), f32()], attrs: {} },
  ],
};

const cast: OpDef = {
  name: "cast",
  range: ([x], [type], attrs) => (attrs.dtype === "bool" ? [0, 1] : type.dtype === "bool" ? [0, 1] : x),
  doc: "The same numbers in another dtype. Floats become int32 by truncation and saturation, NaN becomes 0. There is no gradient, which flows only between float dtypes.",
  arity: 1,
  attributes: { dtype: { kind: "text", among: PUBLIC_DTYPES } },
  pattern: "elementwise",
  compares: [0],
  infer: ([x], attrs) => ({ dtype: text(attrs, "dtype") as DType, shape: x.shape }),
  vjp: () => [undefined],
  backward: { name: "ToCopyBackward" },
  lower:
    ([x], output) =>
    (indices) =>
      castExpr(x.at(indices), output.dtype),
  reference: ([x], output) => ({
    shape: x.shape,
    data: x.data.map((v) => castNumber(v, "float32", output.dtype)),
  }),
  samples: () => [
    { inputs: [{ dtype: "int32", shape: [4], below: 5 }], attrs: { dtype: "float32" } },
    { inputs: [{ dtype: "bool", shape: [4], below: 2 }], attrs: { dtype: "float32" } },
    { inputs: [{ dtype: "bool", shape: [4], below: 2 }], attrs: { dtype: "int32" } },
    { inputs: [{ dtype: "int32", shape: [6], below: 3 }], attrs: { dtype: "bool" } },
    { inputs: [{ ...f32(60), draw: "distinct" }], attrs: { dtype: "int32" } },
    { inputs: [{ ...f32(6), below: 2 }], attrs: { dtype: "bool" } },
    { inputs: [f32()], attrs: { dtype: "int32" } },
    { inputs: [{ dtype: "bool", shape: [1], below: 2 }], attrs: { dtype: "float32" } },
    { inputs: [f32(2, 0)], attrs: { dtype: "bool" } },
  ],
};

const copy: OpDef = {
  name: "copy",
  ...moves({ source: (indices) => indices, keepsAll: true }),
  doc: "The same numbers in separate memory, for the new value of a buffer.",
  arity: 1,
  attributes: {},
  pattern: "elementwise",
  infer: ([x]) => x,
  vjp: (_b, ct) => [ct],
  backward: { name: "CopyBackward" },
  reference: ([x]) => x,
  samples: () => [
    { inputs: [f32(2, 3)], attrs: {} },
    { inputs: [{ dtype: "int32", shape: [], below: 9 }], attrs: {} },
    { inputs: [f32(1)], attrs: {} },
    { inputs: [f32(0)], attrs: {} },
  ],
};

const constantDef: OpDef = {
  name: CONSTANT,
  isFree: () => true,
  range: (_inputs, _types, attrs) => [number(attrs, "value"), number(attrs, "value")],
  doc: "A rank-0 number known at compile time, for broadcasting.",
  arity: 0,
  attributes: { value: NUMBER, dtype: { kind: "text", among: PUBLIC_DTYPES } },
  pattern: "elementwise",
  infer(_inputs, attrs) {
    const dtype = text(attrs, "dtype") as DType;
    requireElement(CONSTANT, "value", number(attrs, "value"), dtype);
    return { dtype, shape: [] };
  },
  vjp: () => [],
  backward: { name: "ConstantBackward" },
  lower: (_operands, output, attrs) => () => constant(number(attrs, "value"), output.dtype),
  reference: (_inputs, _output, attrs: Attrs) => ({
    shape: [],
    data: Float64Array.of(number(attrs, "value")),
  }),
  samples: () => [{ inputs: [], attrs: { value: 2.5, dtype: "float32" } }],
};

export const ELEMENTWISE = {
  neg,
  exp,
  log,
  sqrt,
  abs,
  sign,
  compare: compareDef,
  where,
  cast,
  copy,
  constant: constantDef,
};
