/** Graphs and kernels that count how often their parts are visited: a bound on visits holds on any machine. */

import type { Graph, Node, Value } from "../../src/ir/types.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { children, mapChildren, mapExpressions } from "../../src/loop/walk.ts";

export interface Counted<T> {
  readonly counted: T;
  /** The number of different parts. */
  readonly parts: number;
  /** How often one of them was visited so far. */
  visits(): number;
}

/** The kernel with expressions whose kind counts how often it is asked for. */
export function countedKernel(kernel: Kernel): Counted<Kernel> {
  let visits = 0;
  const copies = new Map<Expr, Expr>();
  const copy = (e: Expr): Expr => {
    let result = copies.get(e);
    if (result === undefined) {
      const { kind, ...rest } = children(e).length === 0 ? e : mapChildren(e, copy);
      const get = (): string => {
        visits++;
        return kind;
      };
      result = Object.defineProperty({ ...rest }, "kind", { get, enumerable: true }) as Expr;
      copies.set(e, result);
    }
    return result;
  };
  const counted = { ...kernel, body: mapExpressions(kernel.body, copy) };
  return { counted, parts: copies.size, visits: () => visits };
}

/** The graph with nodes whose inputs count how often they are asked for. */
export function countedGraph(graph: Graph): Counted<Graph> {
  let visits = 0;
  const copies = new Map<Value, Value>(graph.inputs.map((input) => [input, input]));
  const of = <V extends Value>(value: V): V => copies.get(value) as V;
  for (const node of graph.nodes) {
    const { inputs: own, ...rest } = node;
    const inputs = own.map(of);
    const get = (): readonly Value[] => {
      visits++;
      return inputs;
    };
    copies.set(node, Object.defineProperty({ ...rest }, "inputs", { get, enumerable: true }) as Node);
  }
  const counted: Graph = {
    ...graph,
    nodes: graph.nodes.map(of),
    outputs: graph.outputs.map((output) => ({ ...output, value: of(output.value) })),
    updates: graph.updates.map((update) => ({ ...update, value: of(update.value) })),
    origins: new Map([...graph.origins].map(([value, origins]) => [of(value), origins])),
    ...(graph.partition && {
      partition: {
        kept: graph.partition.kept.map(of),
        recomputed: graph.partition.recomputed.map(of),
      },
    }),
    ...(graph.groups && {
      groups: graph.groups.map((group) => ({
        ...group,
        nodes: group.nodes.map(of),
        stores: group.stores.map(of),
      })),
    }),
    ...(graph.views && { views: graph.views.map(({ node, base }) => ({ node: of(node), base: of(base) })) }),
    ...(graph.layouts && {
      layouts: graph.layouts.map(({ value, layout }) => ({ value: of(value), layout })),
    }),
  };
  return { counted, parts: graph.nodes.length, visits: () => visits };
}
