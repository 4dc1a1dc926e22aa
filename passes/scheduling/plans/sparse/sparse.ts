/**
 * Winner lists: the gradients of a convolution behind a max-pool run over compact lists of (position of the
 * winner, gradient) instead of over all positions, so that the zeros cost nothing. Windows that relu killed
 * do not enter the lists.
 */

import type { Capabilities } from "../../../../src/loop/capabilities.ts";
import type { Schedule } from "../../../../src/loop/schedule.ts";
import { type Contraction, contractionOf } from "../../analysis/contraction.ts";
import { sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import { type Packed, packContraction } from "../pack.ts";
import { schedulePlain } from "../plain.ts";
import type { Candidate, Scheduled, Strategy } from "../strategy.ts";
import { inputGradientForm } from "./input-gradient.ts";
import type { SparseForm } from "./sparse-form.ts";
import { weightGradientForm } from "./weight-gradient.ts";

export const sparse: Strategy = {
  name: "sparse",
  doc: "Runs convolution gradients behind a max-pool over lists of winners, skipping the zeros between them.",
  candidates(kernel, capabilities) {
    const contraction = contractionOf(kernel);
    if (contraction === undefined || !capabilities.scatter) return [];
    const direct = formOf(contraction, capabilities);
    if (direct !== undefined) return [candidate(direct, [], () => direct.build())];
    const packed = packContraction(contraction);
    const form = packed && formOf(packed.contraction, capabilities);
    if (packed === undefined || form === undefined) return [];
    return [
      candidate(form, packed.packs, () => {
        const { kernels, scratch } = form.build();
        return {
          kernels: [
            ...packed.packs.map((p) => schedulePlain(p.kernel)),
            ...kernels.map((k) =>
              k.ops === kernel.ops ? { ...k, schedule: withPacks(packed.packs, form) } : k,
            ),
          ],
          scratch: [...packed.packs.map((p) => p.scratch), ...scratch],
        };
      }),
    ];
  },
};

const candidate = (form: SparseForm, packs: readonly Packed[], apply: () => Scheduled): Candidate => ({
  strategy: "sparse",
  schedule: withPacks(packs, form),
  cost: form.cost,
  apply,
});

const withPacks = (packs: readonly Packed[], { schedule }: SparseForm): Schedule => [
  ...packs.map(({ step }) => step),
  ...schedule,
];

function formOf(contraction: Contraction, { registers, vectorWidth }: Capabilities): SparseForm | undefined {
  // A backend without lanes is JavaScript, whose numbers are doubles.
  const sumsInDouble = vectorWidth === 1;
  for (const { sparse, dense } of sparseFactorsOf(contraction)) {
    if (dense.kind !== "load") continue;
    const found = { contraction, sparse, dense };
    return weightGradientForm(found, registers, sumsInDouble) ?? inputGradientForm(found, registers);
  }
  return undefined;
}
