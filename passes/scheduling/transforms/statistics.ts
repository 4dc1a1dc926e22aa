/**
 * Rows with their statistics in lanes: each phase of reductions runs along the row in vectors, whose lanes are combined
 * in a fixed order, so that the bits are the same however rows are divided among threads. Then the row itself is
 * finished. Costly functions of each element, such as softmax's exponentials, are computed once and kept in scratch.
 */

import { invariant } from "../../../src/core/errors.ts";
import { add, binary, int, load, mul, variable } from "../../../src/loop/build.ts";
import { Interner } from "../../../src/loop/intern.ts";
import { scratchFor } from "../../../src/loop/program.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { rewriter, someExpr, substitute } from "../../../src/loop/walk.ts";
import type { Reduce } from "../analysis/contraction.ts";
import { LANE, laneLoop } from "../analysis/lanes.ts";
import { type GridLoop, type Nest, nestLoops, nestsOf, statementsOf } from "../analysis/nest.ts";
import { type Phase, rowLoopsOf, type Statistic, statisticsOf } from "../analysis/statistics.ts";
import { type Scheduled, transformed } from "./nests.ts";

type StatisticsStep = Extract<Step, { kind: "statistics" }>;

/** The kernel with the statistics of its rows in lanes. */
export function applyStatistics(kernel: Kernel, schedule: Schedule, step: StatisticsStep): Scheduled {
  const before = schedule.slice(0, schedule.indexOf(step));
  const after = schedule.slice(schedule.indexOf(step) + 1);
  const [nest] = before.reduce((nests, s) => nests.flatMap((n) => transformed(n, s)), nestsOf(kernel));
  const loops = rowLoopsOf(nest);
  const found = loops && statisticsOf(nest, loops);
  invariant(found !== undefined, `${kernel.name} has statistics that lanes can share`);
  const rows = new Rows(kernel, step);
  const values = nest.stores.map(({ value }) => found.named(value));
  const { phases, finished } = rows.kept(found.phases, values, loops!.along);
  const finish: Nest = {
    ...nest,
    loops: loops!.along,
    stores: nest.stores.map((store, k) => ({ ...store, value: finished[k] })),
  };
  const inRow = [
    ...phases.flatMap((phase) => rows.phase(phase, after)),
    ...after.reduce((nests, s) => nests.flatMap((n) => transformed(n, s)), [finish]).flatMap(statementsOf),
  ];
  const body = nestLoops(loops!.rows, inRow);
  const { scratch } = rows;
  return {
    kernels: [{ ...kernel, buffers: [...kernel.buffers, ...scratch], body, schedule }],
    scratch: scratch.map((param) => scratchFor(param, `row of ${kernel.name}`)),
  };
}

/** A phase, and the values of the row that are stored before it. */
interface KeptPhase {
  readonly statistics: Phase;
  readonly kept: readonly Nest[];
}

class Rows {
  private readonly name: string;
  private readonly lanes: number;
  private readonly vectors: number;
  private length = 0;
  private readonly rows: BufferParam[] = [];

  constructor({ name }: Kernel, { lanes, vectors }: StatisticsStep) {
    this.name = name;
    this.lanes = lanes;
    this.vectors = vectors;
  }

  /** The lanes of all statistics, and kept rows: nothing in them outlives a row, so each thread has its own. */
  get scratch(): readonly BufferParam[] {
    const { length } = this;
    return [
      { name: `${this.name}_lanes`, dtype: "float32", length, access: "scratch", private: true },
      ...this.rows,
    ];
  }

  /**
   * Sums along the row may add up functions of its elements that are needed again: these are kept, each in its own row.
   */
  kept(
    phases: readonly Phase[],
    values: readonly Expr[],
    along: readonly GridLoop[],
  ): { readonly phases: readonly KeptPhase[]; readonly finished: readonly Expr[] } {
    const [loop] = along;
    const { intern } = new Interner();
    const isAlong = ({ axes }: Reduce): boolean =>
      along.length === 1 && axes.length === 1 && axes[0].extent === loop.extent;
    /** What is reduced, as an element of the row, or unchanged if it runs over something else. */
    const bodies = phases.map((phase) =>
      phase.map(({ reduction }) => {
        const { axes, body } = reduction;
        return intern(isAlong(reduction) ? renamed(body, axes[0].name, loop.name) : body);
      }),
    );
    let finished = values.map(intern);
    const result = phases.map((statistics, p): KeptPhase => {
      const kept: Nest[] = [];
      statistics.forEach(({ reduction }, k) => {
        const value = bodies[p][k];
        const users = [...finished, ...bodies.slice(p).flat()];
        const isWanted = users.filter((user) => someExpr(user, (e) => e === value)).length > 1;
        if (!isAlong(reduction) || !isCostly(value) || !isWanted) return;
        const buffer = `${this.name}_row${this.rows.length}`;
        this.rows.push({
          name: buffer,
          dtype: "float32",
          length: loop.extent,
          access: "scratch",
          private: true,
        });
        const index = variable(loop.name);
        kept.push({ name: buffer, loops: along, stores: [{ buffer, index, value }] });
        const read = rewriter((e) => (e === value ? load(buffer, "float32", index) : e));
        finished = finished.map((e) => intern(read(e)));
        for (let later = p; later < phases.length; later++)
          bodies[later] = bodies[later].map((body) => intern(read(body)));
      });
      const own = statistics.map((statistic, k): Statistic => {
        const { reduction } = statistic;
        const body = isAlong(reduction)
          ? renamed(bodies[p][k], loop.name, reduction.axes[0].name)
          : bodies[p][k];
        return { ...statistic, reduction: { ...reduction, body } };
      });
      return { statistics: own, kept };
    });
    return { phases: result, finished };
  }

