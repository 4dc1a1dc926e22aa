/**
 * Finds the nodes that only move data and need no memory: their readers read the moved values, at indices that the
 * node's index map turns into those of its input. Chains of them become one map, including reshapes between two others.
 */

import { stridesOf } from "../../src/core/shape.ts";
import { topologicalOrder } from "../../src/core/topological.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { coefficientOf, toAffine } from "../../src/loop/affine.ts";
import { dot, int, variable } from "../../src/loop/build.ts";
import { RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { Expr } from "../../src/loop/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { isCompared } from "./cheap.ts";
import { type ComputedAgain, isStraight } from "./computed-again.ts";

/** The longest chain of maps that is composed into one. */
const MOST_MAPS = 8;

/** The maps of a graph. */
export class IndexMaps {
  private readonly maps: ReadonlySet<Value>;
  private readonly users: ReadonlyMap<Value, readonly Node[]>;

  /** `users` gives the readers of each value; what is `stored` is in memory, and what is computed `again` is not. */
  constructor(
    graph: Graph,
    users: ReadonlyMap<Value, readonly Node[]>,
    stored: ReadonlySet<Value>,
    again: ComputedAgain,
  ) {
    const updating = updatingIn(graph);
    const readersOf = (node: Node): readonly Node[] => users.get(node) ?? [];
    const moved = graph.nodes.filter((node) => definitionOf(node).movement !== undefined);
    const maps = new Set<Value>(
      moved.filter((node) => {
        const readers = readersOf(node);
        return readers.length > 0 && !stored.has(node) && !readers.some((reader) => updating.has(reader));
      }),
    );
    // Whether a node is a map depends on its neighbours: those that fail are removed until none does.
    for (let size = -1; size !== maps.size; ) {
      size = maps.size;
      for (const node of moved)
        if (maps.has(node) && !holds(node, readersOf(node), maps, again)) maps.delete(node);
    }
    this.maps = maps;
    this.users = users;
  }

  has(node: Node): boolean {
    return this.maps.has(node);
  }

  /** The readers of what `readers` read, through maps. */
  through(readers: readonly Node[]): readonly Node[] {
    if (!readers.some((reader) => this.has(reader))) return readers;
    return readers.flatMap((reader) =>
      this.has(reader) ? this.through(this.users.get(reader) ?? []) : [reader],
    );
  }

  /** Whether some readers, through maps too, compare the exact numbers of `node`. */
  isCompared(node: Node, readers: readonly Node[]): boolean {
    return (
      isCompared(node, readers) ||
      readers.some((reader) => this.has(reader) && this.isCompared(reader, this.users.get(reader) ?? []))
    );
  }
}

/**
 * The elementwise nodes that new states are computed from: they
 * read states element by element as these are overwritten.
 */
function updatingIn({ updates }: Graph): ReadonlySet<Value> {
  const isElementwise = (value: Value): value is Node =>
    value.kind === "node" && definitionOf(value).pattern === "elementwise";
  const values = updates.map(({ value }) => value).filter(isElementwise);
  return new Set(topologicalOrder<Node>(values, ({ inputs }) => inputs.filter(isElementwise)));
}

function holds(
  node: Node,
  readers: readonly Node[],
  maps: ReadonlySet<Value>,
  again: ComputedAgain,
): boolean {
  const { pattern, movement } = definitionOf(node);
  // Views of memory cost nothing.
  if (pattern === "view" && !maps.has(node.inputs[0]) && !again.shows(node)) return false;
  const ends = readers.filter((reader) => !maps.has(reader));
  if (!ends.every((reader) => readsAnywhere(reader, movement?.isBroadcast === true))) return false;
  const strides = stridesThrough(node, maps, again);
  if (strides === undefined) return false;
  // If neighbours are apart in memory, a copy serves several readers: those that read each element once.
  const rereading = ends.filter((reader) => definitionOf(reader).pattern !== "contraction");
  return strides.isContiguous || rereading.length <= 1;
}

/** Whether `reader` can read its operands' elements anywhere; an op that broadcasts by itself needs no map for that. */
function readsAnywhere(reader: Node, isBroadcast: boolean): boolean {
  const { pattern, movement, rearranges } = definitionOf(reader);
  if (pattern === "contraction") return true;
  if (isBroadcast) return false;
  if (pattern === "elementwise" || pattern === "row" || pattern === "reduction") return true;
  return pattern === "sparse" && (movement !== undefined || rearranges === true);
}

/** Whether the elements along the last axis are neighbours in what a chain of maps reads; `undefined` where it is no affine map. */
function stridesThrough(
  node: Node,
  maps: ReadonlySet<Value>,
  again: ComputedAgain,
): { readonly isContiguous: boolean } | undefined {
  const { shape } = node.type;
  let context = new RangeContext();
  let indices: readonly Expr[] = shape.map((extent, axis) => {
    context = context.withLoop(`i${axis}`, Math.max(1, extent));
    return extent === 1 ? int(0) : variable(`i${axis}`);
  });
  let [value, isAgain]: [Value, boolean] = [node, false];
  for (let length = 0; value.kind === "node" && maps.has(value); length++) {
    if (length === MOST_MAPS) return undefined;
    const { type, attrs } = value;
    const [input]: readonly Value[] = value.inputs;
    const source = definitionOf(value).movement!.source(indices, input.type.shape, type.shape, attrs);
    indices = source.map((index) => simplify(index, context));
    isAgain = again.shows(value);
    value = input;
  }
  if (isAgain) return again.isStraightAt(value, indices, context) ? { isContiguous: true } : undefined;
  if (!indices.every(isStraight)) return undefined;
  const last = shape.findLastIndex((extent) => extent > 1);
  const place = toAffine(dot(indices, stridesOf(value.type.shape)));
  return { isContiguous: last < 0 || coefficientOf(place, `i${last}`) === 1 };
}
