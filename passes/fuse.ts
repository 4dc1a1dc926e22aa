/**
 * Groups nodes into kernels. Fusion creates no new op: it only says which nodes are computed where they are
 * used instead of through memory. Walking backwards, a node joins the group of its users when reading it
 * there costs nothing extra; otherwise it becomes the root of a group of its own.
 */

import { invariant } from "../src/core/errors.ts";
import { sameShape, sizeOf } from "../src/core/shape.ts";
import { usersOf } from "../src/ir/rewrite.ts";
import type { Graph, Group, Node, Value } from "../src/ir/types.ts";
import type { Capabilities } from "../src/loop/capabilities.ts";
import { ints, number } from "../src/ops/definition.ts";
import { windowsAreDisjoint } from "../src/ops/max_pool2d.ts";
import { definitionOf } from "../src/ops/registry.ts";
import { GroupSizes } from "./group-size.ts";
import type { Pass, StageInfo } from "./pass.ts";
import { comesAfter, reduceAlike } from "./siblings.ts";

export const FUSE: StageInfo = {
  name: "fuse",
  doc: "Groups nodes into kernels: contractions with their epilogues and pooling, elementwise chains, softmax with cross-entropy, all updates.",
};

export function fuse(capabilities: Capabilities): Pass<Graph, Graph> {
  return {
    ...FUSE,
    run: (graph) => ({ ...graph, groups: new Fusion(graph, capabilities).groups() }),
  };
}

/** A group while it grows. */
interface Draft {
  readonly nodes: Set<Node>;
  readonly stores: Set<Node>;
  readonly isUpdate: boolean;
}

class Fusion {
  private readonly graph: Graph;
  private readonly capabilities: Capabilities;
  private readonly users: ReadonlyMap<Value, readonly Node[]>;
  private readonly membership = new Map<Node, Draft[]>();
  private readonly drafts: Draft[] = [];
  private readonly sizes = new GroupSizes();
  private readonly outputs: ReadonlySet<Value>;
  private readonly updateValues: ReadonlySet<Value>;
  private readonly recomputed: ReadonlySet<Node>;
  /** Nodes that are constant along the inner loops of all that use them. */
  private readonly invariant = new Set<Node>();

  constructor(graph: Graph, capabilities: Capabilities) {
    this.graph = graph;
    this.capabilities = capabilities;
    this.users = usersOf(graph);
    this.outputs = new Set(graph.outputs.map(({ value }) => baseOf(value)));
    this.updateValues = new Set(graph.updates.map(({ value }) => baseOf(value)));
    this.recomputed = new Set(graph.partition?.recomputed ?? []);
  }

  groups(): Group[] {
    for (const node of [...this.graph.nodes].reverse()) this.place(node);
    return this.ordered().map((draft) => ({
      name: groupName(draft, this.graph),
      nodes: this.graph.nodes.filter((node) => draft.nodes.has(node)),
      stores: this.graph.nodes.filter((node) => draft.stores.has(node)),
    }));
  }

  private place(node: Node): void {
    const { pattern } = definitionOf(node.op);
    if (pattern === "view") return;
    const leaves = this.outputs.has(node) || this.isReadThroughView(node);
    if (isFree(node) && !leaves && !this.updateValues.has(node)) {
      this.inlineEverywhere(node);
      return;
    }
    if (leaves) {
      this.root(node);
      return;
    }
    if (this.updateValues.has(node)) {
      this.placeUpdate(node);
      return;
    }
    const users = this.users.get(node) ?? [];
    const groups = new Set(users.flatMap((user) => this.membership.get(user) ?? []));
    if (this.isInvariant(node, users)) this.invariant.add(node);
    if (this.invariant.has(node) || widensTruth(node, users)) {
      this.inlineEverywhere(node);
      return;
    }
    const skipsZeros = this.capabilities.schedules && users.every((user) => exploitsSparsity(user, node));
    const everywhere = this.recomputed.has(node) || (pattern === "sparse" && skipsZeros);
    if (everywhere && users.every((user) => this.isCheapIn(node, user))) {
      this.inlineEverywhere(node);
    } else if (groups.size === 1 && this.hasRoom(node, groups) && this.mayJoin(node, users, [...groups][0])) {
      this.join(node, [...groups][0]);
    } else {
      this.root(node);
    }
  }

