/** Caches factors of a contraction: each is copied into a panel by a kernel of its own, and read from there. */

import { Interner } from "../../../src/loop/intern.ts";
import type { ProgramBuffer } from "../../../src/loop/program.ts";
import type { Operand, Schedule, Step, VectorSplit } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { withBody } from "../../../src/loop/used-buffers.ts";
import { rewriter } from "../../../src/loop/walk.ts";
import { type Contraction, extentsOf, type Reduce } from "../analysis/contraction.ts";
import { coordinatesOf } from "../analysis/coordinates.ts";
import type { Lanes } from "../analysis/lanes.ts";
import { copySchedule } from "./copies.ts";
import { onNests } from "./nests.ts";
import { buildPanel, type PanelPlan, planPanel } from "./panel.ts";

export interface Cached {
  /** The contraction with loads of panels in place of factors; its kernel declares them. */
  readonly contraction: Contraction;
  readonly copies: readonly Kernel[];
  readonly scratch: readonly ProgramBuffer[];
}

type CacheStep = Extract<Step, { kind: "cache" }>;

/**
 * The contraction after all steps of a schedule that cache something; copies run in so many lanes, and vectors may reach
 * `slack` elements beyond them.
 */
export function cached(contraction: Contraction, schedule: Schedule, lanes: number, slack = 0): Cached {
  const steps = schedule.filter((step) => step.kind === "cache");
  if (steps.length === 0) return { contraction, copies: [], scratch: [] };
  const { kernel, nest, core } = contraction;
  // Equal copies of a factor occur in several stores; interned, they are one.
  const interner = new Interner();
  const replaced = new Map<Expr, Expr>();
  const panels = steps.map((step) => {
    const factor = contraction[step.operand];
    const panel = buildPanel(
      { ...panelOf(contraction, step), slack },
      kernel,
      `${kernel.name}_panel${step.operand === "left" ? 0 : 1}`,
    );
    replaced.set(interner.intern(factor), panel.load);
    return { panel, operand: step.operand };
  });
  const rewrite = rewriter((e) => replaced.get(e) ?? e);
  const settle = (e: Expr): Expr => rewrite(interner.intern(e));
  const factorOf = (operand: Operand): Expr =>
    panels.find((p) => p.operand === operand)?.panel.load ?? contraction[operand];
  const stores = nest.stores.map((s) => ({ ...s, value: settle(s.value) }));
  const params = panels.map(({ panel }): BufferParam => ({ ...panel.param, access: "read" }));
  const body = stores.map((s): Stmt => ({ kind: "store", ...s }));
  return {
    contraction: {
      ...contraction,
      kernel: withBody(kernel, [...kernel.buffers, ...params], body),
      nest: { ...nest, stores },
      core: settle(core) as Reduce,
      left: factorOf("left"),
      right: factorOf("right"),
    },
    copies: panels.map(({ panel }) => onNests(panel.kernel, copySchedule(panel.kernel, lanes))),
    scratch: panels.map(({ panel }) => panel.scratch),
  };
}

/** The layout of the panel of a step. */
export function panelOf(contraction: Contraction, { operand, layout, tiles }: CacheStep): PanelPlan {
  const factor = contraction[operand];
  const extents = extentsOf(contraction);
  const alone = new Set(tiles === undefined ? [] : [tiles.loop]);
  const placeOf = (names: readonly string[]): number =>
    layout.findIndex((loops) => loops.join() === names.join());
  const coordinates = coordinatesOf(factor, extents, alone)
    .map((coordinate) => ({ coordinate, place: placeOf(coordinate.terms.map(({ name }) => name)) }))
    .sort((a, b) => a.place - b.place)
    .map(({ coordinate }) => coordinate);
  return planPanel(factor, coordinates, tiles && lanesOf(tiles, extents.get(tiles.loop) ?? 1));
}

/** The lanes of a step, along a loop with so many iterations. */
const lanesOf = ({ loop, vectors, lanes, tail }: VectorSplit, extent: number): Lanes => ({
  loop,
  extent,
  width: lanes,
  vectors,
  padded: tail === "padded",
});
