/** The graph verifier: re-infers every node and checks order, outputs, updates and annotations. */

import { InternalError } from "../core/errors.ts";
import { isLayout } from "../core/layout.ts";
import { sameShape } from "../core/shape.ts";
import { bodiesOf, resultsOf } from "./body.ts";
import { printGraph, printResults, printType } from "./print.ts";
import type { Graph, Node, NodeType, OpTable, TensorType, Value } from "./types.ts";

/** Throws an {@link InternalError} that prints the lines around the fault. */
export function verifyGraph(graph: Graph, table: OpTable): void {
  const known = new Set<Value>(graph.inputs);
  graph.nodes.forEach((node, index) => {
    const fail = (why: string): never => {
      throw new InternalError(`node %${index} (${node.op}): ${why}\n${neighbourhood(graph, index)}`);
    };
    if (known.has(node)) fail("stands twice in the graph");
    if (!table.has(node.op)) fail("is not a known op");
    for (const input of node.inputs)
      if (!known.has(input)) fail("uses a value that is not defined before it");
    const inferred = inferOr(table, node, fail);
    if (!sameResults(inferred, node.type))
      fail(`has type ${printResults(node.type)}, inferred ${printResults(inferred)}`);
    for (const body of bodiesOf(node.attrs)) verifyGraph(body, table);
    known.add(node);
  });
  const check = (value: Value, what: string): void => {
    if (!known.has(value)) throw new InternalError(`${what} of graph ${graph.name} is not a value of it`);
  };
  for (const { name, value } of graph.outputs) check(value, `output ${name}`);
  for (const { target, value } of graph.updates) {
    check(target, `update target ${target.name}`);
    check(value, `update of ${target.name}`);
    if (target.role !== "state") throw new InternalError(`update of ${target.name}, which is no state`);
    if (!sameType(target.type, value.type)) {
      throw new InternalError(
        `update of ${target.name}: ${printType(target.type)} = ${printType(value.type)}`,
      );
    }
  }
  const stored = new Set<Value>();
  for (const group of graph.groups ?? []) {
    for (const node of group.nodes) check(node, `a node of group ${group.name}`);
    for (const node of group.stores) {
      if (!group.nodes.includes(node))
        throw new InternalError(`group ${group.name} stores a node it does not hold`);
      if (stored.has(node))
        throw new InternalError(`group ${group.name} stores a node that another group stores`);
      stored.add(node);
    }
  }
  for (const { node, base } of graph.views ?? []) {
    check(node, "a view");
    check(base, "the base of a view");
  }
  for (const { value, layout } of graph.layouts ?? []) {
    check(value, "a value with a layout");
    if (!isLayout(layout, value.type.shape.length))
      throw new InternalError(`[${layout}] is no layout of ${printType(value.type)}`);
  }
}

/** The inferred type; what the op's own rule says against its inputs is the fault to report. */
function inferOr(table: OpTable, node: Node, fail: (why: string) => never): NodeType {
  const types = node.inputs.map((v) => v.type);
  try {
    return table.infer(node.op, types, node.attrs);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** Whether nodes of these types have the same results. */
export function sameResults(a: NodeType, b: NodeType): boolean {
  const [left, right] = [resultsOf(a), resultsOf(b)];
  return left.length === right.length && left.every((type, k) => sameType(type, right[k]));
}

function neighbourhood(graph: Graph, index: number): string {
  const lines = printGraph(graph).split("\n");
  return lines.slice(Math.max(0, index - 4), index + 6).join("\n");
}
