/** Carries out schedules that run a contraction over lists of a sparse factor. */

import { InternalError } from "../../../../src/core/errors.ts";
import { lanesIn, type Schedule } from "../../../../src/loop/schedule.ts";
import type { Contraction } from "../../analysis/contraction.ts";
import { sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import { cached } from "../../transforms/cache.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { buildInputGradient } from "./input-gradient.ts";
import { buildInputVectors } from "./vector-input-gradient.ts";
import { buildWeightVectors } from "./vector-weight-gradient.ts";
import { buildWeightGradient } from "./weight-gradient.ts";

/** The kernels that fill the lists and run over them. */
export function applySparse(lowered: Contraction, schedule: Schedule): Scheduled {
  const made = lanesIn(schedule) > 1 ? inVectors(lowered, schedule) : oneByOne(lowered, schedule);
  if (made === undefined)
    throw new InternalError(`${lowered.kernel.name} has no factor that is sparse as its schedule says`);
  return made;
}

function inVectors(contraction: Contraction, schedule: Schedule): Scheduled | undefined {
  const { sparse, dense } = compacted(contraction, schedule);
  const made = buildWeightVectors(contraction, sparse, dense, schedule);
  if (made !== undefined || dense.kind !== "load") return made;
  return buildInputVectors({ contraction, sparse, dense }, schedule);
}

function oneByOne(lowered: Contraction, schedule: Schedule): Scheduled | undefined {
  const { contraction, copies, scratch } = cached(lowered, schedule, 1);
  const { sparse, dense } = compacted(contraction, schedule);
  if (dense.kind !== "load") return undefined;
  const found = { contraction, sparse, dense };
  const made = buildWeightGradient(found, schedule) ?? buildInputGradient(found, schedule);
  return made && { kernels: [...copies, ...made.kernels], scratch: [...scratch, ...made.scratch] };
}

/** The factor that the schedule compacts, with the other one. */
function compacted(contraction: Contraction, schedule: Schedule) {
  const step = schedule.find(({ kind }) => kind === "compact");
  const found = sparseFactorsOf(contraction).find(
    ({ sparse }) => step?.kind === "compact" && sparse.operand === step.operand,
  );
  if (found === undefined) throw new InternalError(`${contraction.kernel.name} has no such sparse factor`);
  return found;
}
