/** What is left of a kernel when its sums wait in scratch: they go through the rest of it in a kernel of its own. */

import { load } from "../../../src/loop/build.ts";
import { countFlops } from "../../../src/loop/flops.ts";
import type { BufferParam, Expr, Kernel } from "../../../src/loop/types.ts";
import { withBody } from "../../../src/loop/used-buffers.ts";
import { type Contraction, onSums } from "../analysis/contraction.ts";
import { mapValues } from "../analysis/nest.ts";
import { bodyOf, onNests } from "./nests.ts";
import { rowSchedule } from "./rows.ts";

/** The contraction's stores, with the element of `sums` at `place` where the sum was. */
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
