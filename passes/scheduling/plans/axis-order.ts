/**
 * Orders a contraction's reduction axes, and the coordinates of its panels with them: axes that are
 * contiguous in both factors become one long inner loop, such as the tap columns and channels of a convolution once
 * channels are innermost.
 */

import { type Affine, coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { ReduceAxis } from "../../../src/loop/types.ts";
import { dependsOn } from "../analysis/contraction.ts";
import type { Coordinate } from "../analysis/coordinates.ts";
import { type PanelPlan, panelForm } from "../transforms/panel.ts";
import type { Factor } from "./factor.ts";

type Packs = readonly (PanelPlan | undefined)[];

export interface Arrangement {
  readonly packs: Packs;
  readonly axes: readonly ReduceAxis[];
  /** Iterations of the innermost loop, with adjacent axes joined. */
  readonly run: number;
}

/**
 * Orders axes and panels of a sum whose outputs run in lanes along `loop`: by the
 * factor that does not depend on it, whose elements are splatted. An axis that is
 * outermost in all factors stays there if there are others, such as a batch's images.
 */
export function arrange(
  axes: readonly ReduceAxis[],
  factors: readonly Factor[],
  packs: Packs,
  loop: string,
): Arrangement {
  const settled = (ordered: readonly ReduceAxis[], plans: Packs): Arrangement => ({
    packs: plans,
    axes: ordered,
    run: runOf(
      ordered,
      factors.map((factor, k) => formOf(factor, plans[k])),
    ),
  });
  const splat = factors.findIndex(({ expr }) => !dependsOn(expr, loop));
  if (splat < 0) return settled(axes, packs);
  const names = axes.map(({ name }) => name);
  const movable = names.length === 1 ? names : names.filter((name) => !isBatchLike(name, factors));
  const isOf = (c: Coordinate, some: readonly string[]): boolean =>
    c.terms.every((t) => some.includes(t.name));
  const first = packs[splat] && sorted(packs[splat], (c) => (isOf(c, movable) ? 1 : 0));
  const form = formOf(factors[splat], first);
  const stepOf = ({ name }: ReduceAxis): number =>
    movable.includes(name) ? Math.abs(coefficientOf(form, name)) : Number.MAX_SAFE_INTEGER;
  const ordered = [...axes].sort((a, b) => stepOf(b) - stepOf(a));
  const placeOf = ({ name }: Coordinate["terms"][number]): number =>
    1 + ordered.findIndex((axis) => axis.name === name);
  const place = ({ terms }: Coordinate): number => Math.max(...terms.map(placeOf));
  const plans = packs.map((plan, k) =>
    k === splat ? first : plan?.lanes === undefined ? plan : sorted(plan, place),
  );
  return settled(ordered, plans);
}

/** Whether an axis is outermost in all factors, as the images of a batch are. */
export const isBatchLike = (axis: string, factors: readonly Factor[]): boolean =>
  factors.every((factor) => factor.coordinates()[0]?.terms.every((t) => t.name === axis));

/** The plan with coordinates of higher ranks further in. */
function sorted(plan: PanelPlan, rankOf: (c: Coordinate) => number): PanelPlan {
  return { ...plan, coordinates: [...plan.coordinates].sort((a, b) => rankOf(a) - rankOf(b)) };
}

/** The position of an element in the factor's panel, or in place. */
export function formOf({ expr }: Factor, plan: PanelPlan | undefined): Affine {
  if (plan !== undefined) return panelForm(plan);
  return expr.kind === "load" ? toAffine(expr.index) : { constant: 0, terms: new Map() };
}

function runOf(axes: readonly ReduceAxis[], forms: readonly Affine[]): number {
  let run = 1;
  for (let k = axes.length - 1; k >= 0; k--) {
    const inner = axes[k + 1];
    const joins =
      inner === undefined ||
      forms.every((f) => coefficientOf(f, axes[k].name) === inner.extent * coefficientOf(f, inner.name));
    if (!joins) break;
    run *= axes[k].extent;
  }
  return run;
}
