/** Sums that wait in scratch: in rows of whole vectors, added to from iteration to iteration of an axis, finished at the end. */

import { add, compare, float, int, load, mul, select, variable } from "../../../src/loop/build.ts";
import type { ProgramBuffer } from "../../../src/loop/program.ts";
import type { Step } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel } from "../../../src/loop/types.ts";
import type { Contraction } from "../analysis/contraction.ts";
import type { Nest } from "../analysis/nest.ts";
import { epilogueKernel } from "./epilogue-kernel.ts";

export interface Accumulated {
  /** Stores the sums alone; the axis that it runs over is its outermost loop. */
  readonly nest: Nest;
  readonly param: BufferParam;
  readonly scratch: ProgramBuffer;
  /** Takes the sums through the rest of the kernel. */
  readonly epilogue: Kernel;
}

/** The contraction with its sums in scratch; `lowered` is the same before anything was cached. */
export function accumulated(
  { kernel, nest, core }: Contraction,
  lowered: Contraction,
  { loop, lanes, over }: Extract<Step, { kind: "accumulate" }>,
): Accumulated {
  const name = `${kernel.name}_partial`;
  const extent = nest.loops.find((l) => l.name === loop)?.extent ?? 1;
  const rows = nest.loops.filter((l) => l.name !== loop);
  const width = Math.ceil(extent / lanes) * lanes;
  const row = rows.reduce<Expr>((n, l) => add(mul(n, int(l.extent)), variable(l.name)), int(0));
  const index = add(mul(row, int(width)), variable(loop));
  const length = rows.reduce((n, l) => n * l.extent, width);
  const axis = core.axes.find((a) => a.name === over);
  const sum = { ...core, axes: core.axes.filter((a) => a !== axis) };
  const before =
    axis && select(compare("eq", variable(axis.name), int(0)), float(0), load(name, "float32", index));
  const param = { name, dtype: "float32", length } as const;
  return {
    nest: {
      ...nest,
      loops: axis === undefined ? nest.loops : [{ ...axis, loop: "serial" }, ...nest.loops],
      stores: [{ buffer: name, index, value: before === undefined ? sum : add(before, sum) }],
    },
    param: { ...param, access: axis === undefined ? "write" : "readwrite" },
    scratch: {
      name,
      dtype: "float32",
      shape: [length],
      role: "scratch",
      value: `partial sums of ${kernel.name}`,
    },
    epilogue: epilogueKernel(lowered, { ...param, access: "read" }, index, lanes),
  };
}
