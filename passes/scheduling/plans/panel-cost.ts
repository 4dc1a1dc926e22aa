/** What filling a panel costs: it depends on whether the copy runs in lanes, which its guards and its source decide. */

import { addAffine, coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { conjuncts } from "../../../src/loop/walk.ts";
import type { Coordinate } from "../analysis/coordinates.ts";
import { type PanelPlan, panelLength } from "../transforms/panel.ts";
import { fills } from "./copy.ts";

/** One element, in the scheduler's unit: measured at 0.2, 0.4, 0.9 and over 1 ns beside 0.14 ns for a multiply-add. */
const IN_LANES = 3;
const ONE_BY_ONE = 6;
const GUARDED = 13;
const COMPUTED = 20;

/** The cost of the copy that `copySchedule` makes of the plan. */
export function panelCost(plan: PanelPlan, width: number): number {
  return panelLength(plan) * elementCost(plan, width);
}

/** What one element of the panel costs: the same for all tiles with lanes along one loop. */
export function elementCost({ factor, coordinates, lanes }: PanelPlan, width: number): number {
  const source = factor.kind === "select" ? factor.a : factor;
  if (source.kind !== "load") return COMPUTED;
  const form = toAffine(source.index);
  const isContiguous =
    (lanes !== undefined && coefficientOf(form, lanes.loop) === 1) ||
    coordinates.some(({ terms, extent }) => coefficientOf(form, terms[0].name) === 1 && fills(extent, width));
  if (factor.kind !== "select") return isContiguous ? IN_LANES : ONE_BY_ONE;
  return isContiguous && conjuncts(factor.condition).every((test) => guardsOne(test, coordinates))
    ? IN_LANES
    : GUARDED;
}

/** Whether a guard asks for one coordinate alone, so that what it lets through is a box. */
function guardsOne(test: Expr, coordinates: readonly Coordinate[]): boolean {
  if (test.kind !== "compare" || !isIndex(test.a)) return false;
  const { terms } = addAffine(toAffine(test.a), toAffine(test.b), -1);
  const names = [...terms.values()].map(({ atom }) => (atom.kind === "var" ? atom.name : ""));
  return coordinates.some((c) => names.every((name) => c.terms.some((t) => t.name === name)));
}
