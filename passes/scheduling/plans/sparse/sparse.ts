/**
 * Sparse contractions: the gradients of a convolution before a max-pool run over compact lists of (position of the
 * winner, gradient) instead of over all positions, so that the zeros cost
 * nothing. Windows whose gradient relu made zero are not in the lists.
 */

import { InternalError } from "../../../../src/core/errors.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import { lanesIn, type Schedule } from "../../../../src/loop/schedule.ts";
import { type Contraction, contractionOf } from "../../analysis/contraction.ts";
import { type SparseContraction, sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import { cached } from "../../transforms/cache.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import type { Candidate, Strategy } from "../strategy.ts";
import { buildInputGradient, inputGradient } from "./input-gradient.ts";
import type { SparseForm } from "./tap-blocks.ts";
import { buildWeightGradient, weightGradient } from "./weight-gradient.ts";

const NAME = "sparse";

export const sparse: Strategy = {
  name: NAME,
  doc: "Runs convolution gradients behind a max-pool over lists of winners, skipping the zeros between them.",
  candidates(kernel, capabilities) {
    const contraction = contractionOf(kernel);
    if (contraction === undefined || !capabilities.scatter) return [];
    const hasLanes = capabilities.vectorWidth > 1;
    // Without lanes it is JavaScript, whose sums are in double precision.
    const formIn = (found: SparseContraction, machine: Machine): SparseForm | undefined =>
      weightGradient(found, machine, !hasLanes) ?? inputGradient(found, machine);
    return sparseFactorsOf(contraction).flatMap((found): Candidate[] => {
      const inLanes = hasLanes ? formIn(found, capabilities) : undefined;
      const form = inLanes ?? formIn(found, { ...capabilities, ...capabilities.scalar, vectorWidth: 1 });
      return form === undefined ? [] : [{ strategy: NAME, ...form }];
    });
  },
};

/** The kernels that fill the lists and run over them. */
export function applySparse(lowered: Contraction, schedule: Schedule): Scheduled {
  const lanes = lanesIn(schedule);
  const { contraction, copies, scratch } = cached(lowered, schedule, lanes, lanes - 1);
  const step = schedule.find(({ kind }) => kind === "compact");
  const found = sparseFactorsOf(contraction).find(
    ({ sparse: { operand } }) => step?.kind === "compact" && operand === step.operand,
  );
  const made = found && (buildWeightGradient(found, schedule) ?? buildInputGradient(found, schedule));
  if (made === undefined)
    throw new InternalError(`${lowered.kernel.name} has no factor that is sparse as its schedule says`);
  return { kernels: [...copies, ...made.kernels], scratch: [...scratch, ...made.scratch] };
}
