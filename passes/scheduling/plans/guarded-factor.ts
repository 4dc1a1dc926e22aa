/** Factors whose loads are guarded, as a convolution's padding is: a panel with a halo of zeros takes the tests out of the sum. */

import type { Operand } from "../../../src/loop/schedule.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { visitExpr } from "../../../src/loop/walk.ts";
import { type Contraction, extentsOf } from "../analysis/contraction.ts";
import { coordinatesOf } from "../analysis/coordinates.ts";
import { isPackable, type PanelPlan, planPanel } from "../transforms/panel.ts";

/** A factor that is copied, and how its copy lies. */
export interface PanelCache {
  readonly operand: Operand;
  readonly plan: PanelPlan;
}

/** The panels of all guarded factors of a contraction. */
export function guardedCaches(contraction: Contraction): readonly PanelCache[] {
  const extents = extentsOf(contraction);
  const operands = (["left", "right"] as const).filter((operand) => isGuardedLoad(contraction[operand]));
  return operands.flatMap((operand): PanelCache[] => {
    const factor = contraction[operand];
    if (!isPackable(factor, extents)) return [];
    return [{ operand, plan: planPanel(factor, coordinatesOf(factor, extents, new Set())) }];
  });
}

/** `select(guards, load, 0)` whose guards ask for places alone. */
function isGuardedLoad(factor: Expr): boolean {
  if (factor.kind !== "select" || factor.a.kind !== "load") return false;
  if (factor.b.kind !== "const" || factor.b.value !== 0) return false;
  let readsNothing = true;
  visitExpr(factor.condition, (e) => {
    readsNothing &&= e.kind !== "load";
  });
  return readsNothing;
}
