/** The ranges of the integers in a graph, from the definitions of its ops. */

import { isFloat, limitsOf } from "../core/dtype.ts";
import { producerOf, resultIndex } from "../ir/body.ts";
import type { Graph, Value } from "../ir/types.ts";
import type { Range } from "./definition.ts";
import { definitionOf } from "./registry.ts";

/** The ranges of all integers about which something is known; what may leave the limits of its dtype wraps around. */
export function rangesOf({ nodes }: Graph): ReadonlyMap<Value, Range> {
  const ranges = new Map<Value, Range>();
  for (const node of nodes) {
    const { type } = node;
    if (isFloat(type.dtype)) continue;
    const { inputs, attrs } = producerOf(node);
    const range = definitionOf(node).range?.(
      inputs.map((input) => ranges.get(input)),
      inputs.map((input) => input.type),
      attrs,
      resultIndex(node),
    );
    const [least, most] = limitsOf(type.dtype);
    if (range !== undefined && range[0] >= least && range[1] <= most) ranges.set(node, range);
  }
  return ranges;
}
