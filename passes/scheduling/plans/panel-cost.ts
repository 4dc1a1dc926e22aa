/** What filling a panel costs: it depends on whether the copy runs in lanes, which its guards and its source decide. */

import { addAffine, coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { conjuncts } from "../../../src/loop/walk.ts";
import type { Coordinate } from "../analysis/coordinates.ts";
import { fills } from "../transforms/copy.ts";
import { type PanelPlan, panelLength } from "../transforms/panel.ts";

/** The cost of the copy that `copySchedule` makes of the plan. */
export function panelCost(plan: PanelPlan, machine: Machine): number {
  return panelLength(plan) * elementCost(plan, machine);
}

/** What one element of the panel costs: the same for all tiles with lanes along one loop. */
export function elementCost(
  { factor, coordinates, lanes }: PanelPlan,
  { vectorWidth: width, costs: { copy } }: Machine,
): number {
  const source = factor.kind === "select" ? factor.a : factor;
  if (source.kind !== "load") return copy.computed;
  const form = toAffine(source.index);
  const isContiguous =
    (lanes !== undefined && coefficientOf(form, lanes.loop) === 1) ||
    coordinates.some(({ terms, extent }) => coefficientOf(form, terms[0].name) === 1 && fills(extent, width));
  if (factor.kind !== "select") return isContiguous ? copy.inLanes : copy.oneByOne;
  return isContiguous && conjuncts(factor.condition).every((test) => guardsOne(test, coordinates))
    ? copy.inLanes
    : copy.guarded;
}

/** Whether a guard asks for one coordinate alone, so that what it lets through is a box. */
function guardsOne(test: Expr, coordinates: readonly Coordinate[]): boolean {
  if (test.kind !== "compare" || !isIndex(test.a)) return false;
  const { terms } = addAffine(toAffine(test.a), toAffine(test.b), -1);
  const names = [...terms.values()].map(({ atom }) => (atom.kind === "var" ? atom.name : ""));
  return coordinates.some((c) => names.every((name) => c.terms.some((t) => t.name === name)));
}
