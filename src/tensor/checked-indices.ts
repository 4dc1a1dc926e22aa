/** Checks the indices of operations such as `gather` whose values are known before anything is computed. */

import { checkIndices } from "../core/index-limit.ts";
import type { Origin } from "../core/origin.ts";
import type { Attrs } from "../ir/types.ts";
import { definitionOf } from "../ops/registry.ts";
import { currentEvaluator } from "./context.ts";
import type { Version } from "./version.ts";

/**
 * Checks the known indices of an operation; others are checked when they are computed. Returns the operation's line for
 * those errors.
 */
export function checkedIndices(op: string, inputs: readonly Version[], attrs: Attrs): readonly Origin[] {
  const origin = currentEvaluator()?.origin();
  const origins = origin === undefined ? [] : [origin];
  for (const { input, ...limit } of definitionOf(op).indices?.(inputs, attrs) ?? []) {
    const index = unarranged(inputs[input]);
    const known = index.storage?.peek();
    if (known !== undefined) checkIndices(known, index.shape, { op, ...limit, origins });
  }
  return origins;
}

/** The version that holds the same elements in another order, however often. */
function unarranged(version: Version): Version {
  let base = version;
  while (base.operation !== undefined && definitionOf(base.operation.op).movement?.keepsAll)
    [base] = base.operation.inputs;
  return base;
}
