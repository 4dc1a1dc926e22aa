/** Carries out the schedules of a contraction's phases, and combines their last kernels into one. */

import { InternalError } from "../../../src/core/errors.ts";
import { add, float, int } from "../../../src/loop/build.ts";
import { lanesIn, type Schedule } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { usedBuffers, withBody } from "../../../src/loop/used-buffers.ts";
import { rewriter, substitute } from "../../../src/loop/walk.ts";
import { contractionOf } from "../analysis/contraction.ts";
import { mapValues, type Nest, nestsOf } from "../analysis/nest.ts";
import { type Phases, phasesOf } from "../analysis/phases.ts";
import { cached } from "./cache.ts";
import { bodyOf, type Scheduled, transformed } from "./nests.ts";

/** The kernels of all phases by `apply`: those that pack and transform, then one whose sections store the results. */
export function applyPhases(
  kernel: Kernel,
  schedule: Schedule,
  apply: (kernel: Kernel, schedule: Schedule) => Scheduled,
): Scheduled {
  const phases = phasesOf(kernel);
  if (phases === undefined) throw new InternalError(`${kernel.name} has no phases to be scheduled by`);
  if (schedule.some(({ kind }) => kind === "join-phases")) return inOneNest(kernel, phases, schedule);
  const made = phases.kernels.map((phase, k) => apply(phase, stepsOf(schedule, k)));
  const last = made.map(({ kernels }) => kernels[kernels.length - 1]);
  const body = last.flatMap(({ name, body }): readonly Stmt[] =>
    body.every(({ kind }) => kind === "section") ? body : [{ kind: "section", name, body }],
  );
  const { stored, loaded } = usedBuffers(body);
  const declared = new Map<string, BufferParam>();
  for (const { buffers } of last) {
    for (const buffer of buffers) declared.set(buffer.name, buffer);
  }
  const buffers = [...declared.values()].map((buffer): BufferParam => {
    const isShared = buffer.access !== "scratch" && stored.has(buffer.name) && loaded.has(buffer.name);
    return isShared ? { ...buffer, access: "readwrite" } : buffer;
  });
  const joined: Kernel = {
    ...withBody(kernel, buffers, body),
    schedule,
    nominalFlops: flopsOf(phases),
  };
  // The kernel that stores the results counts the arithmetic of all.
  const before = made.flatMap(({ kernels }) => kernels.slice(0, -1).map((k) => ({ ...k, nominalFlops: 0 })));
  return {
    kernels: [...before, joined],
    scratch: made.flatMap(({ scratch }) => scratch),
  };
}

/**
 * All phases in one nest: a block of adjacent results at once, so
 * that lanes that are adjacent in memory are stored together.
 */
function inOneNest(kernel: Kernel, phases: Phases, schedule: Schedule): Scheduled {
  const end = schedule.findIndex(({ kind }) => kind === "join-phases");
  const parts = phases.kernels.map((phase, k) => {
    const contraction = contractionOf(phase);
    const steps = stepsOf(schedule.slice(0, end), k);
    if (contraction === undefined)
      return { nest: nestsOf(phase)[0], buffers: phase.buffers, copies: [], scratch: [] };
    const made = cached(contraction, steps, lanesIn(schedule));
    return { ...made, nest: made.contraction.nest, buffers: made.contraction.kernel.buffers };
  });
  const [{ nest }] = parts;
  const whole: Nest = {
    ...nest,
    name: "tile",
    stores: parts.flatMap((part) => mapValues(part.nest, writtenOut).stores),
  };
  const nests = schedule.slice(end).reduce((all, step) => all.flatMap((n) => transformed(n, step)), [whole]);
  const buffers = new Map(parts.flatMap((part) => part.buffers.map((b) => [b.name, b])));
  return {
    kernels: [
      ...parts.flatMap(({ copies }) => copies),
      {
        ...withBody(kernel, [...buffers.values()], bodyOf(nests)),
        schedule,
        nominalFlops: flopsOf(phases),
      },
    ],
    scratch: parts.flatMap(({ scratch }) => scratch),
  };
}

const flopsOf = ({ kernels }: Phases): number =>
  kernels.reduce((sum, { nominalFlops }) => sum + nominalFlops, 0);

/** Sums written out term by term, added to zero one after the other as a loop would. */
const writtenOut = rewriter((e) => {
  if (e.kind !== "reduce" || e.op !== "sum") return e;
  const terms = e.axes.reduce<readonly Expr[]>(
    (all, { name, extent }) =>
      all.flatMap((term) =>
        Array.from({ length: extent }, (_, k) => substitute(term, new Map([[name, int(k)]]))),
      ),
    [e.body],
  );
  return terms.reduce<Expr>((sum, term) => add(sum, term), float(0));
});

/** The steps after the mark of a phase. */
function stepsOf(schedule: Schedule, phase: number): Schedule {
  const start = schedule.findIndex((step) => step.kind === "phase" && step.number === phase);
  if (start < 0) throw new InternalError(`a schedule by phases has no phase ${phase}`);
  const rest = schedule.slice(start + 1);
  const end = rest.findIndex((step) => step.kind === "phase");
  return end < 0 ? rest : rest.slice(0, end);
}
