/**
 * Sums kept in scratch: in rows of whole vectors, added to in each
 * iteration of an axis, and finished by a kernel of their own at the end.
 */

import { add, and, compare, float, int, load, mul, select, variable } from "../../../src/loop/build.ts";
import { countFlops } from "../../../src/loop/flops.ts";
import { type ProgramBuffer, scratchFor } from "../../../src/loop/program.ts";
import type { Step } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel } from "../../../src/loop/types.ts";
import { withBody } from "../../../src/loop/used-buffers.ts";
import { type Contraction, onSums } from "../analysis/contraction.ts";
import { iterationsOf, mapValues, type Nest, numberOf } from "../analysis/nest.ts";
import { bodyOf, onNests } from "./nests.ts";
import { rowSchedule } from "./rows.ts";

export interface Accumulated {
  /** Stores the sums alone; the axis that it runs over is its outermost loop. */
  readonly nest: Nest;
  readonly param: BufferParam;
  readonly scratch: ProgramBuffer;
  /** Applies the rest of the kernel to the sums. */
  readonly epilogue: Kernel;
}

/** Scratch for so many sums of a kernel, as the program's buffer and as kernels declare it. */
export function partialSums({ name }: Kernel, length: number): Pick<Accumulated, "param" | "scratch"> {
  const param: BufferParam = { name: `${name}_partial`, dtype: "float32", length, access: "readwrite" };
  return { param, scratch: scratchFor(param, `partial sums of ${name}`) };
}

/** `sum` plus what is stored for it at `index`, which is nothing yet in the first iteration of all `over`. */
export function addedUp(
  buffer: string,
  index: Expr,
  over: readonly { readonly name: string }[],
  sum: Expr,
): Expr {
  const isFirst = over.map(({ name }) => compare("eq", variable(name), int(0)));
  if (isFirst.length === 0) return sum;
  return add(select(isFirst.reduce(and), float(0), load(buffer, "float32", index)), sum);
}

/** The contraction with its sums in scratch; `lowered` is the same before anything was cached. */
export function accumulated(
  { kernel, nest, core }: Contraction,
  lowered: Contraction,
  { loop, lanes, over }: Extract<Step, { kind: "accumulate" }>,
): Accumulated {
  const extent = nest.loops.find((l) => l.name === loop)?.extent ?? 1;
  const rows = nest.loops.filter((l) => l.name !== loop);
  const width = Math.ceil(extent / lanes) * lanes;
  const index = add(mul(numberOf(rows), int(width)), variable(loop));
  const { param, scratch } = partialSums(kernel, width * iterationsOf(rows));
  const axis = core.axes.find((a) => a.name === over);
  const sum = { ...core, axes: core.axes.filter((a) => a !== axis) };
  const added = addedUp(param.name, index, axis === undefined ? [] : [axis], sum);
  return {
    nest: {
      ...nest,
      loops: axis === undefined ? nest.loops : [{ ...axis, loop: "serial" }, ...nest.loops],
      stores: [{ buffer: param.name, index, value: added }],
    },
    param: { ...param, access: axis === undefined ? "write" : "readwrite" },
    scratch,
    epilogue: epilogueKernel(lowered, { ...param, access: "read" }, index, lanes),
  };
}

/** The contraction's stores, with the element of `sums` at `place` instead of the sum. */
export function epilogueKernel(
  { kernel, nest, core }: Contraction,
  sums: BufferParam,
  place: Expr,
  width: number,
): Kernel {
  const sum = load(sums.name, "float32", place);
  const body = bodyOf([
    mapValues(
      nest,
      onSums(core.axes, () => sum),
    ),
  ]);
  const epilogue = { ...withBody(kernel, [...kernel.buffers, sums], body), nominalFlops: countFlops(body) };
  return onNests(epilogue, rowSchedule(epilogue, width));
}
