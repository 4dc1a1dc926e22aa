/** The strategy that always fits: loops as they were lowered, reductions in accumulators, indices hoisted. */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import { nestsOf, statementsOf } from "../analysis/nest.ts";
import { nestCost, UNTILED_COST } from "./plain-cost.ts";
import type { Candidate, Strategy } from "./strategy.ts";

export const plain: Strategy = {
  name: "plain",
  doc: "Runs the nest as it was lowered; invariants and index arithmetic move out of the inner loops.",
  candidates: (kernel: Kernel, { vectorWidth }: Capabilities): readonly Candidate[] => [
    {
      strategy: "plain",
      schedule: [],
      // Only beside lanes does it matter what a store costs, and what is computed once for a whole loop.
      cost: vectorWidth === 1 ? kernel.nominalFlops * UNTILED_COST : costOf(kernel),
      apply: () => ({ kernels: [schedulePlain(kernel)], scratch: [] }),
    },
  ],
};

const costOf = (kernel: Kernel): number => nestsOf(kernel).reduce((sum, nest) => sum + nestCost(nest), 0);

/** The kernel as it is, its nests alone. */
export function schedulePlain(kernel: Kernel): Kernel {
  const nests = nestsOf(kernel);
  const body = nests.map((nest): readonly Stmt[] => {
    const statements = statementsOf(nest);
    return nests.length === 1 ? statements : [{ kind: "section", name: nest.name, body: statements }];
  });
  return { ...kernel, body: body.flat(), schedule: [] };
}
