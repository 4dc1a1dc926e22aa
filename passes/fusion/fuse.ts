/**
 * Groups nodes into kernels: decides which nodes are computed where they are used instead of through memory. Walking
 * backwards, a node joins the group of its users when reading it there costs nothing extra; otherwise it becomes the root
 * of a group of its own. Groups never wait for each other in a circle: an older group stores a node only if no
 * path leads out of that group and back. The kernels that write states come last (`commit.ts`) and nothing else reads
 * their stores; a new value that others read is stored by itself, and the commit copies it.
 */

import { sameShape } from "../../src/core/shape.ts";
import { producerOf } from "../../src/ir/body.ts";
import { usersOf } from "../../src/ir/rewrite.ts";
import type { Graph, Group, Node, Update, Value } from "../../src/ir/types.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { copyOf } from "../../src/ops/algebra.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { baseOf, Commit } from "../lowering/commit.ts";
import type { Pass, StageInfo } from "../pass.ts";
import {
  exploitsSparsity,
  holdsContraction,
  isCheapIn,
  isEpilogue,
  isFree,
  isOuter,
  isRowConstant,
  isView,
  movesWhole,
  widens,
} from "./cheap.ts";
import { ComputedAgain } from "./computed-again.ts";
import {
  contains,
  type Draft,
  groupName,
  isFactor,
  mayHoldRow,
  needsAny,
  newDraft,
  ordered,
  placesIn,
} from "./draft.ts";
import { GroupSizes } from "./group-size.ts";
import { isElementwiseAlone, isPointwise, readsInPlace, walkAlike } from "./horizontal-fusion.ts";
import { IndexMaps } from "./index-maps.ts";

export const FUSE: StageInfo = {
  name: "fuse",
  doc: "Groups nodes into kernels: contractions with their epilogues and pooling, elementwise chains, softmax with cross-entropy, all updates.",
};

export function fuse(capabilities: Capabilities): Pass<Graph, Graph> {
  return {
    ...FUSE,
    run: (graph) => new Fusion(graph, capabilities).run(),
  };
}

class Fusion {
  private readonly graph: Graph;
  private readonly capabilities: Capabilities;
  private readonly users: Map<Value, readonly Node[]>;
  private readonly membership = new Map<Node, readonly Draft[]>();
  private readonly drafts: Draft[] = [];
  private readonly sizes = new GroupSizes();
  private readonly outputs: Set<Value>;
  private readonly recomputed: ReadonlySet<Node>;
  private readonly kept: ReadonlySet<Node>;
  private readonly again: ComputedAgain;
  /** Nodes that only move data and are read through index arithmetic. */
  private readonly maps: IndexMaps;
  /** Nodes that are constant along the inner loops of all their users. */
  private readonly invariant = new Set<Node>();
  /** The group that writes states: the draft that stands for it among the others, its stores, and their states. */
  private readonly last = newDraft();
  private readonly commit: Commit;
  private updates: readonly Update[];
  private readonly newValues: Set<Value>;
  /** Copies of values that are stored elsewhere too, or that no commit can compute. */
  private readonly copies: Node[] = [];

  constructor(graph: Graph, capabilities: Capabilities) {
    this.graph = graph;
    this.capabilities = capabilities;
    this.users = new Map(usersOf(graph));
    this.outputs = new Set(graph.outputs.map(({ value }) => baseOf(value)));
    this.recomputed = new Set(graph.partition?.recomputed ?? []);
    this.kept = new Set(graph.partition?.kept ?? []);
    this.again = new ComputedAgain(graph, capabilities.schedules);
    this.updates = graph.updates;
    this.newValues = new Set(graph.updates.map(({ value }) => value));
    this.commit = new Commit(graph.updates, capabilities.maxOutputs);
    this.maps = new IndexMaps(graph, this.users, this.outputs, this.again);
  }

