/**
 * The roles of a model's initializers. One is a parameter if it holds floats, has at least one axis, and an operator
 * reads it as a weight, possibly rearranged; batch normalisation's running statistics are buffers; all others are
 * constants. If PyTorch's exporter has written which were parameters, that counts; an initializer that it does not
 * mention is not a parameter if all its numbers are equal, as in a constant of an operation.
 */

import { sizeOf } from "../core/shape.ts";
import { isFloating } from "./element-types.ts";
import type { Node, OnnxFunction, OnnxGraph } from "./graph.ts";
import { findOperator } from "./operators/registry.ts";

export type Role = "parameter" | "buffer" | "constant";

/** The role of each initializer of a graph by name. */
export function rolesOf(graph: OnnxGraph, functions: readonly OnnxFunction[]): ReadonlyMap<string, Role> {
  const reads = new Reads(functions);
  reads.graph(graph, new Map([...graph.initializers.keys()].map((name) => [name, name])));
  return new Map(
    [...graph.initializers].map(([name, { type, shape, data }]) => {
      const mark = graph.marks.get(name);
      if (!isFloating(type) || sizeOf(shape) === 0) return [name, "constant"];
      if (mark !== undefined) return [name, mark];
      if (reads.statistics.has(name)) return [name, "buffer"];
      const isVaried = graph.marks.size === 0 || data.some((number) => number !== data[0]);
      return [name, reads.weights.has(name) && shape.length > 0 && isVaried ? "parameter" : "constant"];
    }),
  );
}

/** Initializers by the names under which a graph reads them. */
type Sources = Map<string, string>;

/** Follows initializers to the operators that read them. */
class Reads {
  readonly weights = new Set<string>();
  readonly statistics = new Set<string>();
  private readonly functions: readonly OnnxFunction[];

  constructor(functions: readonly OnnxFunction[]) {
    this.functions = functions;
  }

  graph({ nodes }: Pick<OnnxGraph, "nodes">, sources: Sources): void {
    for (const node of nodes) this.node(node, sources);
  }

  private node(node: Node, sources: Sources): void {
    for (const { kind, value } of node.attributes.values())
      if (kind === "graph") this.graph(value, new Map(sources));
    const called = this.functions.find(({ name, domain }) => name === node.op && domain === node.domain);
    if (called !== undefined) {
      const passed: Sources = new Map();
      for (const [k, name] of called.inputs.entries()) {
        const source = sources.get(node.inputs[k] ?? "");
        if (source !== undefined) passed.set(name, source);
      }
      this.graph(called, passed);
      return;
    }
    const operator = findOperator(node.domain, node.op);
    for (const [k, input] of node.inputs.entries()) {
      const source = sources.get(input);
      if (source === undefined) continue;
      if (operator?.weights?.includes(k)) this.weights.add(source);
      if (operator?.statistics?.includes(k)) this.statistics.add(source);
      if (operator?.moves && k === 0) for (const output of node.outputs) sources.set(output, source);
    }
  }
}
