/** How much one node of a graph computes by itself, before anything is fused: what its lowering says, counted. */

import { isFloat } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import { RESULT } from "../ir/body.ts";
import type { Graph, Node, Value } from "../ir/types.ts";
import { dot, load, variable } from "../loop/build.ts";
import { Interner } from "../loop/intern.ts";
import { RangeContext } from "../loop/range.ts";
import { simplify } from "../loop/simplify.ts";
import type { Expr } from "../loop/types.ts";
import { children } from "../loop/walk.ts";
import type { Operand } from "./definition.ts";
import { definitionOf } from "./registry.ts";
import { loopOf } from "./scan.ts";

/** What one run of a node does. */
export interface Work {
  /** Floating-point operations, a multiply-add counting as two; those of a body are its nodes' own. */
  readonly flops: number;
  /** The values that it reads: operands that say something about gradients alone are none. */
  readonly reads: readonly Value[];
  /** Set for loops: what runs again and again, and how often. */
  readonly loop?: { readonly body: Graph; readonly iterations: number };
}

/** The work of `node` alone. A further result is found where the first one is, and costs nothing more. */
export function workOf(node: Node): Work {
  const definition = definitionOf(node);
  const { inputs, type } = node;
  if (node.op === RESULT || definition.pattern === "view") return { flops: 0, reads: inputs };
  if (definition.pattern === "loop") return { flops: 0, reads: inputs, loop: loopOf(node.attrs) };
  const attrs = definition.canonicalAttrs?.(node.attrs, type) ?? node.attrs;
  const read = new Set<Value>();
  const operands = inputs.map((input, k): Operand => {
    const strides = stridesOf(input.type.shape);
    return {
      type: input.type,
      at: (indices) => {
        read.add(input);
        return load(`operand${k}`, input.type.dtype, dot(indices, strides));
      },
    };
  });
  const element = definition.lower(operands, type, attrs, 0);
  const value = element(type.shape.map((_, axis) => variable(`i${axis}`)));
  const extents = new Map(type.shape.map((extent, axis) => [`i${axis}`, extent]));
  const context = [...extents].reduce((c, [name, extent]) => c.withLoop(name, extent), new RangeContext());
  const counted = new Interner().intern(simplify(value, context));
  return { flops: sizeOf(type.shape) === 0 ? 0 : new ElementWork().of(counted, extents), reads: [...read] };
}

/** The extents of loops by the names of their variables. */
type Extents = ReadonlyMap<string, number>;

/**
 * Counts the operations of an expression for all elements of its loops: each part of it as often as the variables that it
 * depends on have values together, since what does not change in a loop is computed in front of it.
 */
class ElementWork {
  private readonly variables = new Map<Expr, ReadonlySet<string>>();
  private readonly counted = new Set<string>();
  private readonly ids = new Map<Expr, number>();

  of(e: Expr, extents: Extents): number {
    const free = [...this.variablesOf(e)];
    const id = this.ids.get(e) ?? this.ids.size;
    this.ids.set(e, id);
    const key = [id, ...free.map((name) => extents.get(name))].join(" ");
    if (e.kind === "load" || this.counted.has(key)) return 0;
    this.counted.add(key);
    const times = free.reduce((product, name) => product * (extents.get(name) ?? 1), 1);
    if (e.kind === "reduce") {
      const inner = new Map([...extents, ...e.axes.map(({ name, extent }) => [name, extent] as const)]);
      const terms = e.axes.reduce((product, { extent }) => product * extent, 1);
      return this.of(e.body, inner) + (isFloat(e.body.dtype) ? times * terms : 0);
    }
    const own = isFloat(e.dtype) && (e.kind === "binary" || e.kind === "unary") ? times : 0;
    return children(e).reduce((sum, child) => sum + this.of(child, extents), own);
  }

  private variablesOf(e: Expr): ReadonlySet<string> {
    let known = this.variables.get(e);
    if (known === undefined) {
      const found = new Set(children(e).flatMap((child) => [...this.variablesOf(child)]));
      if (e.kind === "var") found.add(e.name);
      if (e.kind === "reduce") for (const { name } of e.axes) found.delete(name);
      known = found;
      this.variables.set(e, known);
    }
    return known;
  }
}

const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
