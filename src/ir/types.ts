/** The Graph IR: immutable, static single assignment, static shapes. */

import type { DType } from "../core/dtype.ts";
import type { Layout } from "../core/layout.ts";
import type { Origin } from "../core/origin.ts";
import type { Shape } from "../core/shape.ts";
import type { GraphBuilder } from "./builder.ts";

/** What is known of a tensor without its numbers. */
export interface TensorType {
  /** The type of its elements. */
  readonly dtype: DType;
  /** Its extent along each axis. */
  readonly shape: Shape;
}

/** The type of a node's first result, with those of the others if it has several. */
export interface NodeType extends TensorType {
  readonly others?: readonly TensorType[];
}

/** A graph as an attribute is the body of an op that runs it: a scope of its own, which reads nothing but its inputs. */
export type Attr = number | string | boolean | readonly number[] | Graph;
export type Attrs = Readonly<Record<string, Attr>>;

/** `input` is fed on every run, `state` lives in the store, `scalar` is a number such as a learning rate. */
export type InputRole = "input" | "state" | "scalar";

/** A named value from outside: `%x`, `@conv1.weight`, `$lr`. */
export interface Input {
  readonly kind: "input";
  readonly role: InputRole;
  readonly name: string;
  readonly type: TensorType;
}

/**
 * The result of an op, the first one where it has several: the op `result_of` gives the others. Nodes are interned: equal op,
 * inputs and attributes are one object.
 */
export interface Node {
  readonly kind: "node";
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly type: NodeType;
}

export type Value = Input | Node;

/** An effect: after the step, `target` holds `value`. Updates are roots for dead-code elimination. */
export interface Update {
  readonly target: Input;
  readonly value: Value;
}

export interface Output {
  readonly name: string;
  readonly value: Value;
}

/** Nodes that become one kernel; `stores` are those whose values leave it. */
export interface Group {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly stores: readonly Node[];
}

/** A node that needs no buffer: it reads the buffer of `base` in another shape. */
export interface View {
  readonly node: Node;
  readonly base: Value;
}

/** A stored value with another order of its axes in memory, chosen by the compiler; all others are row-major. */
export interface Arrangement {
  readonly value: Value;
  readonly layout: Layout;
}

/** What passes from the forward to the backward pass: kept in memory, or recomputed. */
export interface Partition {
  readonly kept: readonly Node[];
  readonly recomputed: readonly Node[];
}

export interface Graph {
  readonly name: string;
  /** All inputs in order: `input`s, then `state`s, then `scalar`s. */
  readonly inputs: readonly Input[];
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly Output[];
  readonly updates: readonly Update[];
  /** The table of origins next to the graph; nodes without an entry came from nowhere in the model. */
  readonly origins: ReadonlyMap<Value, readonly Origin[]>;
  /** What nodes are called after the user's variables; no two alike, and none like an `input`. The others are numbered. */
  readonly names?: ReadonlyMap<Node, string>;
  readonly partition?: Partition;
  readonly groups?: readonly Group[];
  readonly views?: readonly View[];
  readonly layouts?: readonly Arrangement[];
}

/** What the IR needs to know of ops; the registry provides it. */
export interface OpTable {
  /** The result type; throws a KilnError that names the shapes and what was expected. */
  infer(op: string, inputs: readonly NodeType[], attrs: Attrs): NodeType;
  /** The cotangents of a node's inputs, given those of its first result and of the others. */
  vjp(
    b: GraphBuilder,
    node: Node,
    cotangent: Value,
    others: readonly (Value | undefined)[],
  ): readonly (Value | undefined)[];
  /** Whether gradients compute a node of `graph` again rather than have it saved for them. */
  isRepeated(node: Node, graph: Graph): boolean;
  /** Whether all that a node does is to move the elements of its input. */
  movesData(node: Node): boolean;
  /** How the results of a node in all iterations of a loop are summed up at once, if they can be. */
  sumOverStacks(node: Node): StackedSum | undefined;
  has(op: string): boolean;
}

/** The sum of an op's results over the iterations of a loop. */
export interface StackedSum {
  /** Whether it is worth stacking inputs for it that are not stacked otherwise. */
  readonly isWorthStacks: boolean;
  /** The sum, given the inputs stacked along a new first axis. */
  of(b: GraphBuilder, stacks: readonly Value[]): Value;
}
