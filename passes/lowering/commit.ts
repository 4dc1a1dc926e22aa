/**
 * The commit: what a step computes last and writes over its states. Nothing may read a state after it was overwritten,
 * so reads of old values here happen before that, or in the very iteration of a loop that overwrites them.
 */

import { invariant } from "../../src/core/errors.ts";
import { sameShape } from "../../src/core/shape.ts";
import { topologicalOrder } from "../../src/core/topological.ts";
import { operandsOf } from "../../src/ir/body.ts";
import type { Group, Node, Update, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** The value whose buffer a chain of views reads. */
export function baseOf(value: Value): Value {
  return value.kind === "node" && definitionOf(value.op).pattern === "view" ? baseOf(value.inputs[0]) : value;
}

/** What groups other than its own read. */
export function readByOthers(groups: readonly Group[]): ReadonlySet<Value> {
  const read = new Set<Value>();
  for (const { nodes } of groups) {
    const inside = new Set<Value>(nodes);
    for (const value of nodes.flatMap(operandsOf).map(baseOf)) if (!inside.has(value)) read.add(value);
  }
  return read;
}

/**
 * The stores of a commit while they are collected, with what is computed for them; users come before their operands.
 */
export class Commit {
  readonly stores = new Set<Node>();
  /** The stores that each node is computed for. */
  private readonly goals = new Map<Node, ReadonlySet<Node>>();
  /**
   * The states that each store reads and another overwrites: true
   * if it reads them in place, at the element that it stores.
   */
  private readonly reads = new Map<Value, Map<Value, boolean>>();
  /** The new value of each state. */
  private readonly writers = new Map<Value, Value>();
  private readonly maxOutputs: number;

  /** `maxOutputs` is how many buffers a kernel may write. */
  constructor(updates: readonly Update[], maxOutputs: number) {
    this.maxOutputs = maxOutputs;
    for (const { target, value } of updates) if (value !== target) this.writers.set(target, value);
  }

  /** Has `copy` write the states that `value` would have written. */
  replaceWriter(value: Value, copy: Node): void {
    for (const [state, writer] of this.writers) if (writer === value) this.writers.set(state, copy);
    for (const reads of this.reads.values()) {
      const inPlace = reads.get(value);
      if (inPlace !== undefined && reads.delete(value)) reads.set(copy, inPlace);
    }
  }

  /**
   * Computes `node` here for those of its `users` that are here, and stores it if asked to. False, and nothing
   * changes, if no order of the stores would have it read all states before they are overwritten.
   */
  add(node: Node, users: readonly Node[], isStored: boolean): boolean {
    const goals = new Set<Node>(isStored ? [node] : []);
    for (const user of users) for (const goal of this.goals.get(user) ?? []) goals.add(goal);
    const before = new Map([...goals].map((goal) => [goal, new Map(this.reads.get(goal))]));
    if (![...goals].every((goal) => operandsOf(node).every((input) => this.read(goal, node, input)))) {
      for (const [goal, reads] of before) this.reads.set(goal, reads);
      return false;
    }
    this.goals.set(node, goals);
    if (isStored) this.stores.add(node);
    return true;
  }

  /** The nodes that are computed for any of `stores`. */
  nodesFor(stores: readonly Node[]): ReadonlySet<Node> {
    const wanted = new Set(stores);
    return new Set(
      [...this.goals].flatMap(([node, goals]) => ([...goals].some((g) => wanted.has(g)) ? [node] : [])),
    );
  }

  /** Notes that `goal` depends on `input` as `node` reads it; false if no order of the stores allows that. */
  private read(goal: Node, node: Node, input: Value): boolean {
    const state = baseOf(input);
    const writer = this.writers.get(state);
    if (writer === undefined) return true;
    const inPlace =
      input === state &&
      sameShape(state.type.shape, node.type.shape) &&
      sameShape(node.type.shape, goal.type.shape);
    if (writer === goal) return inPlace;
    const reads = this.reads.get(goal) ?? new Map<Value, boolean>();
    this.reads.set(goal, reads);
    reads.set(writer, inPlace && reads.get(writer) !== false);
    return !this.needed(writer).has(goal) || this.canBeOne(this.circleOf(goal));
  }

  /** The stores that come no earlier than `store`, because it reads what they overwrite, directly or not. */
  private needed(store: Value): ReadonlySet<Value> {
    const writers = (of: Value): readonly Value[] => [...(this.reads.get(of)?.keys() ?? [])];
    return new Set(topologicalOrder(writers(store), writers));
  }

  /** The stores that cannot be ordered with respect to `store`: each reads what another of them overwrites. */
  private circleOf(store: Value): Value[] {
    return [...this.needed(store)].filter((other) => this.needed(other).has(store));
  }

  /** Whether these stores can share the iterations of one loop. */
  private canBeOne(stores: readonly Value[]): boolean {
    const written = [...this.writers.values()].filter((writer) => stores.includes(writer)).length;
    return (
      written <= this.maxOutputs &&
      stores.every((a) => sameShape(a.type.shape, stores[0].type.shape)) &&
      stores.every((a) => stores.every((b) => this.reads.get(a)?.get(b) !== false))
    );
  }

  /**
   * The stores, grouped by the loops that do them, in an order in which no state is
   * read after it was stored. A store that reads a state in place shares the loop that
   * overwrites it if possible: a parameter and its optimizer's states are one loop.
   */
  loops(stores: readonly Node[]): Node[][] {
    const loops = new Loops(stores, (store) => this.reads.get(store) ?? new Map());
    for (const store of stores) for (const other of this.circleOf(store)) loops.join(store, other);
    for (const store of stores) {
      for (const [other, inPlace] of this.reads.get(store) ?? []) {
        const both = [...loops.of(store), ...loops.of(other)];
        if (inPlace && this.canBeOne([...new Set(both)]) && !loops.haveBetween(store, other))
          loops.join(store, other);
      }
    }
    return loops.inOrder();
  }

  /** The stores of the commit, grouped by kernels: readers of a state come before what overwrites it. */
  kernels(stores: readonly Node[], updates: readonly Update[]): Node[][] {
    const kernels: Node[][] = [];
    let room = 0;
    for (const loop of this.loops(stores)) {
      const writes = updates.filter(({ value }) => loop.some((store) => store === value)).length;
      if (kernels.length === 0 || writes > room) {
        kernels.push([]);
        room = this.maxOutputs;
      }
      kernels.at(-1)!.push(...loop);
      room -= writes;
    }
    return kernels;
  }
}

/** Stores while they are assigned to loops, and which loop has to come before which. */
class Loops {
  private readonly stores: readonly Node[];
  private readonly loopOf: Map<Value, readonly Node[]>;
  private readonly readsOf: (store: Node) => ReadonlyMap<Value, boolean>;

  constructor(stores: readonly Node[], readsOf: (store: Node) => ReadonlyMap<Value, boolean>) {
    this.stores = stores;
    this.loopOf = new Map(stores.map((store) => [store, [store]]));
    this.readsOf = readsOf;
  }

  of(store: Value): readonly Node[] {
    return this.loopOf.get(store) ?? [];
  }

  join(a: Value, b: Value): void {
    if (this.of(a) === this.of(b)) return;
    const members = new Set([...this.of(a), ...this.of(b)]);
    const joined = this.stores.filter((store) => members.has(store));
    for (const store of joined) this.loopOf.set(store, joined);
  }

  /** Whether some loop has to come after that of `a` and before that of `b`. */
  haveBetween(a: Value, b: Value): boolean {
    const [first, last] = [this.of(a), this.of(b)];
    const others = (loop: readonly Node[]): (readonly Node[])[] =>
      this.after(loop).filter((next) => next !== first && next !== last);
    return topologicalOrder(others(first), others).some((loop) => this.after(loop).includes(last));
  }

  /** The loops that overwrite what `loop` reads. */
  private after(loop: readonly Node[]): (readonly Node[])[] {
    const next = loop.flatMap((store) => [...this.readsOf(store).keys()].map((other) => this.of(other)));
    return [...new Set(next)].filter((other) => other !== loop && other.length > 0);
  }

  /** Readers first; otherwise in the order of the graph. */
  inOrder(): Node[][] {
    const open = new Set(this.loopOf.values());
    const waits = new Map([...open].map((loop) => [loop, 0]));
    for (const loop of open) for (const later of this.after(loop)) waits.set(later, waits.get(later)! + 1);
    const result: Node[][] = [];
    while (open.size > 0) {
      const next = [...open].find((loop) => waits.get(loop) === 0);
      invariant(next !== undefined, `the stores ${[...open].flat().map(({ op }) => op)} wait for each other`);
      open.delete(next);
      for (const later of this.after(next)) waits.set(later, waits.get(later)! - 1);
      result.push([...next]);
    }
    return result;
  }
}
