/**
 * Rows and their statistics: reductions that serve all elements of a row are computed once for each row. Along
 * contiguous rows lanes share each reduction; if rows are adjacent, each lane has a row of its own.
 */

import { countFlops } from "../../../src/loop/flops.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { outermost } from "../../../src/loop/walk.ts";
import { contractionOf, dependsOn } from "../analysis/contraction.ts";
import { onlySum } from "../analysis/dot.ts";
import { LANE, type Lanes, splitOf, vectorCount } from "../analysis/lanes.ts";
import { type GridLoop, iterationsOf, type Nest, nestsOf } from "../analysis/nest.ts";
import { type RowLoops, rowLoopsOf, statisticsOf } from "../analysis/statistics.ts";
import { runsInLanes } from "../analysis/values-in-lanes.ts";
import { flattened, transformed } from "../transforms/nests.ts";
import { isUpdate, lanesOf } from "../transforms/rows.ts";
import { MULTIPLY_ADD } from "./cost.ts";
import type { Candidate, Strategy } from "./strategy.ts";

const NAME = "rows";

/** Several vectors at once, so that reductions do not wait for their own latency. */
const VECTORS = 4;

/** Fewer vectors do not pay for combining their lanes. */
const LEAST_VECTORS = 2;

export const rows: Strategy = {
  name: NAME,
  doc: "Computes statistics of a whole row once: along the row in lanes that are combined in a fixed order, or in lanes that have a row each.",
  candidates(kernel, machine) {
    const [lowered, ...others] = nestsOf(kernel);
    if (others.length > 0) return [];
    const nest = flattened(lowered);
    const loops = rowLoopsOf(nest);
    if (loops === undefined || isUpdate(nest)) return [];
    return [...inLanesOf(kernel, nest, loops, machine), ...oneByOne(nest, loops, machine)];
  },
};

const namesOf = (loops: readonly GridLoop[]): string[] => loops.map(({ name }) => name);

/** The steps that make the loops over rows the outer ones. */
function inOrder(nest: Nest, { rows, along }: RowLoops): { readonly nest: Nest; readonly steps: Schedule } {
  const loops = [...namesOf(rows), ...namesOf(along)];
  if (loops.join() === namesOf(nest.loops).join()) return { nest, steps: [{ kind: "flatten" }] };
  const step: Step = { kind: "reorder", loops };
  const [reordered] = transformed(nest, step);
  return { nest: reordered, steps: [{ kind: "flatten" }, step] };
}

/** Lanes that share the reductions of a row, one row after the other. */
function inLanesOf(kernel: Kernel, lowered: Nest, loops: RowLoops, machine: Machine): Candidate[] {
  const { vectorWidth: width, costs } = machine;
  if (width === 1) return [];
  // For a single sum, strategies that compute several at once are better.
  const isSum = contractionOf(kernel) !== undefined || onlySum(lowered) !== undefined;
  if (loops.along.length === 0 && isSum) return [];
  const statistics = statisticsOf(lowered, loops);
  if (statistics === undefined) return [];
  const { phases, named } = statistics;
  const sums = phases.flat().map(({ reduction }) => reduction);
  const isInLanes = sums.every(({ axes, body }) => {
    const { name, extent } = axes[axes.length - 1] ?? { name: "", extent: 0 };
    return extent >= LEAST_VECTORS * width && dependsOn(body, name) && runsInLanes(body, name);
  });
  if (!isInLanes) return [];
  const { nest, steps } = inOrder(lowered, loops);
  const lanes = loops.along.length === 0 ? undefined : lanesOf(nest, width);
  const cut: Step[] = lanes === undefined ? [] : [{ kind: "vectorize", ...splitOf(lanes), tail: "shifted" }];
  const summed = flopsOf(sums) / width;
  const brought = MULTIPLY_ADD * (costs.tile.addLanes * sums.length + costs.tile.start * phases.length);
  const finished = finishCost(
    machine,
    nest,
    loops,
    nest.stores.map(({ value }) => named(value)),
    lanes,
  );
  return [
    {
      strategy: NAME,
      schedule: [...steps, { kind: "statistics", vectors: VECTORS, lanes: width }, ...cut],
      cost: iterationsOf(loops.rows) * (costs.loop.operation * summed + brought + finished),
    },
  ];
}

/** Each reduction term by term: with a row in each lane if rows are adjacent. */
function oneByOne(lowered: Nest, loops: RowLoops, machine: Machine): Candidate[] {
  const { rows, along } = loops;
  const { vectorWidth: width, costs } = machine;
  if (along.length === 0) return [];
  const { nest, steps } = inOrder(lowered, loops);
  const inner = lowered.loops[lowered.loops.length - 1];
  const hasRows = rows.includes(inner);
  const lanes = width === 1 ? undefined : lanesOf(hasRows ? lowered : nest, width);
  // Otherwise nothing is gained over the nest as it was lowered.
  if (steps.length === 1 && !hasRows) return [];
  const values = nest.stores.map(({ value }) => value);
  const before = flopsOf(outermost(values, (e) => e.kind === "reduce"));
  const each = flopsOf(values) - before;
  const cost = (rowCount: number, alongCount: number): number =>
    rowCount *
    (costs.loop.operation * (before + alongCount * each) + costs.loop.store * alongCount * values.length);
  const [rowCount, alongCount] = [iterationsOf(rows), iterationsOf(along)];
  if (lanes === undefined) return [{ strategy: NAME, schedule: steps, cost: cost(rowCount, alongCount) }];
  const split: Step = { kind: "vectorize", ...splitOf(lanes) };
  const share = vectorCount(lanes) / lanes.extent;
  if (!hasRows)
    return [{ strategy: NAME, schedule: [...steps, split], cost: cost(rowCount, alongCount * share) }];
  const order = [...namesOf(rows), LANE, ...namesOf(along)];
  const schedule: Schedule = [{ kind: "flatten" }, split, { kind: "reorder", loops: order }];
  return [{ strategy: NAME, schedule, cost: cost(rowCount * share, alongCount) }];
}

/** The cost of finishing one row whose statistics are known. */
function finishCost(
  { costs: { loop } }: Machine,
  { stores }: Nest,
  { along }: RowLoops,
  values: readonly Expr[],
  lanes: Lanes | undefined,
): number {
  const iterations = iterationsOf(along) * (lanes === undefined ? 1 : vectorCount(lanes) / lanes.extent);
  return iterations * (loop.operation * flopsOf(values) + loop.store * stores.length);
}

const flopsOf = (values: readonly Expr[]): number =>
  countFlops(values.map((value): Stmt => ({ kind: "let", name: "_", value })));
