/** Loops written out iteration by iteration, which a `scan` must agree with. */

import { producerOf, resultIndex } from "../../src/ir/body.ts";
import type { GraphBuilder } from "../../src/ir/builder.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { loopOf } from "../../src/ops/loop.ts";
import { opTable } from "../../src/ops/registry.ts";

/** The graph without loops. */
export function unrolled(graph: Graph): Graph {
  const results = new Map<Value, readonly Value[]>();
  return rewriteGraph(graph, opTable, (b, node, inputs) => {
    const loop = results.get(producerOf(node));
    if (loop !== undefined) return loop[resultIndex(node)];
    if (node.op !== "scan") return b.node(node.op, inputs, node.attrs);
    results.set(node, iterate(b, node, inputs));
    return results.get(node)![0];
  });
}

function iterate(b: GraphBuilder, node: Node, inputs: readonly Value[]): readonly Value[] {
  const { body, carried, stacked, iterations, descending } = loopOf(node.attrs);
  let values = inputs.slice(0, carried);
  const stacks: Value[][] = body.outputs.slice(carried).map(() => []);
  for (let k = 0; k < iterations; k++) {
    const at = descending ? iterations - 1 - k : k;
    const elements = inputs.slice(carried, carried + stacked).map((x) => elementOf(b, x, at));
    const given = applied(b, body, [...values, ...elements, ...inputs.slice(carried + stacked)]);
    values = given.slice(0, carried);
    given.slice(carried).forEach((value, n) => {
      const row = b.node("reshape", [value], { shape: [1, ...value.type.shape] });
      if (descending) stacks[n].unshift(row);
      else stacks[n].push(row);
    });
  }
  return [
    ...values,
    ...stacks.map((rows, n) => {
      if (rows.length > 0) return b.node("cat", rows, { axis: 0 });
      const { dtype, shape } = body.outputs[carried + n].value.type;
      return b.node("broadcast_to", [b.constant(0, dtype)], { shape: [0, ...shape] });
    }),
  ];
}

function elementOf(b: GraphBuilder, x: Value, at: number): Value {
  const [, ...shape] = x.type.shape;
  const starts = [at, ...shape.map(() => 0)];
  const row = b.node("slice", [x], { starts, stops: [at + 1, ...shape], steps: starts.map(() => 1) });
  return b.node("reshape", [row], { shape });
}

function applied(b: GraphBuilder, body: Graph, inputs: readonly Value[]): readonly Value[] {
  const values = new Map<Value, Value>(body.inputs.map((input, k) => [input, inputs[k]]));
  const results = new Map<Value, readonly Value[]>();
  for (const node of body.nodes) {
    const own = node.inputs.map((value) => values.get(value)!);
    if (node.op === "scan") results.set(node, iterate(b, node, own));
    const loop = results.get(producerOf(node));
    values.set(node, loop?.[resultIndex(node)] ?? b.node(node.op, own, node.attrs));
  }
  return body.outputs.map(({ value }) => values.get(value)!);
}
