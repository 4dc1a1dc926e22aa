/** Reverse-mode differentiation: one walk backwards over the graph, using nothing but the ops' vjp rules. */

import { isFloat } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";
import { formatShape, sizeOf } from "../../src/core/shape.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Graph, Input, Node, Value } from "../../src/ir/types.ts";
import { full } from "../../src/ops/algebra.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import { dependents, pullBack } from "../../src/ops/reverse.ts";
import type { Pass, StageInfo } from "../pass.ts";

/** The name under which the gradient for the state `name` is an output. */
export const gradientName = (name: string): string => `grad.${name}`;

export const AUTODIFF: StageInfo = {
  name: "autodiff",
  doc: "Derives the gradients of the loss for every parameter, by a reverse walk over the ops' vjp rules.",
};

/**
 * Differentiates the graph's only output, a scalar loss, for the states named in `parameters`. The result
 * returns the loss and one output `grad.NAME` for each parameter that the loss depends on.
 */
export function autodiff(parameters: readonly string[]): Pass<Graph, Graph> {
  return {
    ...AUTODIFF,
    run(graph) {
      const wanted = graph.inputs.filter(
        (input) => input.role === "state" && parameters.includes(input.name),
      );
      const [loss] = graph.outputs;
      return differentiate(graph, loss.value, wanted);
    },
  };
}

function differentiate(graph: Graph, loss: Value, wanted: readonly Input[]): Graph {
  if (!isFloat(loss.type.dtype) || sizeOf(loss.type.shape) !== 1) {
    throw new KilnError(
      `the loss must be a single float32 number but is ${loss.type.dtype}${formatShape(loss.type.shape)}: ` +
        "reduce it with mean or sum",
      graph.origins.get(loss),
    );
  }
  const prepared = withSaved(graph, wanted);
  const b = GraphBuilder.from(prepared, opTable);
  const root = prepared.outputs[0].value;
  const seed = b.at(prepared.origins.get(root) ?? [], () => full(b, root.type.shape, 1));
  const found = pullBack(b, prepared, [[root, seed]], dependents(prepared.nodes, wanted));
  const gradients = wanted.flatMap((input) => {
    const value = found.get(input);
    return value === undefined ? [] : [{ name: gradientName(input.name), value }];
  });
  return b.build(prepared.name, [...prepared.outputs, ...gradients], prepared.updates);
}

/** The cotangents that differentiating a graph gives. */
export interface Cotangents {
  /** The graph with the nodes that the gradients add. */
  readonly graph: Graph;
  /** By the index of each value that was asked for; `undefined` if no cotangent reaches it. */
  readonly values: readonly (Value | undefined)[];
}

/**
 * Propagates cotangents back through a graph whose first outputs are the `seeds.length` values they belong to, and
 * whose other outputs are the values to differentiate for. A seed is a value of the graph; if undefined, it is ones.
 */
export function cotangents(graph: Graph, seeds: readonly (Value | undefined)[]): Cotangents {
  const wantedOf = ({ outputs }: Graph): Value[] => outputs.slice(seeds.length).map(({ value }) => value);
  const prepared = withSaved(graph, wantedOf(graph));
  const b = GraphBuilder.from(prepared, opTable);
  const arriving = seeds.map((seed, k): [Value, Value] => {
    const { value } = prepared.outputs[k];
    return [value, seed ?? b.at(prepared.origins.get(value) ?? [], () => full(b, value.type.shape, 1))];
  });
  const wanted = wantedOf(prepared);
  const found = pullBack(b, prepared, arriving, dependents(prepared.nodes, wanted));
  return { graph: b.build(prepared.name, []), values: wanted.map((value) => found.get(value)) };
}

/** The graph in which ops that are differentiated have the results that their gradients read. */
function withSaved(graph: Graph, wanted: readonly Value[]): Graph {
  const active = dependents(graph.nodes, wanted);
  const saves = (node: Node): boolean => active.has(node) && definitionOf(node.op).saving !== undefined;
  if (!graph.nodes.some(saves)) return graph;
  return rewriteGraph(graph, opTable, (b, node, inputs) => {
    const same = b.node(node.op, inputs, node.attrs);
    return saves(node) ? definitionOf(node.op).saving!(b, same) : same;
  });
}
