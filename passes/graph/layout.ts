/**
 * Decides how values are laid out in memory: reshapes become views of the buffer they read, and for backends with
 * vectors a convolution's weights have their channels innermost. Everything that an update combines with them
 * (gradients, moments, sums of gradients) has the same layout, so that the update stays one flat loop.
 */

import { isRowMajor, type Layout, rowMajor } from "../../src/core/layout.ts";
import { sameShape } from "../../src/core/shape.ts";
import { topologicalOrder } from "../../src/core/topological.ts";
import type { Arrangement, Graph, Input, Node, Value, View } from "../../src/ir/types.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { baseOf } from "../lowering/commit.ts";
import type { Pass, StageInfo } from "../pass.ts";

export const LAYOUT: StageInfo = {
  name: "layout",
  doc: "Turns reshapes into views, and chooses the memory layout of parameters and everything that updates them.",
};

/** Layouts of states by name. */
export type StateLayouts = ReadonlyMap<string, Layout>;

/** `known` are the layouts of states that other programs have fixed; a program has to take those. */
export function layout(
  { vectorWidth }: Pick<Capabilities, "vectorWidth">,
  known: StateLayouts = new Map(),
): Pass<Graph, Graph> {
  return {
    ...LAYOUT,
    run(graph) {
      const views = viewsOf(graph);
      const layouts = vectorWidth === 1 ? [] : arrangementsOf(graph, known, views);
      return {
        ...graph,
        ...(views.length > 0 && { views }),
        ...(layouts.length > 0 && { layouts }),
      };
    },
  };
}

/** The reshapes that are read in memory: those inside a group become part of its index arithmetic. */
function viewsOf(graph: Graph): View[] {
  const inside = new Set((graph.groups ?? []).flatMap(({ nodes }) => nodes));
  return graph.nodes
    .filter((node) => definitionOf(node.op).pattern === "view" && !inside.has(node))
    .map((node) => ({ node, base: baseOf(node) }));
}

function arrangementsOf(graph: Graph, known: StateLayouts, views: readonly View[]): Arrangement[] {
  const chosen = new Map<Value, Layout>();
  const wishes = wishesOf(graph);
  const knownOf = (value: Value): Layout | undefined =>
    value.kind === "input" && value.role === "state" ? known.get(value.name) : undefined;
  for (const family of familiesOf(graph)) {
    const settled = family.map(knownOf).find((layout) => layout !== undefined);
    const wished = family.map((value) => wishes.get(value)).find((layout) => layout !== undefined);
    const common = settled ?? wished;
    for (const value of family) {
      const own = knownOf(value) ?? common ?? rowMajor(value.type.shape.length);
      if (!isRowMajor(value.type.shape, own)) chosen.set(value, own);
    }
  }
  const outside = new Set<Value>([
    ...graph.outputs.map(({ value }) => baseOf(value)),
    ...views.map(({ base }) => base),
    ...graph.nodes.flatMap(inOrder),
  ]);
  const stored = new Set<Value>((graph.groups ?? []).flatMap(({ stores }) => stores));
  const states = graph.inputs.filter((input) => chosen.has(input));
  const nodes = graph.nodes.filter((node) => chosen.has(node) && stored.has(node) && !outside.has(node));
  return [...states, ...nodes].map((value) => ({ value, layout: chosen.get(value)! }));
}

/** The layouts that the kernels of ops prefer for their operands: the first op in the graph decides. */
function wishesOf(graph: Graph): ReadonlyMap<Value, Layout> {
  const wishes = new Map<Value, Layout>();
  for (const { op, inputs } of graph.nodes) {
    definitionOf(op).wantedLayouts?.forEach((layout, k) => {
      if (layout !== undefined && !wishes.has(inputs[k])) wishes.set(inputs[k], layout);
    });
  }
  return wishes;
}

/** What a loop reads and its results: iterations walk through them element by element. */
function inOrder(node: Node): readonly Value[] {
  return definitionOf(node).pattern === "loop" ? [node, ...node.inputs.map(baseOf)] : [];
}

/** States grouped by the updates that combine them element by element: a parameter, its gradient, its moments. */
function familiesOf(graph: Graph): Value[][] {
  const families = new Map<Value, Set<Value>>();
  const join = (a: Value, b: Value): void => {
    const merged = new Set([...(families.get(a) ?? [a]), ...(families.get(b) ?? [b])]);
    for (const value of merged) families.set(value, merged);
  };
  for (const input of graph.inputs) if (input.role === "state") join(input, input);
  for (const { target, value } of graph.updates)
    for (const part of combinedIn(value, target)) join(target, part);
  return [...new Set(families.values())].map((family) => [...family]);
}

/** The states and nodes of the target's shape that feed into it element by element. */
function combinedIn(value: Value, target: Input): Set<Value> {
  const takesPart = (v: Value): boolean =>
    sameShape(v.type.shape, target.type.shape) && (v.kind === "node" || v.role === "state");
  if (!takesPart(value)) return new Set();
  const parts = topologicalOrder<Value>([value], (v) =>
    v.kind === "node" && definitionOf(v.op).pattern === "elementwise" ? v.inputs.filter(takesPart) : [],
  );
  return new Set(parts);
}
