/**
 * Decides what the backward pass recomputes where a product reads it: the product packs the elements as it computes
 * them, and they are not kept in memory. Readers in the forward pass find them in memory as before.
 */

import { stridesOf } from "../../src/core/shape.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { toAffine } from "../../src/loop/affine.ts";
import { dot, load } from "../../src/loop/build.ts";
import { cancelCommonFactors } from "../../src/loop/common-factors.ts";
import type { RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { Expr } from "../../src/loop/types.ts";
import { outermost } from "../../src/loop/walk.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { ElementReader } from "../lowering/element-reader.ts";
import { forwardOf } from "./forward.ts";

export class ComputedAgain {
  private readonly nodes: ReadonlySet<Value>;
  private readonly forward: ReadonlySet<Value>;
  private readonly reader: ElementReader;

  /** Finds nothing unless products are `packed`: otherwise they would recompute it for each of their results. */
  constructor(graph: Graph, packed: boolean) {
    const recomputed = packed ? (graph.partition?.recomputed ?? []) : [];
    const nodes = recomputed.filter((node) => definitionOf(node).pattern === "elementwise");
    this.nodes = new Set(nodes);
    this.forward = nodes.length === 0 ? new Set() : forwardOf(graph);
    this.reader = new ElementReader({ name: "", nodes, stores: [] }, ({ type }, at) =>
      load("", type.dtype, dot(at, stridesOf(type.shape))),
    );
  }

  /** The users of a node that recompute it. */
  laterUsers(node: Node, users: readonly Node[]): readonly Node[] {
    return this.nodes.has(node) ? users.filter((user) => !this.forward.has(user)) : [];
  }

  /** Whether a view shows the backward pass such a node, which is not in memory then. */
  shows(view: Node): boolean {
    return this.nodes.has(view.inputs[0]) && !this.forward.has(view);
  }

  /** Whether everything that the element at these indices is computed from is read with constant strides. */
  isStraightAt(value: Value, indices: readonly Expr[], context: RangeContext): boolean {
    const element = cancelCommonFactors(simplify(this.reader.at(value, indices), context), context);
    return outermost([element], ({ kind }) => kind === "load").every(
      (e) => e.kind === "load" && isStraight(e.index),
    );
  }
}

/** Whether an index grows by a constant step with each loop. */
export const isStraight = (index: Expr): boolean =>
  [...toAffine(index).terms.values()].every(({ atom }) => atom.kind === "var");