  /**
   * The graph with its groups, and with copies: for each state that takes a value from another group, and for each result
   * that is a state's old value.
   */
  run(): Graph {
    const outputs = this.graph.outputs.map((output) => ({ ...output, value: this.lasting(output.value) }));
    for (const { target, value } of this.graph.updates)
      if (value !== target && !this.isOwn(value)) this.commitCopy(value);
    for (const node of [...this.graph.nodes].reverse()) this.place(node);
    const nodes = [...this.graph.nodes, ...this.copies];
    const position = new Map(nodes.map((node, k) => [node, k]));
    const inOrder = (members: Iterable<Node>): Node[] =>
      [...members].sort((a, b) => position.get(a)! - position.get(b)!);
    const groups = ordered(this.drafts, position).map((draft): Group => {
      const members = inOrder(draft.nodes.keys());
      return { name: groupName(members), nodes: members, stores: inOrder(draft.stores) };
    });
    const commits = this.commit.kernels(inOrder(this.commit.stores), this.updates).map(
      (stores): Group => ({
        name: "update",
        nodes: inOrder(this.commit.nodesFor(stores)),
        stores: inOrder(stores),
      }),
    );
    const origins = new Map(this.graph.origins);
    for (const copy of this.copies) origins.set(copy, origins.get(copy.inputs[0]) ?? []);
    return { ...this.graph, nodes, outputs, updates: this.updates, groups: [...groups, ...commits], origins };
  }

  /** What holds `value` after the step: a copy if it is in a state that is written. */
  private lasting(value: Value): Value {
    const base = baseOf(value);
    if (!this.graph.updates.some((update) => update.target === base && update.value !== base)) return value;
    const copy = copyOf(value);
    this.copies.push(copy);
    this.outputs.add(copy);
    this.users.set(value, [...(this.users.get(value) ?? []), copy]);
    this.root(copy, []);
    return copy;
  }

  /** Whether the commit may compute a value itself: nothing else has to find it in memory. */
  private isOwn(value: Value): value is Node {
    if (value.kind === "input" || definitionOf(value).pattern !== "elementwise") return false;
    const targets = this.updates.filter((update) => update.value === value).length;
    const isStored = this.outputs.has(value) || this.isReadInMemory(value);
    return !isStored && targets <= this.capabilities.maxOutputs;
  }

  private place(node: Node): void {
    const { pattern } = definitionOf(node);
    if (this.maps.has(node)) this.inlineMap(node);
    if (pattern === "view" || this.maps.has(node)) return;
    if (pattern === "loop") {
      if (producerOf(node) === node) this.placeLoop(node);
      return;
    }
    const users = this.users.get(node) ?? [];
    // Of several results, the first may be unused.
    if (users.length === 0 && !this.outputs.has(node) && !this.newValues.has(node)) return;
    if (this.newValues.has(node)) {
      const isRead = users.some((user) => this.membership.get(user)?.some((draft) => draft !== this.last));
      const isCommitted = (!isRead || isFree(node)) && this.commit.add(node, users, true);
      if (isCommitted) this.enter(node, this.last, users, true);
      else this.commitCopy(node);
      if (isCommitted && !isRead) return;
    }
    this.placeInside(node, this.users.get(node) ?? []);
  }

  /** A loop has a group of its own, which stores all its results: the kernels are those of its body. */
  private placeLoop(node: Node): void {
    const draft = newDraft();
    this.drafts.push(draft);
    for (const result of this.graph.nodes.filter((other) => producerOf(other) === node)) {
      const users = this.users.get(result) ?? [];
      for (const reader of this.readersOf(result, users)) reader.needs.add(draft);
      this.enter(result, draft, users, true);
    }
  }

  /** Places a node as suits its users, whether a state takes its value or not. */
  private placeInside(node: Node, all: readonly Node[]): void {
    const { pattern } = definitionOf(node);
    const users = this.packedAgain(node, all);
    if (all.length > 0 && users.length === 0) return;
    if (this.outputs.has(node) || this.isReadInMemory(node)) {
      this.root(node, users);
      return;
    }
    const readers = this.maps.through(users);
    const compared = this.maps.isCompared(node, users);
    if (!compared && this.isInvariant(node, users)) this.invariant.add(node);
    if (isFree(node) || isOuter(node) || this.invariant.has(node) || widens(node, users)) {
      this.inlineEverywhere(node, users);
      return;
    }
    const groups = [...new Set(users.flatMap((user) => this.membership.get(user) ?? []))];
    const skipsZeros = this.capabilities.schedules && users.every((user) => exploitsSparsity(user, node));
    const everywhere = this.recomputed.has(node) || (pattern === "sparse" && skipsZeros);
    const isCheap = readers.every((user) => isCheapIn(node, user)) && this.mayBeRow(node, users, groups);
    if (everywhere && isCheap && !compared && !groups.includes(this.last)) {
      this.inlineEverywhere(node, users);
      return;
    }
    const [group] = groups;
    const joins =
      groups.length === 1 &&
      this.sizes.hasRoom(groups, users) &&
      this.mayJoin(node, users, group) &&
      (!compared || placesIn(group, users, this.maps).size === 1) &&
      this.join(node, group, users);
    if (!joins) this.root(node, users);
  }

