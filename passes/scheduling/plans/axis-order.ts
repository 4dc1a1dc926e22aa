/**
 * The order of a contraction's reduction axes, and of the coordinates of its panels with them: axes that are
 * contiguous in both factors become one long inner loop, as tap columns and channels of a convolution do once channels
 * stand innermost.
 */

import { type Affine, coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import type { Coordinate } from "../analysis/coordinates.ts";
import { type PanelPlan, panelForm } from "../transforms/panel.ts";

/** A factor: the expression, how it is packed if it is, and its coordinates as the user's data lie. */
export interface ArrangedFactor {
  readonly expr: Expr;
  readonly plan: PanelPlan | undefined;
  readonly natural: readonly Coordinate[];
  /** Whether the lanes leave it alone, so that its elements are splatted. */
  readonly isSplat: boolean;
}

export interface Arrangement {
  readonly plans: readonly (PanelPlan | undefined)[];
  readonly axes: readonly ReduceAxis[];
  /** Iterations of the innermost loop, neighbouring axes joined. */
  readonly run: number;
}

/** Orders axes and panels. An axis that is outermost in all factors stays there, as a batch's images do. */
export function arrange(axes: readonly ReduceAxis[], factors: readonly ArrangedFactor[]): Arrangement {
  const movable = new Set(axes.map(({ name }) => name).filter((name) => !isBatchLike(name, factors)));
  const names = new Set(axes.map(({ name }) => name));
  const splat = factors.find((f) => f.isSplat);
  if (splat === undefined)
    return { plans: factors.map((f) => f.plan), axes, run: runOf(axes, factors.map(formOf)) };
  const isOnly = (c: Coordinate, set: ReadonlySet<string>): boolean => c.terms.every((t) => set.has(t.name));
  const inner = (plan: PanelPlan, rankOf: (c: Coordinate) => number): PanelPlan => {
    const ranked = plan.coordinates.map((coordinate) => ({ coordinate, rank: rankOf(coordinate) }));
    ranked.sort((a, b) => a.rank - b.rank);
    return { ...plan, coordinates: ranked.map(({ coordinate }) => coordinate) };
  };
  const first: ArrangedFactor = {
    ...splat,
    plan: splat.plan && inner(splat.plan, (c) => (isOnly(c, movable) ? 1 : 0)),
  };
  const form = formOf(first);
  const stepOf = ({ name }: ReduceAxis): number =>
    movable.has(name) ? Math.abs(coefficientOf(form, name)) : Number.MAX_SAFE_INTEGER;
  const ordered = [...axes].sort((a, b) => stepOf(b) - stepOf(a));
  const place = (c: Coordinate): number =>
    isOnly(c, names) ? 1 + Math.min(...c.terms.map((t) => ordered.findIndex((a) => a.name === t.name))) : 0;
  const settled = factors.map((f) => {
    if (f === splat) return first;
    return { ...f, plan: f.plan?.lanes === undefined ? f.plan : inner(f.plan, place) };
  });
  return {
    plans: settled.map((f) => f.plan),
    axes: ordered,
    run: runOf(ordered, settled.map(formOf)),
  };
}

/** Whether all factors have an axis outermost, as they have the images of a batch. */
export const isBatchLike = (axis: string, factors: readonly Pick<ArrangedFactor, "natural">[]): boolean =>
  factors.every(({ natural: [outermost] }) => outermost?.terms.every((t) => t.name === axis));

const formOf = ({ expr, plan }: ArrangedFactor): Affine => {
  if (plan !== undefined) return panelForm(plan);
  return expr.kind === "load" ? toAffine(expr.index) : { constant: 0, terms: new Map() };
};

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
