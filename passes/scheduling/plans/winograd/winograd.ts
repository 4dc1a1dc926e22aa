/** Winograd's minimal filtering as a strategy for convolutions of stride 1 and their gradients. */

import { InternalError } from "../../../../src/core/errors.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import { visitExpr } from "../../../../src/loop/walk.ts";
import { type Contraction, contractionOf, isOneSum } from "../../analysis/contraction.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import type { Candidate, ProgramFacts, Strategy } from "../strategy.ts";
import { type Correlation, correlationOf } from "./correlation.ts";
import { winogradCost } from "./cost.ts";
import { type Form, formsOf, keepsTies, MOST_TAPS, outputsFor, outputsForWeights } from "./forms.ts";
import { buildForward } from "./forward.ts";
import { fitsBlock, type Plan, planOf, stepFor, type WinogradStep } from "./plan.ts";
import { buildWeightGradient } from "./weight-gradient.ts";

const NAME = "winograd";

export const winograd: Strategy = {
  name: NAME,
  doc: "Convolves tile by tile with fewer products: transforms data and filter, multiplies point by point, transforms back.",
  candidates(kernel, capabilities, facts) {
    if (capabilities.vectorWidth === 1 || facts?.allowsWinograd === false) return [];
    const contraction = contractionOf(kernel);
    if (contraction === undefined || !isOneSum(contraction)) return [];
    const correlation = correlationOf(contraction);
    if (correlation === undefined) return [];
    const plans = (over: Plan["over"], forms: readonly Form[]): Plan[] =>
      forms.map((form) => planOf(correlation, stepFor(correlation, over, form, capabilities)));
    return [
      ...plans("places", formsOfPlaces(correlation, facts)),
      // The sums of blocks are added one after the other, in scratch.
      ...plans("taps", formsOfTaps(correlation, facts)).filter((plan) => plan.blocksPerGroup <= BLOCK),
    ]
      .filter((plan) => fitsBlock(plan, capabilities))
      .map(
        (plan): Candidate => ({
          strategy: NAME,
          schedule: [plan.step],
          cost: winogradCost(plan, capabilities),
        }),
      );
  },
};

/** Carries out a schedule of this strategy: the transforms, the products and what finishes them. */
export function applyWinograd(contraction: Contraction, step: WinogradStep): Scheduled {
  const correlation = correlationOf(contraction);
  if (correlation === undefined)
    throw new InternalError(`${contraction.kernel.name} is no correlation for Winograd's method`);
  const plan = planOf(correlation, step);
  return plan.over === "places" ? buildForward(plan) : buildWeightGradient(plan);
}

/** Whether the strategy is to be used wherever it matches. */
const isForced = (facts: ProgramFacts | undefined): boolean => facts === undefined || facts.forced === NAME;

/** Few taps: the forms for tiles of places. */
function formsOfPlaces(correlation: Correlation, facts: ProgramFacts | undefined): Form[] {
  const { rows, columns, data } = correlation;
  const taps = [rows.tap.extent, columns.tap.extent] as const;
  if (taps.some((r) => r > MOST_TAPS)) return [];
  // As many taps as places: the weight gradient of a small image.
  const isSmall = [rows, columns].some(({ tap, places }) => tap.extent >= places);
  if (isSmall && !isForced(facts)) return [];
  const isTied = mayTie(correlation, facts);
  return formsOf(taps, (r) => outputsFor(r, data.shared?.extent ?? 1)).filter(
    (form) => !isTied || keepsTies(form, correlation),
  );
}

/**
 * The smallest image for weight gradients. If an element sums over few pixels it is often exactly 0, and stays so in
 * direct sums; here it would be about 1e-9, which optimizers that divide by
 * the gradient's size (Adam, Adagrad) treat like any other gradient.
 */
const LEAST_IMAGE = 8;

/** Few places, as a weight gradient has: the forms for tiles of taps. */
function formsOfTaps({ rows, columns, contraction }: Correlation, facts: ProgramFacts | undefined): Form[] {
  const isSmall = rows.tap.extent < LEAST_IMAGE || columns.tap.extent < LEAST_IMAGE;
  if (isSmall && !isForced(facts)) return [];
  const places = [rows.places, columns.places] as const;
  if (places.some((r) => r > MOST_TAPS) || contraction.window.length > 0) return [];
  return formsOf(places, outputsForWeights);
}

/** Whether flat regions are to be expected under a pooling window: if it sees what the user feeds. */
function mayTie({ contraction: { window }, data }: Correlation, facts: ProgramFacts | undefined): boolean {
  if (window.length === 0) return false;
  let readsInput = false;
  visitExpr(data.factor, (e) => {
    readsInput ||= e.kind === "load" && facts !== undefined && facts.inputs.has(e.buffer);
  });
  return readsInput;
}
