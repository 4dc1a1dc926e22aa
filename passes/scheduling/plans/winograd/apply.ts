/** Carries out schedules by Winograd's method. */

import { InternalError } from "../../../../src/core/errors.ts";
import type { Step } from "../../../../src/loop/schedule.ts";
import type { Contraction } from "../../analysis/contraction.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { correlationOf } from "./correlation.ts";
import { formOf } from "./forms.ts";
import { buildForward } from "./forward.ts";
import { forwardPlan } from "./forward-plan.ts";
import { buildWeightGradient } from "./weight-gradient.ts";
import { weightPlan } from "./weight-plan.ts";

/** The transforms, the products and what finishes them. */
export function applyWinograd(
  contraction: Contraction,
  { over, outputs, taps, ...sizes }: Extract<Step, { kind: "winograd" }>,
): Scheduled {
  const correlation = correlationOf(contraction);
  if (correlation === undefined)
    throw new InternalError(`${contraction.kernel.name} is no correlation for Winograd's method`);
  const form = formOf(outputs, taps);
  return over === "places"
    ? buildForward(forwardPlan(correlation, form, sizes))
    : buildWeightGradient(weightPlan(correlation, form, sizes));
}
