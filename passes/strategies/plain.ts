/** The strategy that always fits: loops as they were lowered, reductions in accumulators, indices hoisted. */

import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import { hoistIndices } from "../hoist-indices.ts";
import { materialize } from "../materialize.ts";
import { nestsOf } from "./nest.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** What one operation costs in a loop without register tiles, relative to one inside a tile. */
export const UNTILED_COST = 3;

/** What storing one element costs. It tells apart kernels that only move data, and matters only where lanes can. */
export const STORE_COST = 2;

export const plain: Strategy = {
  name: "plain",
  doc: "Runs the nest as it was lowered; invariants and index arithmetic move out of the inner loops.",
  candidates: (kernel: Kernel, { vectorWidth }: Capabilities): readonly Candidate[] => [
    {
      strategy: "plain",
      cost: kernel.nominalFlops * UNTILED_COST + (vectorWidth > 1 ? STORE_COST * storesOf(kernel) : 0),
      apply: () => ({ kernels: [schedulePlain(kernel)], scratch: [] }),
    },
  ],
};

/** How many elements all nests store. */
const storesOf = (kernel: Kernel): number =>
  nestsOf(kernel).reduce(
    (sum, { loops, stores }) => sum + loops.reduce((n, l) => n * l.extent, stores.length),
    0,
  );

/** The kernel with every nest materialised. */
export function schedulePlain(kernel: Kernel): Kernel {
  const nests = nestsOf(kernel);
  const body = nests.map(({ name, loops, stores }): readonly Stmt[] => {
    const statements = hoistIndices(materialize(loops, stores, kernel.buffers));
    return nests.length === 1 ? statements : [{ kind: "section", name, body: statements }];
  });
  return { ...kernel, body: body.flat(), schedule: "plain" };
}
