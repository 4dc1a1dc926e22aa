/** Carries out schedules: the one place where a lowered kernel becomes what its plan says. */

import { InternalError } from "../../src/core/errors.ts";
import { lanesIn, type Schedule, type Step } from "../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel } from "../../src/loop/types.ts";
import { withBody } from "../../src/loop/used-buffers.ts";
import { type Contraction, contractionOf, onSums, type Reduce } from "./analysis/contraction.ts";
import { flatContractionOf } from "./analysis/flat-contraction.ts";
import { joinAxes } from "./analysis/join-loops.ts";
import { mapValues, type Nest } from "./analysis/nest.ts";
import { applySparse } from "./plans/sparse/sparse.ts";
import { applyWinograd } from "./plans/winograd/winograd.ts";
import { accumulated } from "./transforms/accumulate.ts";
import { cached } from "./transforms/cache.ts";
import { applyDot, isDot } from "./transforms/dot.ts";
import { bodyOf, onNests, type Scheduled, transformed } from "./transforms/nests.ts";
import { applyPhases } from "./transforms/phases.ts";
import { applyStatistics } from "./transforms/statistics.ts";
import { foldGuards, unrollWindows } from "./transforms/window.ts";

/**
 * The kernels that a schedule makes of a lowered one, and their scratch. How their work is divided among threads is
 * decided later, for a program as a whole: steps that describe it are left to the pass that does it.
 */
export function apply(kernel: Kernel, steps: Schedule): Scheduled {
  const schedule = steps.filter(({ kind }) => kind !== "parallelize");
  if (schedule[0]?.kind === "phases") return applyPhases(kernel, schedule, apply);
  const winograd = schedule.find((step) => step.kind === "winograd");
  if (winograd !== undefined) return applyWinograd(contractionIn(kernel), winograd);
  if (schedule.some(({ kind }) => kind === "compact")) return applySparse(contractionIn(kernel), schedule);
  const statistics = schedule.find((step) => step.kind === "statistics");
  if (statistics !== undefined) return applyStatistics(kernel, schedule, statistics);
  if (isDot(kernel, schedule)) return applyDot(kernel, schedule);
  if (schedule.every(({ kind }) => ON_NESTS.has(kind)) || contractionOf(kernel) === undefined)
    return { kernels: [onNests(kernel, schedule)], scratch: [] };
  const isFlat = schedule[0]?.kind === "flatten";
  return tiled((isFlat && flatContractionOf(kernel)) || contractionIn(kernel), schedule);
}

/** Steps that depend on nothing but the nest that they change. */
const ON_NESTS: ReadonlySet<Step["kind"]> = new Set(["flatten", "clear", "reorder", "vectorize"] as const);

function contractionIn(kernel: Kernel): Contraction {
  const contraction = contractionOf(kernel);
  if (contraction === undefined)
    throw new InternalError(`${kernel.name} is no contraction to be scheduled as one`);
  return contraction;
}

/**
 * A contraction in tiles, flat if the schedule says so: its factors are
 * cached first, then sums kept in scratch, then its loops transformed.
 */
function tiled(lowered: Contraction, schedule: Schedule): Scheduled {
  const { contraction, copies, scratch } = cached(lowered, schedule, lanesIn(schedule));
  const { kernel, core, window, left, right } = contraction;
  const waiting = schedule.find((step) => step.kind === "accumulate");
  const sums = waiting && accumulated(contraction, lowered, waiting);
  let nests: readonly Nest[] = [{ ...(sums?.nest ?? contraction.nest), name: "tile" }];
  let axes = core.axes.filter(({ name }) => name !== waiting?.over);
  const onSum = (change: (sum: Reduce) => Expr): void => {
    nests = nests.map((nest) => mapValues(nest, onSums(axes, change)));
  };
  for (const step of schedule) {
    if (step.kind === "reorder-sum") {
      const ordered = step.loops.flatMap((name) => axes.filter((a) => a.name === name));
      onSum((sum) => ({ ...sum, axes: ordered }));
      axes = ordered;
    } else if (step.kind === "fuse-sum") onSum(joinAxes);
    else if (step.kind === "unroll-window") nests = nests.map((nest) => unrollWindows(nest, window));
    else if (step.kind !== "flatten") nests = nests.flatMap((nest) => transformed(nest, step));
  }
  const isGuarded = [left, right].some(({ kind }) => kind !== "load");
  const body = bodyOf(isGuarded ? nests.map(foldGuards) : nests);
  const made = (buffers: readonly BufferParam[]): Kernel => ({
    ...withBody(kernel, buffers, body),
    schedule,
  });
  if (sums === undefined) return { kernels: [...copies, made(kernel.buffers)], scratch };
  const main = { ...made([...kernel.buffers, sums.param]), name: `${kernel.name}_sums` };
  return { kernels: [...copies, main, sums.epilogue], scratch: [...scratch, sums.scratch] };
}
