/**
 * Constants and algebra on the graph. Two rules matter most: relu's gradient moves behind the pooling it
 * feeds, so that it reads the pooled output and the dense activation need not live; and reshapes sink below
 * elementwise ops, so that what remains of them is a view between two kernels.
 */

import { PUBLIC_DTYPES } from "../../src/core/dtype.ts";
import { sameShape } from "../../src/core/shape.ts";
import { bottomUp } from "../../src/core/topological.ts";
import type { GraphBuilder } from "../../src/ir/builder.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Attrs, Graph, Node, Value } from "../../src/ir/types.ts";
import { ints } from "../../src/ops/definition.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";

export const simplify: Pass<Graph, Graph> = {
  name: "simplify",
  doc: "Folds constants, removes ops that change nothing, moves relu's gradient behind max-pooling and sinks reshapes.",
  run: (graph) =>
    rewriteGraph(graph, opTable, (b, node, inputs) => simplified(b, node.op, inputs, node.attrs)),
};

type Rule = (b: GraphBuilder, op: string, inputs: readonly Value[], attrs: Attrs) => Value | undefined;

/** Applies the first rule that fits; what a rule builds goes through the rules again. */
function simplified(b: GraphBuilder, op: string, inputs: readonly Value[], attrs: Attrs): Value {
  for (const rule of RULES) {
    const result = rule(b, op, inputs, attrs);
    if (result !== undefined) return result;
  }
  return b.node(op, inputs, attrs);
}

const isOp = (value: Value, op: string): value is Node => value.kind === "node" && value.op === op;

function constantOf(value: Value): number | undefined {
  return isOp(value, "constant") ? (value.attrs.value as number) : undefined;
}

/** What has no elements is made of nothing: whatever it was computed from is not needed for it. */
const forgetEmpty: Rule = (b, op, inputs, attrs) => {
  if (inputs.length === 0) return undefined;
  const { dtype, shape } = opTable.infer(
    op,
    inputs.map((v) => v.type),
    attrs,
  );
  const isMade = op === "broadcast_to" && constantOf(inputs[0]) !== undefined;
  // Winners of pools have a type that constants have not.
  return isMade || !PUBLIC_DTYPES.includes(dtype) || !shape.includes(0)
    ? undefined
    : b.node("broadcast_to", [b.constant(0, dtype)], { shape });
};

const foldConstants: Rule = (b, op, inputs, attrs) => {
  const definition = definitionOf(op);
  if (op === "constant" || inputs.length === 0 || definition.pattern !== "elementwise") return undefined;
  if (!inputs.every((v) => constantOf(v) !== undefined && v.type.shape.length === 0)) return undefined;
  const type = opTable.infer(
    op,
    inputs.map((v) => v.type),
    attrs,
  );
  if (type.shape.length !== 0) return undefined;
  const values = inputs.map((v) => ({ shape: [], data: Float64Array.of(constantOf(v)!) }));
  return b.constant(definition.reference(values, type, attrs).data[0], type.dtype);
};

/** `x·1`, `x/1` and `x-0` are `x` when broadcasting does not widen it. */
const dropIdentity: Rule = (_b, op, [x, y]) => {
  const neutral = op === "mul" || op === "div" ? 1 : op === "sub" ? 0 : undefined;
  return neutral !== undefined && constantOf(y) === neutral && y.type.shape.length <= x.type.shape.length
    ? x
    : undefined;
};

const dropDoubleNegation: Rule = (_b, op, [x]) => (op === "neg" && isOp(x, "neg") ? x.inputs[0] : undefined);

/** A reshape to the same shape is nothing; one of a reshape is one of its input. */
const mergeReshapes: Rule = (b, op, [x], attrs) => {
  if (op !== "reshape") return undefined;
  const shape = ints(attrs, "shape");
  if (sameShape(x.type.shape, shape)) return x;
  return isOp(x, "reshape") ? simplified(b, "reshape", x.inputs, attrs) : undefined;
};

/** A single number is broadcast from whatever shape it has. */
const broadcastScalar: Rule = (b, op, [x], attrs) => {
  if (op !== "broadcast_to" || !isOp(x, "reshape") || x.inputs[0].type.shape.length !== 0) return undefined;
  return simplified(b, op, x.inputs, attrs);
};

/** A broadcast that an elementwise op would do by itself need not be spelled out. */
const absorbBroadcast: Rule = (b, op, inputs, attrs) => {
  if (inputs.length < 2 || definitionOf(op).pattern !== "elementwise" || op === "relu_grad") return undefined;
  const k = inputs.findIndex((v) => isOp(v, "broadcast_to"));
  if (k < 0) return undefined;
  const narrowed = inputs.map((v, i) => (i === k ? (v as Node).inputs[0] : v));
  const before = opTable.infer(
    op,
    inputs.map((v) => v.type),
    attrs,
  );
  const after = opTable.infer(
    op,
    narrowed.map((v) => v.type),
    attrs,
  );
  return sameShape(before.shape, after.shape) ? simplified(b, op, narrowed, attrs) : undefined;
};

