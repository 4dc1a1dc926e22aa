/**
 * Winner lists: the gradients of a convolution behind a max-pool run over compact lists of (position of the
 * winner, gradient) instead of over all positions, so that the zeros cost nothing. Windows that relu killed
 * do not enter the lists.
 */

import type { Capabilities } from "../../../../src/loop/capabilities.ts";
import { type Contraction, contractionOf } from "../../analysis/contraction.ts";
import { sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import { cached } from "../../transforms/cache.ts";
import { cacheStep } from "../../transforms/panel.ts";
import { guardedCaches } from "../factor.ts";
import type { Candidate, Strategy } from "../strategy.ts";
import { inputGradientForm } from "./input-gradient.ts";
import type { SparseForm } from "./sparse-form.ts";
import { inputVectors } from "./vector-input-gradient.ts";
import { weightVectors } from "./vector-weight-gradient.ts";
import { weightGradientForm } from "./weight-gradient.ts";

const NAME = "sparse";

export const sparse: Strategy = {
  name: NAME,
  doc: "Runs convolution gradients behind a max-pool over lists of winners, skipping the zeros between them.",
  candidates(kernel, capabilities) {
    const contraction = contractionOf(kernel);
    if (contraction === undefined || !capabilities.scatter) return [];
    return [
      ...scalarCandidates(contraction, capabilities),
      ...(capabilities.vectorWidth > 1 ? vectorCandidates(contraction, capabilities) : []),
    ];
  },
};

/** One entry of a list after the other, a block of taps in registers; a guarded dense factor is copied first. */
function scalarCandidates(contraction: Contraction, capabilities: Capabilities): readonly Candidate[] {
  const direct = scalarForm(contraction, capabilities);
  if (direct !== undefined) return [{ strategy: NAME, ...direct }];
  const caches = guardedCaches(contraction).map(({ plan, operand }) => cacheStep(plan, operand));
  if (caches.length === 0) return [];
  const form = scalarForm(cached(contraction, caches, 1).contraction, capabilities);
  return form === undefined
    ? []
    : [{ strategy: NAME, cost: form.cost, schedule: [...caches, ...form.schedule] }];
}

function scalarForm(contraction: Contraction, machine: Capabilities): SparseForm | undefined {
  // A backend without lanes is JavaScript, whose numbers are doubles.
  const sumsInDouble = machine.vectorWidth === 1;
  for (const { sparse, dense } of sparseFactorsOf(contraction)) {
    if (dense.kind !== "load") continue;
    const found = { contraction, sparse, dense };
    return weightGradientForm(found, machine, sumsInDouble) ?? inputGradientForm(found, machine);
  }
  return undefined;
}

/** A row of taps in lanes at a time. */
function vectorCandidates(contraction: Contraction, machine: Capabilities): readonly Candidate[] {
  const [factor] = sparseFactorsOf(contraction);
  if (factor === undefined) return [];
  const { sparse, dense } = factor;
  const form =
    weightVectors(contraction, sparse, dense, machine) ??
    (dense.kind === "load" ? inputVectors({ contraction, sparse, dense }, machine) : undefined);
  return form === undefined ? [] : [{ strategy: NAME, ...form }];
}
