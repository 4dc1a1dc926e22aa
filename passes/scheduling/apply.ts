/** Carries out schedules: the one place where a lowered kernel becomes what a plan has chosen. */

import { InternalError } from "../../src/core/errors.ts";
import type { ProgramBuffer } from "../../src/loop/program.ts";
import { lanesIn, type Schedule, type Step } from "../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel } from "../../src/loop/types.ts";
import { usedBuffers } from "../../src/loop/used-buffers.ts";
import { type Contraction, contractionOf, onSums, type Reduce } from "./analysis/contraction.ts";
import { joinAxes } from "./analysis/join-loops.ts";
import { mapValues, type Nest } from "./analysis/nest.ts";
import { applySparse } from "./plans/sparse/apply.ts";
import { applyWinograd } from "./plans/winograd/winograd.ts";
import { accumulated } from "./transforms/accumulate.ts";
import { cached } from "./transforms/cache.ts";
import { applyDot, isDot } from "./transforms/dot.ts";
import { bodyOf, onNests, type Scheduled, transformed } from "./transforms/nests.ts";
import { foldGuards, unrollWindows } from "./transforms/unroll.ts";

/**
 * The kernels that a schedule makes of a lowered one, and their scratch. How their work is divided among threads is decided
 * later, for a program as a whole: such steps tell of it, and are left to the pass that does it.
 */
export function apply(kernel: Kernel, steps: Schedule): Scheduled {
  const schedule = steps.filter(({ kind }) => kind !== "parallelize");
  const winograd = schedule.find((step) => step.kind === "winograd");
  if (winograd !== undefined) return applyWinograd(contractionIn(kernel), winograd);
  if (schedule.some(({ kind }) => kind === "compact")) return applySparse(contractionIn(kernel), schedule);
  if (isDot(kernel, schedule)) return applyDot(kernel, schedule);
  if (schedule.every(({ kind }) => ON_NESTS.has(kind)))
    return { kernels: [onNests(kernel, schedule)], scratch: [] };
  return new Tiled(contractionIn(kernel), schedule).scheduled;
}

/** Steps that ask nothing but the nest that they change. */
const ON_NESTS: ReadonlySet<Step["kind"]> = new Set(["flatten", "clear", "reorder", "vectorize"] as const);

function contractionIn(kernel: Kernel): Contraction {
  const contraction = contractionOf(kernel);
  if (contraction === undefined)
    throw new InternalError(`${kernel.name} is no contraction to be scheduled as one`);
  return contraction;
}

/** A contraction in tiles, step by step. */
class Tiled {
  private readonly contraction: Contraction;
  private readonly schedule: Schedule;
  private name: string;
  private nests: readonly Nest[];
  private buffers: readonly BufferParam[];
  private readonly before: readonly Kernel[];
  private readonly after: Kernel[] = [];
  private readonly scratch: ProgramBuffer[];
  /** The axes of the sum as they are by now. */
  private axes: Reduce["axes"];

  constructor(lowered: Contraction, schedule: Schedule) {
    const { contraction, copies, scratch } = cached(lowered, schedule, lanesIn(schedule));
    this.contraction = contraction;
    this.schedule = schedule;
    this.name = lowered.kernel.name;
    this.nests = [{ ...contraction.nest, name: "tile" }];
    this.buffers = contraction.kernel.buffers;
    this.before = copies;
    this.scratch = [...scratch];
    this.axes = contraction.core.axes;
    for (const step of schedule) this.carryOut(step, lowered);
  }

  get scheduled(): Scheduled {
    const { left, right, kernel } = this.contraction;
    const isGuarded = [left, right].some(({ kind }) => kind !== "load");
    const nests = isGuarded ? this.nests.map(foldGuards) : this.nests;
    const body = bodyOf(nests);
    const { loaded, stored, scalars } = usedBuffers(body);
    const main: Kernel = {
      ...kernel,
      name: this.name,
      buffers: this.buffers.filter((b) => loaded.has(b.name) || stored.has(b.name)),
      scalars: kernel.scalars.filter((name) => scalars.has(name)),
      body,
      schedule: this.schedule,
    };
    return { kernels: [...this.before, main, ...this.after], scratch: this.scratch };
  }

  private carryOut(step: Step, lowered: Contraction): void {
    switch (step.kind) {
      case "cache":
        return;
      case "accumulate": {
        const { nest, param, scratch, epilogue } = accumulated(this.contraction, lowered, step);
        this.nests = [{ ...nest, name: "tile" }];
        this.axes = this.axes.filter(({ name }) => name !== step.over);
        this.name = `${this.name}_sums`;
        this.buffers = [...this.buffers, param];
        this.scratch.push(scratch);
        this.after.push(epilogue);
        return;
      }
      case "reorder-sum": {
        const axes = step.loops.flatMap((name) => this.axes.filter((a) => a.name === name));
        this.onSum((sum) => ({ ...sum, axes }));
        this.axes = axes;
        return;
      }
      case "fuse-sum":
        this.onSum(joinAxes);
        return;
      case "unroll-window":
        this.nests = this.nests.map((nest) => unrollWindows(nest, this.contraction.window));
        return;
      default:
        this.nests = this.nests.flatMap((nest) => transformed(nest, step));
    }
  }

  /** Changes the sum wherever it stands. */
  private onSum(change: (sum: Reduce) => Expr): void {
    this.nests = this.nests.map((nest) => mapValues(nest, onSums(this.axes, change)));
  }
}