  /**
   * Elementwise work that its users spread along their last axis, such as a scale for each channel of images: the
   * schedule moves it out of their inner loops, so that computing it there costs less than a kernel of its own.
   */
  private isInvariant(node: Node, users: readonly Node[]): boolean {
    if (definitionOf(node.op).pattern !== "elementwise" || users.length === 0) return false;
    const rank = node.type.shape.length;
    if (rank === 0 || node.type.shape[rank - 1] !== 1) return false;
    return users.every((user) => {
      if (this.invariant.has(user)) return true;
      const isSpread = user.type.shape.length === rank && user.type.shape[rank - 1] > 1;
      const drafts = this.membership.get(user) ?? [];
      return isSpread && definitionOf(user.op).pattern === "elementwise" && drafts.every((d) => !d.isUpdate);
    });
  }

  private inlineEverywhere(node: Node): void {
    const drafts = (this.users.get(node) ?? []).flatMap((user) => this.membership.get(user) ?? []);
    if (!isFree(node) && !this.hasRoom(node, drafts)) {
      this.root(node);
      return;
    }
    for (const draft of drafts) this.join(node, draft);
    if (!this.membership.has(node)) this.membership.set(node, []);
  }

  private hasRoom(node: Node, drafts: Iterable<Draft>): boolean {
    const users = this.users.get(node) ?? [];
    return [...drafts].every((draft) => this.sizes.hasRoom(draft, users));
  }

  private join(node: Node, draft: Draft): void {
    if (draft.nodes.has(node)) return;
    draft.nodes.add(node);
    this.sizes.enter(draft, node, this.users.get(node) ?? []);
    this.membership.set(node, [...(this.membership.get(node) ?? []), draft]);
  }

  /** Starts a group whose value is stored, unless there is one that walks over the same elements already. */
  private root(node: Node): void {
    const sibling = this.sibling(node);
    const draft = sibling ?? { nodes: new Set(), stores: new Set(), isUpdate: false };
    if (sibling === undefined) this.drafts.push(draft);
    this.join(node, draft);
    draft.stores.add(node);
  }

  /** A pool and its winner slide one window; reductions over the same axes of one tensor run in one loop. */
  private sibling(node: Node): Draft | undefined {
    if (isWindow(node)) {
      return this.draftWith(
        (other) => isWindow(other) && other.inputs[0] === node.inputs[0] && sameAttrs(other, node),
      );
    }
    if (definitionOf(node.op).pattern !== "reduction") return undefined;
    const draft = this.draftWith((other) => reduceAlike(node, other));
    return draft === undefined || comesAfter(draft, node, this.drafts) ? undefined : draft;
  }

  /** A group with room for one more store that stores such a node. */
  private draftWith(isAlike: (store: Node) => boolean): Draft | undefined {
    return this.drafts.find(
      (draft) =>
        !draft.isUpdate &&
        draft.stores.size < this.capabilities.maxOutputs &&
        [...draft.stores].some(isAlike),
    );
  }

  /** All updates of a step are one group, as far as the backend's number of outputs allows. */
  private placeUpdate(node: Node): void {
    const stores = this.graph.updates.filter(({ value }) => baseOf(value) === node).length;
    let draft = this.drafts.find((d) => d.isUpdate && d.stores.size + stores <= this.capabilities.maxOutputs);
    if (draft === undefined) {
      draft = { nodes: new Set(), stores: new Set(), isUpdate: true };
      this.drafts.push(draft);
    }
    this.join(node, draft);
    draft.stores.add(node);
  }

