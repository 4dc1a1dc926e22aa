/**
 * Kernels without tiles: loops as they were lowered, or the innermost loop of a nest in lanes. Elementwise kernels, updates
 * and sums over rows have this form.
 */

import type { Machine } from "../../../src/loop/machine.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import type { Lanes } from "../analysis/lanes.ts";
import { type Nest, nestsOf } from "../analysis/nest.ts";
import { type Cut, cutOf, scheduleOf } from "../transforms/rows.ts";
import { MULTIPLY_ADD, nestCost } from "./cost.ts";
import { farSums } from "./far-memory.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** The plan that always fits. */
export const plain: Strategy = {
  name: "plain",
  doc: "Runs the nest as lowered, or its innermost loop in lanes if all its accesses are contiguous.",
  candidates(kernel, machine) {
    const { vectorWidth } = machine;
    const nests = nestsOf(kernel);
    const asLowered = { strategy: "plain", schedule: [], cost: costOf(machine, kernel, nests) };
    const lanes = vectorWidth === 1 ? undefined : cutOf(nests, vectorWidth);
    return lanes === undefined ? [asLowered] : [asLowered, inLanes(machine, kernel, lanes)];
  },
};

const costOf = (
  machine: Machine,
  kernel: Kernel,
  nests: readonly Nest[],
  lanes: readonly (Lanes | undefined)[] = [],
): number =>
  nests.reduce(
    (sum, nest, k) =>
      sum + nestCost(machine, nest, lanes[k]) + MULTIPLY_ADD * farSums(machine, kernel, nest, lanes[k]),
    0,
  );

const inLanes = (machine: Machine, kernel: Kernel, cut: Cut): Candidate => ({
  strategy: "plain",
  schedule: scheduleOf(cut),
  cost: costOf(machine, kernel, cut.nests, cut.lanes),
});
