/** Winograd's minimal filtering as a way to run convolutions of stride 1 and their gradients. */

import type { Capabilities } from "../../../../src/loop/capabilities.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import { visitExpr } from "../../../../src/loop/walk.ts";
import { contractionOf } from "../../analysis/contraction.ts";
import type { Candidate, ProgramFacts, Strategy } from "../strategy.ts";
import { isOneSum } from "../vector-plan.ts";
import { type Correlation, correlationOf } from "./correlation.ts";
import { forwardCost, weightCost } from "./cost.ts";
import { formsOf, keepsTies, MOST_TAPS, outputsFor, outputsForWeights } from "./forms.ts";
import { forwardPlan } from "./forward-plan.ts";
import { tileRowsFor } from "./multiply.ts";
import { pointsOf, type TileSizes } from "./tiling.ts";
import { weightPlan } from "./weight-plan.ts";

const NAME = "winograd";

/** Floats of transformed tiles that a block may hold, and each thread with it: an image is never cut. */
const MOST_BLOCK_FLOATS = 4_000_000;

export const winograd: Strategy = {
  name: NAME,
  doc: "Convolves tile by tile with fewer products: transforms data and filter, multiplies point by point, transforms back.",
  candidates(kernel, capabilities, facts) {
    if (capabilities.vectorWidth === 1 || facts?.allowsWinograd === false) return [];
    const contraction = contractionOf(kernel);
    if (contraction === undefined || !isOneSum(contraction)) return [];
    const correlation = correlationOf(contraction);
    if (correlation === undefined) return [];
    return [
      ...forwardCandidates(correlation, capabilities, facts),
      ...weightCandidates(correlation, capabilities, facts),
    ];
  },
};

const sizesFor = ({ vectorWidth, registers }: Capabilities): TileSizes => ({
  lanes: vectorWidth,
  rows: tileRowsFor(registers),
});

/** Few taps: tiles of places. */
function forwardCandidates(
  correlation: Correlation,
  capabilities: Capabilities,
  facts: ProgramFacts | undefined,
): Candidate[] {
  const { rows, columns, shared } = correlation;
  const taps = [rows.tap.extent, columns.tap.extent] as const;
  if (taps.some((r) => r > MOST_TAPS)) return [];
  // As many taps as places: the weight gradient of a small image.
  const isSmall = [rows, columns].some(({ tap, places }) => tap.extent >= places);
  if (isSmall && !isForced(facts)) return [];
  const isTied = mayTie(correlation, facts);
  return formsOf(taps, (r) => outputsFor(r, shared?.extent ?? 1))
    .filter((form) => !isTied || keepsTies(form, correlation))
    .map((form) => forwardPlan(correlation, form, sizesFor(capabilities)))
    .filter(
      (plan) =>
        pointsOf(plan.tiling.form) * (plan.transformed.stride + plan.productStride) <= MOST_BLOCK_FLOATS,
    )
    .map((plan) => ({
      strategy: NAME,
      schedule: plan.schedule,
      cost: forwardCost(plan, capabilities),
    }));
}

/**
 * The smallest image for weight gradients. Where an element sums over few pixels it is often exactly 0, and stays so in
 * direct sums; here it would be some 1e-9, which optimizers that divide by the gradient's size (Adam, Adagrad) take for a
 * gradient like any other.
 */
const LEAST_IMAGE = 8;

/** Whether the strategy is to be used wherever it matches. */
const isForced = (facts: ProgramFacts | undefined): boolean => facts === undefined || facts.forced === NAME;

/** Few places, as a weight gradient has: tiles of taps. */
function weightCandidates(
  correlation: Correlation,
  capabilities: Capabilities,
  facts: ProgramFacts | undefined,
): Candidate[] {
  const { rows, columns, contraction } = correlation;
  const isSmall = rows.tap.extent < LEAST_IMAGE || columns.tap.extent < LEAST_IMAGE;
  if (isSmall && !isForced(facts)) return [];
  const places = [rows.places, columns.places] as const;
  if (places.some((r) => r > MOST_TAPS) || contraction.window.length > 0) return [];
  return formsOf(places, outputsForWeights)
    .map((form) => weightPlan(correlation, form, sizesFor(capabilities)))
    .filter(
      (plan) =>
        // The sums of blocks are added one after the other, in scratch.
        plan.blocksPerGroup <= BLOCK &&
        pointsOf(plan.tiling.form) * (plan.transformed.stride + plan.gradientStride) <= MOST_BLOCK_FLOATS,
    )
    .map((plan) => ({
      strategy: NAME,
      schedule: plan.schedule,
      cost: weightCost(plan, capabilities),
    }));
}

/** Whether flat regions are to be expected under a pooling window: where it looks at what the user feeds. */
function mayTie({ contraction: { window }, data }: Correlation, facts: ProgramFacts | undefined): boolean {
  if (window.length === 0) return false;
  let readsInput = false;
  visitExpr(data, (e) => {
    readsInput ||= e.kind === "load" && facts !== undefined && facts.inputs.has(e.buffer);
  });
  return readsInput;
}
