/**
 * Where a graph reads at positions that other values give, and which of these must be checked when it runs: those that
 * are fed on the host, those that it computes by an output that tells of faults. The others are proved to be right.
 */

import { KilnError } from "../../src/core/errors.ts";
import { type IndexLimit, indexFaultName } from "../../src/core/index-limit.ts";
import { bodiesOf } from "../../src/ir/body.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { indexFault } from "../../src/ops/algebra.ts";
import type { Range } from "../../src/ops/definition.ts";
import { rangesOf } from "../../src/ops/ranges.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";

export interface CheckedGraph {
  /** The graph, with an output named by `indexFaultName` for each of `computed`. */
  readonly graph: Graph;
  /** By the name of an input, what it may hold. */
  readonly fed: ReadonlyMap<string, readonly IndexLimit[]>;
  /** What the outputs for computed indices are about, in order. */
  readonly computed: readonly IndexLimit[];
}

/** Finds out what `graph` needs to have checked, and gives it the outputs that this takes. */
export function withIndexChecks(graph: Graph): CheckedGraph {
  const ranges = rangesOf(graph);
  const fed = new Map<string, IndexLimit[]>();
  const computed = new Map<string, { readonly value: Value; readonly limit: IndexLimit }>();
  const ids = new Map<Value, number>();
  const idOf = (value: Value): number => {
    if (!ids.has(value)) ids.set(value, ids.size);
    return ids.get(value)!;
  };
  for (const node of graph.nodes) {
    for (const body of bodiesOf(node.attrs)) refuseIndices(body);
    const types = node.inputs.map(({ type }) => type);
    for (const { input, ...use } of definitionOf(node.op).indices?.(types, node.attrs) ?? []) {
      const value = unarranged(node.inputs[input]);
      if (node.inputs[input].type.shape.includes(0) || lies(ranges.get(value), use)) continue;
      const limit: IndexLimit = { ...use, op: node.op, origins: graph.origins.get(node) };
      const known = value.kind === "input" && value.role === "input" ? (fed.get(value.name) ?? []) : [];
      if (value.kind === "input" && value.role === "input") {
        if (!known.some((other) => isSame(other, limit))) fed.set(value.name, [...known, limit]);
        continue;
      }
      const key = `${idOf(value)} ${use.below} ${use.ignoreIndex}`;
      if (!computed.has(key)) computed.set(key, { value, limit });
    }
  }
  const checks = [...computed.values()];
  return { graph: withOutputs(graph, checks), fed, computed: checks.map(({ limit }) => limit) };
}

const isSame = (a: IndexLimit, b: IndexLimit): boolean =>
  a.below === b.below && a.ignoreIndex === b.ignoreIndex;

/** The value that holds the same elements in another order, however often. */
function unarranged(value: Value): Value {
  let base = value;
  while (base.kind === "node" && definitionOf(base.op).movement?.keepsAll) base = base.inputs[0];
  return base;
}

const lies = (range: Range | undefined, { below }: Pick<IndexLimit, "below">): boolean =>
  range !== undefined && range[0] >= 0 && range[1] < below;

function withOutputs(
  graph: Graph,
  checks: readonly { readonly value: Value; readonly limit: IndexLimit }[],
): Graph {
  if (checks.length === 0) return graph;
  const b = GraphBuilder.from(graph, opTable);
  const outputs = checks.map(({ value, limit }, k) => ({
    name: indexFaultName(k),
    value: b.at(limit.origins ?? [], () => indexFault(b, value, limit)),
  }));
  return b.build(graph.name, [...graph.outputs, ...outputs], graph.updates);
}

/** What a loop reads at positions is checked by nobody yet: only positions that are known to be right may stand in a body. */
function refuseIndices(body: Graph): void {
  const ranges = rangesOf(body);
  for (const { op, inputs, attrs } of body.nodes) {
    for (const inner of bodiesOf(attrs)) refuseIndices(inner);
    const types = inputs.map(({ type }) => type);
    for (const { input, ...use } of definitionOf(op).indices?.(types, attrs) ?? []) {
      if (inputs[input].type.shape.includes(0) || lies(ranges.get(unarranged(inputs[input])), use)) continue;
      throw new KilnError(
        `${op} in the body of a loop reads at positions that may be wrong, which cannot be checked there: move it out of the loop`,
        body.origins.get(inputs[input]),
      );
    }
  }
}