  /** The statements of one phase: what is kept first, then partial results in lanes, and their combination. */
  phase({ statistics, kept }: KeptPhase, steps: Schedule): readonly Stmt[] {
    const { lanes: width } = this;
    const { axes } = statistics[0].reduction;
    const { name: axis, extent } = axes[axes.length - 1];
    const vectors = Math.max(1, Math.min(this.vectors, Math.floor(extent / width)));
    const whole = Math.floor(extent / (width * vectors));
    const start = whole * width * vectors;
    const rest = extent % width;
    const lane = (k: number): Expr => add(int(k), variable(LANE));
    const buffer = `${this.name}_lanes`;
    const element = (index: Expr): Expr => load(buffer, "float32", index);
    const single: Nest[] = [];
    const lets: Stmt[] = [];
    const inLanes = statistics.map(({ reduction, name }) => {
      const first = this.length;
      const { op } = reduction;
      const parts = Array.from({ length: vectors }, (_, v) => {
        const position = add(mul(variable(axis), int(width * vectors)), lane(v * width));
        return over(reduction, whole, position);
      });
      const last = Array.from({ length: (extent - rest - start) / width }, (_, v) =>
        over(reduction, 1, lane(start + v * width)),
      );
      const totals = Array.from({ length: width }, (_, k) => element(int(first + k)));
      this.length += width;
      if (rest > 0) {
        const value = over(reduction, rest, add(variable(axis), int(extent - rest)));
        single.push({ name, loops: [], stores: [{ buffer, index: int(this.length), value }] });
        totals.push(element(int(this.length)));
        this.length += 1;
      }
      lets.push({ kind: "let", name, value: inPairs(op, totals) });
      return { buffer, index: lane(first), value: inPairs(op, [...parts, ...last]) };
    });
    const partial: Nest = { name: buffer, loops: laneLoop(width), stores: inLanes };
    const cut = steps.reduce((nests, s) => nests.flatMap((n) => transformed(n, s)), kept);
    return [...[...cut, partial, ...single].flatMap(statementsOf), ...lets];
  }
}

const renamed = (e: Expr, from: string, to: string): Expr => substitute(e, new Map([[from, variable(to)]]));

/** Functions that are not a single instruction. */
const isCostly = (e: Expr): boolean =>
  someExpr(
    e,
    (part) =>
      part.kind === "unary" && !["neg", "abs", "sqrt", "not", "floor", "ceil", "trunc"].includes(part.op),
  );

/**
 * The reduction over so many iterations of its innermost axis,
 * which stand for these positions; a single one is no loop.
 */
function over(reduction: Reduce, iterations: number, position: Expr): Expr {
  const outer = reduction.axes.slice(0, -1);
  const { name } = reduction.axes[reduction.axes.length - 1];
  const axes = iterations === 1 ? outer : [...outer, { name, extent: iterations }];
  const at = iterations === 1 ? substitute(position, new Map([[name, int(0)]])) : position;
  const body = substitute(reduction.body, new Map([[name, at]]));
  return axes.length === 0 ? body : { ...reduction, axes, body };
}

/** Neighbours combined, then neighbouring results, and so on. */
function inPairs(op: Reduce["op"], values: readonly Expr[]): Expr {
  if (values.length === 1) return values[0];
  const pairs = values.flatMap((value, k) => {
    if (k % 2 === 1) return [];
    const next = values[k + 1];
    if (next === undefined) return [value];
    return [op === "sum" ? add(value, next) : binary("max", value, next)];
  });
  return inPairs(op, pairs);
}
