/**
 * Decides what the forward pass keeps for the backward pass and what is recomputed: of all cuts between the values that
 * have to be kept and those that the backward pass reads, the one of least memory (a minimum cut, as in PyTorch's
 * AOTAutograd; trading arithmetic for memory: Chen et al., 2016). Recomputation happens where the value is read, so
 * only work on single elements or rows is recomputed; results of contractions and windows never are, and neither are
 * operands of comparisons: computed twice they may differ in the last bit. A product of the backward pass recomputes a
 * factor as it packs it, if that takes next to no arithmetic; and small statistics that describe rows, such as their
 * deviation, are kept instead of the rows.
 */

import { byteSize } from "../../src/core/dtype.ts";
import { VertexCut } from "../../src/core/min-cut.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { producerOf } from "../../src/ir/body.ts";
import { isConstant } from "../../src/ir/builder.ts";
import { usersOf } from "../../src/ir/rewrite.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { workOf } from "../../src/ops/work.ts";
import { isCheapIn, isCompared, isSmallBeside, isView, reducesAcross } from "../fusion/cheap.ts";
import { forwardOf } from "../fusion/forward.ts";
import type { Pass } from "../pass.ts";

export const partition: Pass<Graph, Graph> = {
  name: "partition",
  doc: "Names the forward values that the backward pass reads (`keep`) and those it recomputes (`recompute`).",
  run(graph) {
    if (graph.updates.length === 0 && graph.outputs.length < 2) return graph;
    const forward = forwardOf(graph);
    const ordered = { ...graph, nodes: inTime(graph, forward) };
    return { ...ordered, partition: new Partition(ordered, forward).cut() };
  },
};

/** A product recomputes a factor that takes this many times less arithmetic than the product itself. */
const LEAST_ARITHMETIC = 128;

/** The longest chain of elementwise work that is recomputed for a product. */
const MOST_STEPS = 8;

/** A stored value, and the value it is a reshape of. */
function shownBy(node: Node): readonly Node[] {
  const [base] = node.inputs;
  return definitionOf(node).pattern === "view" && base.kind !== "input" ? [node, ...shownBy(base)] : [node];
}

/**
 * The nodes in an order in which those of the forward pass come
 * as early as possible, even if a gradient asked for them.
 */
function inTime({ nodes }: Graph, forward: ReadonlySet<Value>): readonly Node[] {
  const begin = nodes.findIndex((node) => !forward.has(node));
  const times = new Map<Value, number>();
  nodes.forEach((node, k) => {
    const ready = Math.max(-1, ...node.inputs.map((input) => times.get(input) ?? -1));
    // A further result comes with the first one.
    const isHurried = begin >= 0 && k > begin && forward.has(node) && producerOf(node) === node;
    times.set(node, isHurried ? ready : k);
  });
  return [...nodes].sort((a, b) => times.get(a)! - times.get(b)!);
}

class Partition {
  private readonly graph: Graph;
  private readonly users: ReadonlyMap<Value, readonly Node[]>;
  private readonly outputs: ReadonlySet<Value>;
  private readonly forward: ReadonlySet<Value>;
  private readonly stored = new Map<Node, boolean>();
  private readonly cutter = new VertexCut();
  /** The values that may be cut, and their vertices. */
  private readonly vertices = new Map<Node, number>();

  constructor(graph: Graph, forward: ReadonlySet<Value>) {
    this.graph = graph;
    this.users = usersOf(graph);
    this.outputs = new Set(graph.outputs.map(({ value }) => value));
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

  /** Whether a value is in memory in any case: it cannot be recomputed, or its readers cannot do so. */
  private isStored(node: Node): boolean {
    let isStored = this.stored.get(node);
    if (isStored === undefined) {
      isStored = this.hasToBeStored(node);
      this.stored.set(node, isStored);
    }
    return isStored;
  }

  private hasToBeStored(node: Node): boolean {
    const users = this.usersOf(node);
    const { pattern } = definitionOf(node);
    return (
      (pattern !== "elementwise" && pattern !== "row") ||
      this.outputs.has(node) ||
      isCompared(node, users) ||
      (users.some((user) => !isCheapIn(node, user)) && !this.isPackedAgain(node)) ||
      (pattern === "row" && this.isSummedAcross(node, node))
    );
  }

  /** Whether the backward pass sums elements of rows across rows. */
  private isSummedAcross(row: Node, value: Node): boolean {
    return this.laterUsersOf(value).some((user) => {
      const { pattern } = definitionOf(user);
      if (pattern === "reduction") return reducesAcross(row, user);
      const isAlone = this.usersOf(user).length === 1;
      return pattern === "elementwise" && isAlone && this.isSummedAcross(row, user);
    });
  }

  /**
   * Whether the products of the backward pass that read a value compute it as they pack it, from one tensor that is in
   * memory anyway: compared with their arithmetic this is nothing.
   */
  private isPackedAgain(node: Node): boolean {
    const readers = this.laterUsersOf(node).filter((user) => !isCheapIn(node, user));
    const products = readers.flatMap((user) => (isView(user) ? this.usersOf(user) : [user]));
    const isProduct = (reader: Node): boolean => definitionOf(reader).pattern === "contraction";
    if (products.length === 0 || !products.every(isProduct)) return false;
    const size = sizeOf(node.type.shape);
    const least = Math.min(...products.map((product) => workOf(product).flops / size));
    return this.flopsFor(node) * LEAST_ARITHMETIC <= least;
  }

  /** The operations that compute an element from one in memory; infinite if there are several such, or it is far. */
  private flopsFor(node: Node, steps = MOST_STEPS): number {
    const read = new Set(node.inputs.filter((input) => !isSmallBeside(input, node)));
    const [only] = read;
    if (steps === 0 || read.size !== 1 || definitionOf(node).pattern !== "elementwise")
      return Number.POSITIVE_INFINITY;
    if (isCompared(node, this.usersOf(node))) return Number.POSITIVE_INFINITY;
    const flops = workOf(node).flops / sizeOf(node.type.shape);
    if (only.kind === "input" || (this.crosses(only) && this.isStored(only))) return flops;
    return flops + this.flopsFor(only, steps - 1);
  }

  /**
   * The vertex of a value, with all that it can be computed from; a
   * value that is `inMemory` already costs nothing to read.
   */
  private vertexOf(node: Node, inMemory: ReadonlySet<Node>): number {
    const known = this.vertices.get(node);
    if (known !== undefined) return known;
    const isStored = this.isStored(node);
    // A row-wise op such as log_softmax would take a kernel of its own as well as memory: it is always recomputed.
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

  /** The users in the backward pass. */
  private laterUsersOf(node: Node): readonly Node[] {
    return this.usersOf(node).filter((user) => !this.forward.has(user));
  }
}
