/**
 * Folds constants and applies algebra to the graph: the `rewrites` of each op's definition, and rules that hold
 * for all ops of a kind. The most important of these: reshapes sink below
 * elementwise ops, so that what remains of them is a view between two kernels.
 */

import { PUBLIC_DTYPES } from "../../src/core/dtype.ts";
import { sameShape } from "../../src/core/shape.ts";
import { bottomUp } from "../../src/core/topological.ts";
import { CONSTANT, constantOf, type GraphBuilder } from "../../src/ir/builder.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Attrs, Graph, Node, NodeType, Value } from "../../src/ir/types.ts";
import { full, reshape } from "../../src/ops/algebra.ts";
import type { Rewriter } from "../../src/ops/definition.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";

export const simplify: Pass<Graph, Graph> = {
  name: "simplify",
  doc: "Folds constants, removes ops that change nothing, moves relu's gradient behind max-pooling and sinks reshapes.",
  run: (graph) =>
    rewriteGraph(graph, opTable, (b, node, inputs) => simplified(b, node.op, inputs, node.attrs)),
};

type Rule = (b: GraphBuilder, op: string, inputs: readonly Value[], attrs: Attrs) => Value | undefined;

/** Applies the first rule that fits; the nodes that a rule builds go through the rules again. */
function simplified(b: GraphBuilder, op: string, inputs: readonly Value[], attrs: Attrs): Value {
  // An op with several results must stay what it is, for all its readers.
  if (definitionOf(op).furtherResults !== undefined) return b.node(op, inputs, attrs);
  for (const rule of RULES) {
    const result = rule(b, op, inputs, attrs);
    if (result !== undefined) return result;
  }
  return b.node(op, inputs, attrs);
}

const simplifying = (b: GraphBuilder): Rewriter => ({
  node: (op, inputs, attrs = {}) => simplified(b, op, inputs, attrs),
});

const inferred = (op: string, inputs: readonly Value[], attrs: Attrs): NodeType =>
  opTable.infer(
    op,
    inputs.map((v) => v.type),
    attrs,
  );

/** A value without elements is replaced by an empty one: its operands are not needed. */
const forgetEmpty: Rule = (b, op, inputs, attrs) => {
  if (inputs.length === 0) return undefined;
  const { dtype, shape, others } = inferred(op, inputs, attrs);
  if (others !== undefined) return undefined;
  const isMade = definitionOf(op).movement?.isBroadcast && constantOf(inputs[0]) !== undefined;
  // Winners of pools have a type that constants do not have.
  return isMade || !PUBLIC_DTYPES.includes(dtype) || !shape.includes(0)
    ? undefined
    : full(b, shape, 0, dtype);
};

const foldConstants: Rule = (b, op, inputs, attrs) => {
  const definition = definitionOf(op);
  if (op === CONSTANT || inputs.length === 0 || definition.pattern !== "elementwise") return undefined;
  if (!inputs.every((v) => constantOf(v) !== undefined && v.type.shape.length === 0)) return undefined;
  const type = inferred(op, inputs, attrs);
  if (type.shape.length !== 0) return undefined;
  const values = inputs.map((v) => ({ shape: [], data: Float64Array.of(constantOf(v)!) }));
  return b.constant(definition.reference(values, type, attrs).data[0], type.dtype);
};

/** The op's own algebra. */
const rewrite: Rule = (b, op, inputs, attrs) => {
  const to = simplifying(b);
  for (const rule of definitionOf(op).rewrites ?? []) {
    const result = rule(to, inputs, attrs);
    if (result !== undefined) return result;
  }
  return undefined;
};

/** A broadcast that an elementwise op would do by itself need not be spelled out. */
const absorbBroadcast: Rule = (b, op, inputs, attrs) => {
  const { pattern, needsEqualShapes } = definitionOf(op);
  if (inputs.length < 2 || pattern !== "elementwise" || needsEqualShapes) return undefined;
  const k = inputs.findIndex((v) => v.kind === "node" && definitionOf(v.op).movement?.isBroadcast);
  if (k < 0) return undefined;
  const narrowed = inputs.map((v, i) => (i === k ? (v as Node).inputs[0] : v));
  const before = inferred(op, inputs, attrs);
  const after = inferred(op, narrowed, attrs);
  return sameShape(before.shape, after.shape) ? simplified(b, op, narrowed, attrs) : undefined;
};

/**
 * A contraction, or elementwise work on one, which an elementwise user could join as an epilogue. A weight's gradient
 * is read by updates, which are one kernel of their own.
 */
const endsInContraction = bottomUp<Value, boolean>(
  (value) => (value.kind === "node" && definitionOf(value.op).pattern === "elementwise" ? value.inputs : []),
  (value, ends) => {
    if (value.kind !== "node") return false;
    const { pattern, isWeightGradient } = definitionOf(value.op);
    if (isWeightGradient) return false;
    return pattern === "contraction" || (pattern === "elementwise" && value.inputs.some(ends));
  },
);

/** Whether an input depends on more than `known`, states and single numbers: an optimizer's update does not. */
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
  const { pattern, shapedByAttributes } = definitionOf(op);
  if (pattern !== "elementwise" || shapedByAttributes) return undefined;
  const reshaped = inputs.find((v): v is Node => isView(v) && endsInContraction(v.inputs[0]));
  if (reshaped === undefined) return undefined;
  // Only work that meets another activation is an epilogue; updates read their gradient through the view.
  if (!meetsActivation(inputs, reshaped)) return undefined;
  const { shape } = reshaped.type;
  if (!inputs.every((v) => v.type.shape.length === 0 || sameShape(v.type.shape, shape))) return undefined;
  const target = reshaped.inputs[0].type.shape;
  const to = simplifying(b);
  const moved = inputs.map((v) => (v.type.shape.length === 0 ? v : reshape(to, v, target)));
  return reshape(to, b.node(op, moved, attrs), shape);
};

const isView = (value: Value): value is Node =>
  value.kind === "node" && definitionOf(value.op).pattern === "view";

/** After autodiff, marks that stop gradients or change their rule have no purpose. */
const dropMarks: Rule = (_b, op, [x]) => (definitionOf(op).computesNothing ? x : undefined);

const RULES: readonly Rule[] = [dropMarks, forgetEmpty, foldConstants, rewrite, absorbBroadcast, sinkReshape];
