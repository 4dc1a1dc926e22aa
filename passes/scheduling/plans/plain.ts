/** The strategy that always fits: loops as they were lowered, reductions in accumulators, indices hoisted. */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import { lowerReductions } from "../../codegen/lower-reductions.ts";
import { reduceStrength } from "../../codegen/strength-reduction.ts";
import { nestsOf } from "../analysis/nest.ts";
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

/** The kernel with every nest materialised. */
export function schedulePlain(kernel: Kernel): Kernel {
  const nests = nestsOf(kernel);
  const body = nests.map(({ name, loops, stores }): readonly Stmt[] => {
    const statements = reduceStrength(lowerReductions(loops, stores, kernel.buffers));
    return nests.length === 1 ? statements : [{ kind: "section", name, body: statements }];
  });
  return { ...kernel, body: body.flat(), schedule: [] };
}