  /** Whether some reshape of `node` is read: then its elements must lie in memory in order. */
  private isReadThroughView(node: Node): boolean {
    return (this.users.get(node) ?? []).some((user) => definitionOf(user.op).pattern === "view");
  }

  private mayJoin(node: Node, users: readonly Node[], draft: Draft): boolean {
    if (draft.isUpdate && (definitionOf(node.op).pattern !== "elementwise" || this.readsTooLate(node, draft)))
      return false;
    switch (definitionOf(node.op).pattern) {
      case "elementwise":
      case "row":
        return users.every((user) => this.isCheapIn(node, user));
      case "contraction":
        if (contains(draft, "contraction") || contains(draft, "row")) return false;
        return users.every((user) => isEpilogue(node, user) || (isWindow(user) && windowsCoverOnce(user)));
      case "reduction":
        if (users.every((user) => this.isRowConstant(node, user))) return !contains(draft, "contraction");
        if (contains(draft, "contraction") || contains(draft, "reduction")) return false;
        return users.every((user) => isEpilogue(node, user));
      case "window":
      case "sparse":
        if (contains(draft, "contraction") || contains(draft, "reduction")) return false;
        return users.every((user) => isEpilogue(node, user));
      case "view":
      case "generator":
        return false;
    }
  }

  /**
   * Whether `node`, computed in the group of updates, would read a state that the group has stored into by then. What
   * is stored under one shape is computed before any of it is stored; other shapes come one after another.
   */
  private readsTooLate(node: Node, draft: Draft): boolean {
    const changing = this.graph.updates.flatMap(({ target }) =>
      node.inputs.includes(target) ? [target.type.shape] : [],
    );
    if (changing.length === 0) return false;
    return this.storesFrom(node, draft).some((store) =>
      changing.some((shape) => !sameShape(shape, store.type.shape)),
    );
  }

  /** The stored nodes of `draft` that depend on `node`. */
  private storesFrom(node: Node, draft: Draft): Node[] {
    return (this.users.get(node) ?? []).flatMap((user) => {
      if (!draft.nodes.has(user)) return [];
      return [...(draft.stores.has(user) ? [user] : []), ...this.storesFrom(user, draft)];
    });
  }

  /** Whether `user` reads each element of `node` about once, so that computing it there repeats nothing. */
  private isCheapIn(node: Node, user: Node): boolean {
    switch (definitionOf(user.op).pattern) {
      case "elementwise":
        return sizeOf(node.type.shape) === sizeOf(user.type.shape) || sizeOf(node.type.shape) === 1;
      case "row":
      case "reduction":
        return true;
      case "window":
        return windowsCoverOnce(user);
      case "contraction":
        return exploitsSparsity(user, node);
      case "sparse":
      case "view":
      case "generator":
        return false;
    }
  }

  /** A reduction over trailing axes, spread over them again: computed once per row before the row's loop. */
  private isRowConstant(node: Node, user: Node): boolean {
    if (this.capabilities.oneElementPerThread || node.attrs.keepdim !== true) return false;
    const rank = node.type.shape.length;
    const axes = ints(node.attrs, "axes");
    const trailing = axes.every((axis, k) => axis === rank - axes.length + k);
    return trailing && definitionOf(user.op).pattern === "elementwise" && user.type.shape.length === rank;
  }

  /** Groups in an order in which every value is stored before it is read; updates come last. */
  private ordered(): Draft[] {
    const storedBy = new Map<Node, Draft>();
    for (const draft of this.drafts) for (const node of draft.stores) storedBy.set(node, draft);
    const begun = new Set<Draft>();
    const result: Draft[] = [];
    const visit = (draft: Draft): void => {
      if (begun.has(draft)) {
        invariant(result.includes(draft), `the group ${groupName(draft, this.graph)} waits for itself`);
        return;
      }
      begun.add(draft);
      for (const node of draft.nodes) {
        for (const input of node.inputs) {
          const base = baseOf(input);
          const producer = base.kind === "node" ? storedBy.get(base) : undefined;
          if (producer !== undefined && producer !== draft) visit(producer);
        }
      }
      result.push(draft);
    };
    const first = (draft: Draft): number =>
      Math.min(...[...draft.stores].map((node) => this.graph.nodes.indexOf(node)));
    const byPosition = [...this.drafts].sort(
      (a, b) => Number(a.isUpdate) - Number(b.isUpdate) || first(a) - first(b),
    );
    byPosition.forEach(visit);
    return result;
  }
}

