/**
 * Decides what the forward pass keeps for the backward pass and what is computed again: of all values between what has to
 * be kept and what the backward pass reads, those that take the least memory (a minimum cut, as in PyTorch's AOTAutograd;
 * trading arithmetic for memory: Chen et al., 2016). What is computed again is computed where it is read, so only work on
 * single elements or rows is; results of contractions and windows are never computed twice, and neither is what some op
 * compares: computed twice it may differ in its last bit.
 */

import { byteSize } from "../../src/core/dtype.ts";
import { VertexCut } from "../../src/core/min-cut.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { producerOf } from "../../src/ir/body.ts";
import { isConstant } from "../../src/ir/builder.ts";
import { reachable, usersOf } from "../../src/ir/rewrite.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { isCheapIn, isCompared } from "../fusion/cheap.ts";
import type { Pass } from "../pass.ts";

export const partition: Pass<Graph, Graph> = {
  name: "partition",
  doc: "Names the forward values that the backward pass reads (`keep`) and those it computes again (`recompute`).",
  run(graph) {
    if (graph.updates.length === 0 && graph.outputs.length < 2) return graph;
    return { ...graph, partition: new Partition(graph).cut() };
  },
};

/** A value that is stored, and what it shows in another shape. */
function shownBy(node: Node): readonly Node[] {
  const [base] = node.inputs;
  return definitionOf(node).pattern === "view" && base.kind !== "input" ? [node, ...shownBy(base)] : [node];
}

class Partition {
  private readonly graph: Graph;
  private readonly users: ReadonlyMap<Value, readonly Node[]>;
  private readonly outputs: ReadonlySet<Value>;
  private readonly forward: ReadonlySet<Value>;
  private readonly cutter = new VertexCut();
  /** The values that may be cut, and their vertices. */
  private readonly vertices = new Map<Node, number>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.users = usersOf(graph);
    this.outputs = new Set(graph.outputs.map(({ value }) => value));
    const forward = new Set<Value>(reachable(graph.outputs.slice(0, 1).map(({ value }) => value)));
    // What an op gives for the backward pass's sake, such as where a pool's maxima stand, is computed along with the rest.
    for (const node of graph.nodes) if (forward.has(producerOf(node))) forward.add(node);
    this.forward = forward;
  }

  cut(): NonNullable<Graph["partition"]> {
    const crossing = this.graph.nodes.filter((node) => this.crosses(node) && !isConstant(node));
    const stored = crossing.filter((node) => this.isStored(node));
    const inMemory = new Set(stored.flatMap(shownBy));
    for (const node of crossing) if (!inMemory.has(node)) this.cutter.sink(this.vertexOf(node, inMemory));
    const vertices = [...this.vertices.keys()];
    const kept = new Set([...stored, ...this.cutter.cheapest().map((vertex) => vertices[vertex])]);
    const recomputed = new Set<Node>();
    const compute = (value: Value): void => {
      if (value.kind === "input" || kept.has(value) || recomputed.has(value) || isConstant(value)) return;
      recomputed.add(value);
      value.inputs.forEach(compute);
    };
    crossing.forEach(compute);
    return {
      kept: this.graph.nodes.filter((node) => kept.has(node)),
      recomputed: this.graph.nodes.filter((node) => recomputed.has(node)),
    };
  }

  private crosses(node: Node): boolean {
    return this.forward.has(node) && this.usersOf(node).some((user) => !this.forward.has(user));
  }

  /** Whether a value lies in memory in any case: it cannot be computed again, or what reads it cannot do so where it does. */
  private isStored(node: Node): boolean {
    const users = this.usersOf(node);
    const { pattern } = definitionOf(node);
    return (
      (pattern !== "elementwise" && pattern !== "row") ||
      this.outputs.has(node) ||
      isCompared(node, users) ||
      users.some((user) => !isCheapIn(node, user))
    );
  }

  /** The vertex of a value, with all that it can be computed from; what is `inMemory` already costs nothing to read. */
  private vertexOf(node: Node, inMemory: ReadonlySet<Node>): number {
    const known = this.vertices.get(node);
    if (known !== undefined) return known;
    const isStored = this.isStored(node);
    // A row-wise op such as log_softmax would take a kernel of its own as well as memory: it is always computed again.
    const isRow = definitionOf(node).pattern === "row" && !isStored;
    const bytes = sizeOf(node.type.shape) * byteSize(node.type.dtype);
    const vertex = this.cutter.vertex(isRow ? Number.POSITIVE_INFINITY : bytes);
    this.vertices.set(node, vertex);
    if (isStored) {
      this.cutter.source(vertex);
      return vertex;
    }
    for (const input of node.inputs) {
      if (input.kind === "input" || isConstant(input) || inMemory.has(input)) continue;
      this.cutter.edge(this.vertexOf(input, inMemory), vertex);
    }
    return vertex;
  }

  private usersOf(node: Node): readonly Node[] {
    return this.users.get(node) ?? [];
  }
}
