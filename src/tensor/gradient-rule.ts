/** Rules for gradients that users write: recorded once, in terms of a gradient that is still to come. */

import type { Shape } from "../core/shape.ts";
import { apply } from "./operation.ts";
import type { Tensor } from "./tensor.ts";

/** The nesting depth of the rule that is being recorded. */
let level = 0;

/** What a rule gives, and the level that `custom_gradient` knows its `cotangent` by. */
export interface RecordedRule<T> {
  readonly result: T;
  readonly level: number;
}

/** Runs `rule` on a tensor that represents the gradient that will arrive at a tensor of this shape. */
export function recordRule<T>(shape: Shape, rule: (arriving: Tensor) => T): RecordedRule<T> {
  const own = level;
  const arriving = apply("cotangent", [], { shape, level: own });
  level++;
  try {
    return { result: rule(arriving), level: own };
  } finally {
    level = own;
  }
}
