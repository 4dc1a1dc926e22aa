/**
 * Finds where a graph reads at indices that other values give, and which of these must be checked when it runs: fed
 * ones on the host, computed ones, in loops too, by an output that reports faults. The others are proved to be right.
 */

import { type IndexLimit, indexFaultName } from "../../src/core/index-limit.ts";
import { changedBodies } from "../../src/ir/body.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Graph, Input, Value } from "../../src/ir/types.ts";
import { indexFault, max } from "../../src/ops/algebra.ts";
import type { Range } from "../../src/ops/definition.ts";
import { rangesOf } from "../../src/ops/ranges.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";

export interface CheckedGraph {
  /** The graph, with an output named by `indexFaultName` for each of `computed`. */
  readonly graph: Graph;
  /** The limits of an input's numbers, by the name of the input. */
  readonly fed: ReadonlyMap<string, readonly IndexLimit[]>;
  /** The limits that the outputs for computed indices check, in order. */
  readonly computed: readonly IndexLimit[];
}

/** Finds out which indices of `graph` need to be checked, and adds the outputs for it. */
export function withIndexChecks(graph: Graph): CheckedGraph {
  const { graph: checked, open, limits } = observed(graph, ({ role }) => role === "input");
  const fed = new Map<string, IndexLimit[]>();
  for (const { value, limit } of open) {
    const known = fed.get(value.name) ?? [];
    if (!known.some((other) => isSame(other, limit))) fed.set(value.name, [...known, limit]);
  }
  return { graph: checked, fed, computed: limits };
}

/** Indices among the values of a graph, and their limits. */
interface Use<V extends Value = Value> {
  readonly value: V;
  readonly limit: IndexLimit;
}

interface Observed {
  /** The graph, with an output for each of `limits` after its own: a number that reports a fault. */
  readonly graph: Graph;
  readonly limits: readonly IndexLimit[];
  /** Inputs that the caller has to check. */
  readonly open: readonly Use<Input>[];
}

/** Has a graph report faults among its indices, except for those inputs that others check. */
function observed(given: Graph, isOpen: (input: Input) => boolean): Observed {
  const { graph, uses, faults } = withBodies(given);
  const ranges = rangesOf(graph);
  for (const node of graph.nodes) {
    const types = node.inputs.map(({ type }) => type);
    for (const { input, ...use } of definitionOf(node.op).indices?.(types, node.attrs) ?? [])
      uses.push({
        value: node.inputs[input],
        limit: { op: node.op, ...use, origins: graph.origins.get(node) },
      });
  }
  const open: Use<Input>[] = [];
  const b = GraphBuilder.from(graph, opTable);
  const seen = new Set<Value>(faults.map(({ value }) => value));
  for (const { value: shown, limit } of uses) {
    const value = unarranged(shown);
    if (shown.type.shape.includes(0) || lies(ranges.get(value), limit)) continue;
    if (value.kind === "input" && isOpen(value)) {
      open.push({ value, limit });
      continue;
    }
    const fault = b.at(limit.origins ?? [], () => indexFault(b, value, limit));
    if (!seen.has(fault)) faults.push({ value: fault, limit });
    seen.add(fault);
  }
  if (faults.length === 0) return { graph, limits: [], open };
  const outputs = faults.map(({ value }, k) => ({ name: indexFaultName(k), value }));
  return {
    graph: b.build(graph.name, [...graph.outputs, ...outputs], graph.updates),
    limits: faults.map(({ limit }) => limit),
    open,
  };
}

/**
 * The graph whose loops report faults among the indices that their bodies compute, as numbers of this graph, and the
 * indices that their bodies read and that come from outside of them.
 */
function withBodies(graph: Graph): { readonly graph: Graph; readonly uses: Use[]; readonly faults: Use[] } {
  const uses: Use[] = [];
  const faults: Use[] = [];
  if (graph.nodes.every(({ op }) => definitionOf(op).bodyInputs === undefined))
    return { graph, uses, faults };
  const rewritten = rewriteGraph(graph, opTable, (b, node, inputs) => {
    const places = definitionOf(node.op).bodyInputs?.(node.attrs);
    if (places === undefined) return b.node(node.op, inputs, node.attrs);
    const limits: IndexLimit[] = [];
    const attrs = changedBodies(node.attrs, (body) => {
      const inner = observed(body, (input) => places[body.inputs.indexOf(input)] !== undefined);
      limits.push(...inner.limits);
      for (const { value, limit } of inner.open)
        uses.push({ value: inputs[places[body.inputs.indexOf(value)]!], limit });
      return inner.graph;
    });
    const made = b.node(node.op, inputs, attrs);
    const found = limits.length === 0 ? [] : b.results(made).slice(-limits.length);
    for (const [k, value] of found.entries()) {
      // Without iterations nothing is read.
      if (!value.type.shape.includes(0)) faults.push({ value: max(b, value, [0]), limit: limits[k] });
    }
    return made;
  });
  return { graph: rewritten, uses, faults };
}

const isSame = (a: IndexLimit, b: IndexLimit): boolean =>
  a.below === b.below && a.least === b.least && a.ignoreIndex === b.ignoreIndex;

/** The value before any reordering of its elements. */
function unarranged(value: Value): Value {
  let base = value;
  while (base.kind === "node" && definitionOf(base.op).movement?.keepsAll) base = base.inputs[0];
  return base;
}

const lies = (range: Range | undefined, { below, least = 0 }: Pick<IndexLimit, "below" | "least">): boolean =>
  range !== undefined && range[0] >= least && range[1] < below;