  /**
   * Elementwise work that its users broadcast along their last axis, such as a scale for each channel of images: the
   * schedule moves it out of their inner loops, so that computing it there costs less than a kernel of its own.
   */
  private isInvariant(node: Node, users: readonly Node[]): boolean {
    if (definitionOf(node).pattern !== "elementwise" || users.length === 0) return false;
    const rank = node.type.shape.length;
    if (rank === 0 || node.type.shape[rank - 1] !== 1) return false;
    return users.every((user) => {
      if (this.invariant.has(user)) return true;
      const isSpread = user.type.shape.length === rank && user.type.shape[rank - 1] > 1;
      const drafts = this.membership.get(user) ?? [];
      return isSpread && definitionOf(user).pattern === "elementwise" && !drafts.includes(this.last);
    });
  }

  /** Inlines a map in all groups that read it. */
  private inlineMap(node: Node): void {
    const users = this.users.get(node) ?? [];
    this.membership.set(node, []);
    const drafts = users.flatMap((user) => this.membership.get(user) ?? []);
    for (const draft of new Set(drafts)) this.enter(node, draft, users, false);
  }

  private inlineEverywhere(node: Node, users: readonly Node[]): void {
    const drafts = new Set(users.flatMap((user) => this.membership.get(user) ?? []));
    if (!isFree(node) && !this.sizes.hasRoom(drafts, users)) {
      this.root(node, users);
      return;
    }
    if (!this.membership.has(node)) this.membership.set(node, []);
    const refused = [...drafts].filter((draft) => !this.join(node, draft, users));
    if (refused.length > 0) this.root(node, users);
  }

  /** Has backward products recompute a value as they pack it; returns the users that still read it from memory. */
  private packedAgain(node: Node, users: readonly Node[]): readonly Node[] {
    const again = this.again.laterUsers(node, users);
    const drafts = new Set(again.flatMap((user) => this.membership.get(user) ?? []));
    const isPacked = [...drafts].some((draft) => isFactor(draft, again, this.maps));
    if (!isPacked || drafts.has(this.last) || !this.sizes.hasRoom(drafts, again)) return users;
    if (this.outputs.has(node) || this.maps.isCompared(node, users)) return users;
    this.membership.set(node, []);
    for (const draft of drafts) this.enter(node, draft, again, false);
    return users.filter((user) => !again.includes(user));
  }

  /** Computes a node in a group; false if that is the commit, which would read a state too late. */
  private join(node: Node, draft: Draft, users: readonly Node[]): boolean {
    if (draft === this.last && !draft.nodes.has(node) && !this.commit.add(node, users, false)) return false;
    this.enter(node, draft, users, false);
    return true;
  }

  private enter(node: Node, draft: Draft, users: readonly Node[], isStored: boolean): void {
    if (isStored) draft.stores.add(node);
    if (draft.nodes.has(node)) return;
    this.sizes.enter(draft, node, users);
    const inner = placesIn(draft, users, this.maps);
    draft.nodes.set(node, isStored ? new Set([draft, ...inner]) : inner);
    this.membership.set(node, [...(this.membership.get(node) ?? []), draft]);
  }

  /** Starts a group that stores its value, unless one exists that walks over the same elements. */
  private root(node: Node, users: readonly Node[]): void {
    const readers = new Set(this.readersOf(node, users));
    const host = this.host(node, users, readers) ?? this.sibling(node, readers);
    const draft = host ?? newDraft();
    if (host === undefined) this.drafts.push(draft);
    for (const reader of readers) if (reader !== draft && !reader.nodes.has(node)) reader.needs.add(draft);
    this.enter(node, draft, users, true);
  }

  /** An elementwise group that goes on computing with `node` and waits for no other reader: its loop stores the value as well. */
  private host(node: Node, users: readonly Node[], readers: ReadonlySet<Draft>): Draft | undefined {
    if (this.maps.isCompared(node, users) || !isElementwiseAlone(node, this.users)) return undefined;
    const readsItsOrder = this.readersOf(
      node,
      users.filter((user) => isView(user) || this.maps.has(user)),
    );
    return [...readers].find((draft) => {
      const inside = users.filter((user) => draft.nodes.has(user));
      return (
        inside.length > 0 &&
        inside.every((user) => readsInPlace(node, user)) &&
        this.hasPlace(draft, node, users) &&
        !readsItsOrder.includes(draft) &&
        !needsAny(draft, new Set([...readers].filter((reader) => reader !== draft)))
      );
    });
  }

