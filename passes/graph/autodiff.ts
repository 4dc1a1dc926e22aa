/** Reverse-mode differentiation: one walk backwards over the graph, using nothing but the ops' vjp rules. */

import { isFloat } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";
import { broadcastShapes, formatShape, type Shape, sameShape, sizeOf } from "../../src/core/shape.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Input, Value } from "../../src/ir/types.ts";
import { add, broadcastTo, full, unbroadcast } from "../../src/ops/algebra.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
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
      const gradients = differentiate(graph, loss.value, wanted);
      return gradients;
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
  const b = GraphBuilder.from(graph, opTable);
  const active = dependents(graph, wanted);
  const cotangents = new Map<Value, Value>();
  const receive = (value: Value, cotangent: Value): void => {
    const fitted = fitTo(b, cotangent, value.type.shape);
    const sum = cotangents.get(value);
    cotangents.set(value, sum === undefined ? fitted : add(b, sum, fitted));
  };
  b.at(graph.origins.get(loss) ?? [], () => receive(loss, full(b, loss.type.shape, 1)));
  for (const node of [...graph.nodes].reverse()) {
    const cotangent = cotangents.get(node);
    if (cotangent === undefined || !active.has(node)) continue;
    b.at(graph.origins.get(node) ?? [], () => {
      const parts = definitionOf(node.op).vjp(b, cotangent, node.inputs, node, node.attrs);
      node.inputs.forEach((input, k) => {
        const part = parts[k];
        if (part !== undefined && active.has(input)) receive(input, part);
      });
    });
  }
  const gradients = wanted.flatMap((input) => {
    const value = cotangents.get(input);
    return value === undefined ? [] : [{ name: gradientName(input.name), value }];
  });
  return b.build(graph.name, [...graph.outputs, ...gradients], graph.updates);
}

/** Every value that depends on one of `sources`, sources included: where cotangents must flow. */
function dependents(graph: Graph, sources: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(sources);
  for (const node of graph.nodes) if (node.inputs.some((input) => active.has(input))) active.add(node);
  return active;
}

/** A cotangent in the shape of its value: summed where the value was broadcast, spread where it is smaller itself. */
function fitTo(b: GraphBuilder, cotangent: Value, shape: Shape): Value {
  const from = cotangent.type.shape;
  if (sameShape(from, shape)) return cotangent;
  const common = broadcastShapes(from, shape);
  const isSmaller = common !== undefined && sameShape(common, shape);
  return isSmaller ? broadcastTo(b, cotangent, shape) : unbroadcast(b, cotangent, shape);
}
