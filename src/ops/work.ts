/** The amount of work of one node of a graph by itself, before fusion, counted from its lowering. */

import { sizeOf, stridesOf } from "../core/shape.ts";
import { RESULT } from "../ir/body.ts";
import type { Graph, Node, Value } from "../ir/types.ts";
import { dot, load, variable } from "../loop/build.ts";
import { ElementWork } from "../loop/element-work.ts";
import { RangeContext } from "../loop/range.ts";
import { simplify } from "../loop/simplify.ts";
import type { Operand } from "./definition.ts";
import { loopOf } from "./loop.ts";
import { definitionOf } from "./registry.ts";

/** The work of one run of a node. */
export interface Work {
  /** Floating-point operations, a multiply-add counting as two; those of a body count for its own nodes. */
  readonly flops: number;
  /** The values that it reads, without operands that only concern gradients. */
  readonly reads: readonly Value[];
  /** Set for loops: the body, and the number of its iterations. */
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
  const counted = simplify(value, context);
  return { flops: sizeOf(type.shape) === 0 ? 0 : new ElementWork().of(counted, extents), reads: [...read] };
}
