/** Arithmetic on two tensors with broadcasting: sums, products, quotients, the larger and the smaller. */

import type { Shape } from "../core/shape.ts";
import { constantOf, type GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { binary, cast } from "../loop/build.ts";
import { evaluateBinary } from "../loop/semantics.ts";
import type { BinaryOp, CompareOp, Expr } from "../loop/types.ts";
import {
  broadcastRead,
  f32,
  type OpDef,
  type Rewrite,
  requireBroadcast,
  requireFloat,
  type Sample,
} from "./definition.ts";
import { joinSlices } from "./disjoint.ts";
import { broadcastAt, generate } from "./ndarray.ts";

const wholeSample: Sample = {
  inputs: [
    { dtype: "int32", shape: [3, 40], below: 1000 },
    { dtype: "int32", shape: [40], below: 30 },
  ],
  attrs: {},
};

const BROADCASTS: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[3], []],
  [[], []],
  [[1], []],
  [
    [0, 3],
    [1, 3],
  ],
  [[0], [2, 1]],
  [
    [2, 1],
    [1, 3],
  ],
];

/** The operators that int32 numbers have, too. */
const WHOLE: ReadonlySet<BinaryOp> = new Set<BinaryOp>(["add", "sub", "mul", "max", "min", "fmod"]);

/** Those that may leave int32: they are taken modulo 2³², as in PyTorch, even if the same kernel goes on computing. */
const WRAPPING: ReadonlySet<BinaryOp> = new Set<BinaryOp>(["add", "sub", "mul"]);

function combined(name: BinaryOp, a: Expr, b: Expr): Expr {
  if (a.dtype !== "int32" || !WRAPPING.has(name)) return binary(name, a, b);
  return cast(binary(name, cast(a, "uint32"), cast(b, "uint32")), "int32");
}

/** A function of two numbers that is an operator of the Loop IR, with broadcasting. */
export function binaryOp(
  name: BinaryOp,
  graphName: string,
  doc: string,
  backward: string,
  draw: "any" | "positive" | "nonzero" | "distinct",
  gradient: (b: GraphBuilder, ct: Value, x: Value, y: Value, out: Value) => readonly (Value | undefined)[],
): OpDef {
  return {
    name: graphName,
    doc,
    arity: 2,
    attributes: {},
    pattern: "elementwise",
    infer(inputs) {
      const isWhole = WHOLE.has(name) && inputs.every(({ dtype }) => dtype === "int32");
      if (!isWhole) requireFloat(graphName, inputs);
      const shape = requireBroadcast(graphName, inputs[0].shape, inputs[1].shape);
      return { dtype: inputs[0].dtype, shape };
    },
    range: ([x, y]) => (name === "add" && x && y ? [x[0] + y[0], x[1] + y[1]] : undefined),
    vjp: (b, ct, [x, y], out) => gradient(b, ct, x, y, out),
    backward: { name: backward },
    lower:
      ([x, y]) =>
      (indices) =>
        combined(name, broadcastRead(x, indices), broadcastRead(y, indices)),
    reference: ([x, y], output) =>
      generate(output.shape, (index) =>
        evaluateBinary(name, broadcastAt(x, index), broadcastAt(y, index), output.dtype),
      ),
    samples: () => [
      ...BROADCASTS.map(
        ([a, b]): Sample => ({
          inputs: [
            { ...f32(...a), draw },
            { ...f32(...b), draw },
          ],
          attrs: {},
        }),
      ),
      ...(WHOLE.has(name) ? [wholeSample] : []),
    ],
  };
}

/** The first operand itself if the second is `neutral`. */
const dropNeutral =
  (neutral: number): Rewrite =>
  (_to, [x, y]) =>
    constantOf(y) === neutral ? x : undefined;

const add: OpDef = {
  ...binaryOp(
    "add",
    "add",
    "`a + b` with broadcasting, of float32 or of int32 numbers, modulo 2³².",
    "AddBackward",
    "any",
    (_b, ct) => [ct, ct],
  ),
  isCommutative: true,
  rewrites: [joinSlices],
};
const sub: OpDef = {
  ...binaryOp(
    "sub",
    "sub",
    "`a - b` with broadcasting, of float32 or of int32 numbers, modulo 2³².",
    "SubBackward",
    "any",
    (b, ct) => [ct, b.node("neg", [ct])],
  ),
  rewrites: [dropNeutral(0)],
};
const mul: OpDef = {
  ...binaryOp(
    "mul",
    "mul",
    "`a · b` with broadcasting, of float32 or of int32 numbers, modulo 2³².",
    "MulBackward",
    "any",
    (b, ct, x, y) => [b.node("mul", [ct, y]), b.node("mul", [ct, x])],
  ),
  isCommutative: true,
  rewrites: [dropNeutral(1)],
};
const div: OpDef = {
  ...binaryOp("div", "div", "`a / b` with broadcasting.", "DivBackward", "positive", (b, ct, _x, y, out) => [
    b.node("div", [ct, y]),
    b.node("neg", [b.node("div", [b.node("mul", [ct, out]), y])]),
  ]),
  rewrites: [dropNeutral(1)],
};

/**
 * The cotangent goes to the larger (smaller) operand, halved between them on a tie. If one is NaN it goes to both, as
 * in PyTorch.
 */
function extremum(name: "max" | "min", backward: string): OpDef {
  const loses: CompareOp = name === "max" ? "lt" : "gt";
  const graphName = `${name}imum`;
  return binaryOp(
    name,
    graphName,
    `The ${name}imum of two tensors with broadcasting.`,
    backward,
    "distinct",
    (b, ct, x, y) => {
      const half = b.node("mul", [ct, b.constant(0.5)]);
      const zero = b.constant(0);
      const share = (own: Value, other: Value): Value =>
        b.node("where", [
          b.node("compare", [own, other], { relation: loses }),
          zero,
          b.node("where", [b.node("compare", [own, other], { relation: "eq" }), half, ct]),
        ]);
      return [share(x, y), share(y, x)];
    },
  );
}
const maximum: OpDef = { ...extremum("max", "MaximumBackward"), isCommutative: true };
const minimum: OpDef = { ...extremum("min", "MinimumBackward"), isCommutative: true };

export const ARITHMETIC = { add, sub, mul, div, maximum, minimum };