/** The value whose buffer a chain of views reads. */
export function baseOf(value: Value): Value {
  return value.kind === "node" && definitionOf(value.op).pattern === "view" ? baseOf(value.inputs[0]) : value;
}

const isWindow = (node: Node): boolean => node.op === "max_pool2d" || node.op === "max_pool2d_winner";

const sameAttrs = (a: Node, b: Node): boolean => JSON.stringify(a.attrs) === JSON.stringify(b.attrs);

/** Disjoint windows that lie wholly inside: each element is read once at most, and without a guard. */
function windowsCoverOnce(user: Node): boolean {
  const kernel = ints(user.attrs, "kernel");
  const input = user.inputs[0].type.shape;
  return (
    windowsAreDisjoint(user.attrs) &&
    kernel.every((k, axis) => user.type.shape[axis + 2] * k <= input[axis + 2])
  );
}

/** Constants, broadcasts and one-hot rows are cheaper to compute than to load. */
const isFree = (node: Node): boolean =>
  node.op === "constant" ||
  node.op === "one_hot" ||
  (node.op === "broadcast_to" && sizeOf(node.inputs[0].type.shape) === 1);

/** Truth values as numbers, such as a dropout's mask: a quarter of the memory when each user casts them itself. */
const widensTruth = (node: Node, users: readonly Node[]): boolean =>
  node.op === "cast" &&
  node.inputs[0].type.dtype === "bool" &&
  users.length > 0 &&
  users.every((user) => ["elementwise", "reduction"].includes(definitionOf(user.op).pattern));

const isEpilogue = (node: Node, user: Node): boolean =>
  definitionOf(user.op).pattern === "elementwise" &&
  user.op !== "one_hot" &&
  sameShape(node.type.shape, user.type.shape);

const contains = (draft: Draft, pattern: string): boolean =>
  [...draft.nodes].some((node) => definitionOf(node.op).pattern === pattern);

/** Whether `user` is a convolution gradient that can skip the zeros of max_pool2d_grad. */
export function exploitsSparsity(user: Node, node: Node): boolean {
  if (node.op !== "max_pool2d_grad" || !windowsAreDisjoint(node.attrs)) return false;
  const windows = node.inputs[0].type.shape.slice(2);
  const kernel = ints(node.attrs, "kernel");
  if (ints(node.attrs, "inputSize").some((extent, axis) => windows[axis] * kernel[axis] > extent))
    return false;
  const [operand] =
    user.op === "conv2d_weight_grad"
      ? [user.inputs[1]]
      : user.op === "conv2d_input_grad"
        ? [user.inputs[0]]
        : [];
  if (operand !== node) return false;
  const unit = (name: string): boolean => ints(user.attrs, name).every((v) => v === 1);
  return unit("stride") && unit("dilation") && number(user.attrs, "groups") === 1;
}

const MOST_NAMES = 5;

/** The ops of a group in order, without what leaves no trace in code and without repetition. */
function groupName(draft: Draft, graph: Graph): string {
  if (draft.isUpdate) return "update";
  const ops = graph.nodes.filter((node) => draft.nodes.has(node)).map((node) => node.op);
  const named = [...new Set(ops)].filter(
    (op) =>
      op !== "constant" &&
      op !== "broadcast_to" &&
      !(op === "max_pool2d_winner" && ops.includes("max_pool2d")),
  );
  const shown = named.length === 0 ? ops : named;
  return shown.length <= MOST_NAMES ? shown.join("_") : `${shown.slice(0, MOST_NAMES).join("_")}_and_more`;
}
