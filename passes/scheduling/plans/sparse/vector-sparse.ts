/**
 * Winner lists in lanes: the gradients of a convolution behind a max-pool, run over one compact list of winners for
 * each image and channel, a whole row of taps at a time.
 */

import type { Capabilities } from "../../../../src/loop/capabilities.ts";
import { type Contraction, contractionOf } from "../../analysis/contraction.ts";
import { sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import type { Strategy } from "../strategy.ts";
import type { SparseForm } from "./sparse-form.ts";
import { inputVectors } from "./vector-input-gradient.ts";
import { weightVectors } from "./vector-weight-gradient.ts";

export const vectorSparse: Strategy = {
  name: "vector-sparse",
  doc: "Runs convolution gradients behind a max-pool over lists of winners, a row of taps in lanes at a time.",
  candidates(kernel, capabilities) {
    if (capabilities.vectorWidth === 1 || !capabilities.scatter) return [];
    const contraction = contractionOf(kernel);
    const form = contraction && formOf(contraction, capabilities);
    if (form === undefined) return [];
    return [
      {
        strategy: "vector-sparse",
        schedule: form.schedule,
        cost: form.cost,
        apply: () => form.build(),
      },
    ];
  },
};

function formOf(contraction: Contraction, { vectorWidth, registers }: Capabilities): SparseForm | undefined {
  for (const { sparse, dense } of sparseFactorsOf(contraction)) {
    const form = weightVectors(contraction, sparse, dense, vectorWidth, registers);
    if (form !== undefined || dense.kind !== "load") return form;
    return inputVectors({ contraction, sparse, dense }, vectorWidth, registers);
  }
  return undefined;
}
