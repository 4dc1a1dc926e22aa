/** The elements of a group's values as expressions: the lowerings of its ops, inlined into each other. */

import { producerOf, resultIndex } from "../../src/ir/body.ts";
import type { Group, Node, Value } from "../../src/ir/types.ts";
import { exprKey } from "../../src/loop/expr-key.ts";
import type { Expr } from "../../src/loop/types.ts";
import type { Operand } from "../../src/ops/definition.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** A node's element as a function of its indices, and the elements that were requested already. */
interface Lowered {
  element(indices: readonly Expr[]): Expr;
  readonly known: Map<string, Expr>;
}

/** Inlines the lowerings of a group's nodes, each (node, indices) once. */
export class ElementReader {
  private readonly inside: ReadonlySet<Value>;
  private readonly outside: (value: Value, indices: readonly Expr[]) => Expr;
  private readonly lowered = new Map<Node, Lowered>();

  constructor(group: Group, outside: (value: Value, indices: readonly Expr[]) => Expr) {
    this.inside = new Set(group.nodes);
    this.outside = outside;
  }

  at(value: Value, indices: readonly Expr[]): Expr {
    if (value.kind !== "node" || !this.inside.has(value)) return this.outside(value, indices);
    let lowered = this.lowered.get(value);
    if (lowered === undefined) {
      const { inputs, attrs } = producerOf(value);
      const operands = inputs.map((input): Operand => ({ type: input.type, at: (at) => this.at(input, at) }));
      lowered = {
        element: definitionOf(value).lower(operands, value.type, attrs, resultIndex(value)),
        known: new Map(),
      };
      this.lowered.set(value, lowered);
    }
    const key = indices.map(exprKey).join();
    let result = lowered.known.get(key);
    if (result === undefined) {
      result = lowered.element(indices);
      lowered.known.set(key, result);
    }
    return result;
  }
}
