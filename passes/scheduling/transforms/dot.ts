/** Sums in lanes: partial sums go to scratch lane by lane, are added there and finished. */

import { invariant } from "../../../src/core/errors.ts";
import { add, int, load, mul, variable } from "../../../src/loop/build.ts";
import { Interner } from "../../../src/loop/intern.ts";
import { scratchFor } from "../../../src/loop/program.ts";
import { lanesIn, type Schedule } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { nested, rewriter, substitute } from "../../../src/loop/walk.ts";
import { onSums, type Reduce } from "../analysis/contraction.ts";
import { onlySum, sumsIn } from "../analysis/dot.ts";
import { joinAxes } from "../analysis/join-loops.ts";
import { LANE, laneLoop } from "../analysis/lanes.ts";
import {
  mapValues,
  type Nest,
  nestLoops,
  nestsOf,
  type StoreTarget,
  statementsOf,
} from "../analysis/nest.ts";
import { type Scheduled, transformed } from "./nests.ts";

/** Whether a schedule has lanes share a sum: it vectorizes none of the kernel's own loops. */
export function isDot(kernel: Kernel, schedule: Schedule): boolean {
  const loops = new Set(nestsOf(kernel).flatMap((nest) => nest.loops.map(({ name }) => name)));
  return schedule.some((step) => step.kind === "vectorize" && !loops.has(step.loop));
}

/** The kernel with its sum in lanes, its axes joined if they are contiguous. */
export function applyDot(kernel: Kernel, schedule: Schedule): Scheduled {
  const [lowered] = nestsOf(kernel);
  const sum = onlySum(lowered);
  invariant(sum !== undefined, `${kernel.name} has one sum that lanes can share`);
  const nest = mapValues(lowered, onSums(sum.axes, joinAxes));
  const outside = schedule.filter(({ kind }) => kind !== "vectorize");
  const nests = outside.reduce((all, step) => all.flatMap((n) => transformed(n, step)), [nest]);
  const name = `${kernel.name}_lanes`;
  let length = 0;
  const parts = nests.map((part): Stmt => {
    const made = partOf(part, name, lanesIn(schedule), length);
    length += made.length;
    return { kind: "section", name: "tile", body: made.body };
  });
  const body = parts.length === 1 ? nested(parts[0]) : parts;
  const lanes: BufferParam = { name, dtype: "float32", length, access: "scratch" };
  return {
    kernels: [{ ...kernel, buffers: [...kernel.buffers, lanes], body, schedule }],
    scratch: [scratchFor(lanes, `lanes of ${kernel.name}`)],
  };
}

/**
 * One shape of tile. Its lanes are in scratch from `start` on, separately
 * for each iteration of the outermost loop, which threads may share.
 */
function partOf({ loops, stores }: Nest, name: string, width: number, start: number) {
  const interner = new Interner();
  const values = stores.map(({ value }) => interner.intern(value));
  const sums = sumsIn(values);
  const [outermost] = loops;
  const stride = sums.length * width;
  const base =
    outermost === undefined ? int(start) : add(mul(variable(outermost.name), int(stride)), int(start));
  const totals = new Map<Expr, Expr>();
  const partial = sums.map((sum, k): StoreTarget => {
    const { name: axis, extent } = sum.axes[sum.axes.length - 1];
    const rest = extent % width;
    const at = (lane: Expr): Expr => add(add(base, int(k * width)), lane);
    const total = inPairs(Array.from({ length: width }, (_, lane) => load(name, "float32", at(int(lane)))));
    const remainder = add(variable(axis), int(extent - rest));
    totals.set(sum, rest === 0 ? total : add(total, over(sum, rest, remainder)));
    const position = add(mul(variable(axis), int(width)), variable(LANE));
    return {
      buffer: name,
      index: at(variable(LANE)),
      value: over(sum, Math.floor(extent / width), position),
    };
  });
  const finish = rewriter((e) => totals.get(e) ?? e);
  const finished = stores.map((s, k) => ({ ...s, value: finish(values[k]) }));
  const body = nestLoops(loops, [
    ...statementsOf({ loops: laneLoop(width), stores: partial }),
    ...statementsOf({ loops: [], stores: finished }),
  ]);
  return { body, length: stride * (outermost?.extent ?? 1) };
}

/** The sum over so many iterations of its innermost axis, which stand for these positions. */
function over(sum: Reduce, extent: number, position: Expr): Reduce {
  const { name } = sum.axes[sum.axes.length - 1];
  const body = substitute(sum.body, new Map([[name, position]]));
  return { ...sum, axes: [...sum.axes.slice(0, -1), { name, extent }], body };
}

/** Pairwise summation: of neighbours, of neighbouring sums, and so on. */
const inPairs = (values: readonly Expr[]): Expr =>
  values.length === 1
    ? values[0]
    : inPairs(
        values.flatMap((value, k) =>
          k % 2 === 1 ? [] : [k + 1 < values.length ? add(value, values[k + 1]) : value],
        ),
      );
