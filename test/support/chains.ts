/**
 * Chains and ladders that use their values more than once: written out as trees they double with each step, so any
 * traversal that does not remember where it has been never ends.
 */

import * as fc from "fast-check";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";

/** One step from the two values before it; both are float32[3,4]. */
type Step = (b: GraphBuilder, x: Value, before: Value) => Value;

const ROWS = { axes: [1], keepdim: true };

export const STEPS: Readonly<Record<string, Step>> = {
  logistic: (b, x) => b.node("mul", [x, b.node("sub", [b.constant(1), x])]),
  newton: (b, x) => b.node("mul", [b.node("add", [x, b.node("div", [b.constant(2), x])]), b.constant(0.5)]),
  euler: (b, x) => b.node("add", [x, b.node("mul", [b.node("tanh", [x]), b.constant(0.1)])]),
  fibonacci: (b, x, before) => b.node("mul", [b.node("add", [x, before]), b.constant(0.6)]),
  relu: (b, x) => b.node("sub", [b.node("relu", [x]), b.node("mul", [x, b.constant(0.3)])]),
  choice: (b, x, before) =>
    b.node("where", [
      b.node("compare", [x, before], { relation: "lt" }),
      b.node("mul", [x, b.constant(0.9)]),
      before,
    ]),
  extremes: (b, x, before) => b.node("maximum", [x, b.node("minimum", [before, b.node("neg", [x])])]),
  centred: (b, x) => {
    const mean = b.node("mul", [b.node("sum", [x], ROWS), b.constant(0.25)]);
    return b.node("add", [b.node("sub", [x, mean]), b.constant(0.5)]);
  },
};

/** Names of about thirty steps. */
export const chainsOf = (names: readonly string[]): fc.Arbitrary<readonly string[]> =>
  fc.array(fc.constantFrom(...names), { minLength: 24, maxLength: 36 });

/** The mean of a chain over a parameter times an input, or with `isLoss` false the chain's elements. */
export function chainGraph(steps: readonly string[], isLoss: boolean): Graph {
  const b = new GraphBuilder(opTable);
  const type = { dtype: "float32", shape: [3, 4] } as const;
  const x = b.input("input", "x", type);
  const w = b.input("state", "w", type);
  let before: Value = x;
  let last: Value = b.node("mul", [x, w]);
  for (const step of steps) [before, last] = [last, STEPS[step](b, last, before)];
  const value = isLoss ? b.node("sum", [last], { axes: [0, 1], keepdim: false }) : last;
  return b.build("chain", [{ name: "result", value }]);
}