  /** A group with room for one more store, whose loop over elements could store `node`. */
  private sibling(node: Node, readers: ReadonlySet<Draft>): Draft | undefined {
    const isPlain = definitionOf(node).pattern !== "elementwise";
    if (!isPlain && !isElementwiseAlone(node, this.users)) return undefined;
    return this.drafts.find(
      (draft) =>
        draft.stores.size < this.capabilities.maxOutputs &&
        [...draft.stores].some((other) => walkAlike(node, other, this.users)) &&
        (isPlain || this.hasPlace(draft, node, [])) &&
        !readers.has(draft) &&
        !needsAny(draft, readers),
    );
  }

  /** Whether a group of elementwise work of the size of `node` may store that too. */
  private hasPlace(draft: Draft, node: Node, users: readonly Node[]): boolean {
    const { shape } = node.type;
    return (
      draft !== this.last &&
      draft.stores.size < this.capabilities.maxOutputs &&
      this.sizes.hasRoom([draft], users) &&
      [...draft.nodes.keys()].every(isPointwise) &&
      [...draft.stores].every(
        (store) => sameShape(store.type.shape, shape) && isElementwiseAlone(store, this.users),
      )
    );
  }

  /** The groups that read `node`, through views too. */
  private readersOf(node: Node, users: readonly Node[]): Draft[] {
    return users.flatMap((user) =>
      isView(user) && !this.maps.has(user)
        ? this.readersOf(user, this.users.get(user) ?? [])
        : (this.membership.get(user) ?? []).filter((draft) => !draft.nodes.has(node)),
    );
  }

  /** Has a state copy `value` from where it is stored. */
  private commitCopy(value: Value): void {
    if (!this.newValues.delete(value)) return;
    const copy = copyOf(value);
    this.newValues.add(copy);
    this.updates = this.updates.map((update) =>
      update.value === value && update.target !== value ? { ...update, value: copy } : update,
    );
    this.commit.replaceWriter(value, copy);
    this.copies.push(copy);
    this.users.set(value, [...(this.users.get(value) ?? []), copy]);
    this.place(copy);
  }

  /** Whether a reshape of `node` is read, or a loop reads it: then its elements must be in memory in order. */
  private isReadInMemory(node: Node): boolean {
    return (this.users.get(node) ?? []).some(
      (user) => !this.maps.has(user) && ["view", "loop"].includes(definitionOf(user).pattern),
    );
  }

  private mayJoin(node: Node, users: readonly Node[], draft: Draft): boolean {
    const { pattern } = definitionOf(node);
    if (draft === this.last && pattern !== "elementwise") return false;
    if (pattern !== "elementwise" && users.some((user) => this.maps.has(user))) return false;
    switch (pattern) {
      case "elementwise":
        return this.maps.through(users).every((user) => isCheapIn(node, user));
      case "row":
        return this.mayBeRow(node, users, [draft]) && users.every((user) => isCheapIn(node, user));
      case "contraction":
        // Tiles hold one sum only: a user that needs whole rows of a product reads them from memory.
        if (["contraction", "row", "reduction"].some((kind) => contains(draft, kind))) return false;
        if (
          [...draft.nodes.keys()].some(
            (other) => definitionOf(other).pattern === "window" && !holdsContraction(other),
          )
        )
          return false;
        return users.every((user) => isEpilogue(node, user) || movesWhole(user) || holdsContraction(user));
      case "reduction":
        if (this.kept.has(node)) return false;
        if (!this.capabilities.oneElementPerThread && users.every((user) => isRowConstant(node, user)))
          return !contains(draft, "contraction");
        if (contains(draft, "contraction") || contains(draft, "reduction")) return false;
        return users.every((user) => isEpilogue(node, user));
      case "window":
      case "sparse":
        if (contains(draft, "contraction") || contains(draft, "reduction")) return false;
        return users.every((user) => isEpilogue(node, user) || (pattern === "sparse" && movesWhole(user)));
      case "view":
      case "generator":
      case "loop":
      case "result":
        return false;
    }
  }

  private mayBeRow(node: Node, users: readonly Node[], drafts: readonly Draft[]): boolean {
    return drafts.every((draft) => mayHoldRow(draft, node, placesIn(draft, users, this.maps)));
  }
}