/**
 * A contraction, or elementwise work on one: what an elementwise user could join as an epilogue. A weight's gradient
 * is read by updates, which are one kernel of their own.
 */
const endsInContraction = bottomUp<Value, boolean>(
  (value) => (value.kind === "node" && definitionOf(value.op).pattern === "elementwise" ? value.inputs : []),
  (value, ends) => {
    if (value.kind !== "node" || value.op === "conv2d_weight_grad") return false;
    const { pattern } = definitionOf(value.op);
    return pattern === "contraction" || (pattern === "elementwise" && value.inputs.some(ends));
  },
);

/** Whether a node among `inputs` is made of more than `known`, states and single numbers: an optimizer's update is not. */
function meetsActivation(inputs: readonly Value[], known: Value): boolean {
  const seen = new Set<Value>([known]);
  const open = inputs.filter(({ kind }) => kind === "node");
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value) || value.type.shape.length === 0) continue;
    seen.add(value);
    if (value.kind === "input" ? value.role === "input" : definitionOf(value.op).pattern !== "elementwise")
      return true;
    if (value.kind === "node") open.push(...value.inputs);
  }
  return false;
}

/** `f(reshape(a), b)` is `reshape(f(a, reshape(b)))`: elementwise f can then join the contraction `a`. */
const sinkReshape: Rule = (b, op, inputs, attrs) => {
  if (definitionOf(op).pattern !== "elementwise" || op === "broadcast_to" || op === "one_hot")
    return undefined;
  const reshaped = inputs.find((v) => isOp(v, "reshape") && endsInContraction(v.inputs[0]));
  if (reshaped === undefined) return undefined;
  // Only work that meets another activation is an epilogue; updates read their gradient through the view.
  if (!meetsActivation(inputs, reshaped)) return undefined;
  const { shape } = reshaped.type;
  if (!inputs.every((v) => v.type.shape.length === 0 || sameShape(v.type.shape, shape))) return undefined;
  const target = (reshaped as Node).inputs[0].type.shape;
  const moved = inputs.map((v) =>
    v.type.shape.length === 0 ? v : simplified(b, "reshape", [v], { shape: target }),
  );
  return simplified(b, "reshape", [b.node(op, moved, attrs)], { shape });
};

/**
 * `relu_grad(max_pool2d_grad(ct, winner(y)), y) = max_pool2d_grad(relu_grad(ct, max_pool2d(y)), winner(y))`:
 * a window's cotangent stands at its winner, whose value is the pooled output.
 */
const reluGradBehindPool: Rule = (b, op, [ct, y]) => {
  if (op !== "relu_grad" || !isOp(ct, "max_pool2d_grad")) return undefined;
  const [pooledCt, winner] = ct.inputs;
  if (!isOp(winner, "max_pool2d_argmax") || winner.inputs[0] !== y) return undefined;
  const pooled = b.node("max_pool2d", [y], winner.attrs);
  return b.node("max_pool2d_grad", [simplified(b, "relu_grad", [pooledCt, pooled], {}), winner], ct.attrs);
};

/** Summed over the plane, what max_pool2d_grad spreads is what it was given. */
const sumOfPoolGrad: Rule = (b, op, [x], attrs) => {
  if (op !== "sum" || !isOp(x, "max_pool2d_grad")) return undefined;
  const axes = ints(attrs, "axes");
  return axes.includes(2) && axes.includes(3) ? simplified(b, "sum", [x.inputs[0]], attrs) : undefined;
};

/** A sum of a reshape that only splits trailing axes is left alone; over axes of extent 1 it is a reshape. */
const sumOfUnitAxes: Rule = (b, op, [x], attrs) => {
  if (op !== "sum" || !ints(attrs, "axes").every((axis) => x.type.shape[axis] === 1)) return undefined;
  const { shape } = opTable.infer(op, [x.type], attrs);
  return simplified(b, "reshape", [x], { shape });
};

/** Behind autodiff nobody asks any more where gradients stop or which rule they follow. */
const dropMarks: Rule = (_b, op, [x]) => (definitionOf(op).computesNothing ? x : undefined);

const RULES: readonly Rule[] = [
  dropMarks,
  forgetEmpty,
  foldConstants,
  dropIdentity,
  dropDoubleNegation,
  mergeReshapes,
  broadcastScalar,
  absorbBroadcast,
  reluGradBehindPool,
  sinkReshape,
  sumOfPoolGrad,
  sumOfUnitAxes,
];
