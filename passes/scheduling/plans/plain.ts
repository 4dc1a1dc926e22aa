/**
 * Kernels without tiles: loops as they were lowered, or the innermost loop of a nest in lanes. Elementwise kernels, updates
 * and sums over rows have this form.
 */

import type { Machine } from "../../../src/loop/machine.ts";
import type { Lanes } from "../analysis/lanes.ts";
import { type Nest, nestsOf } from "../analysis/nest.ts";
import { type Cut, cutOf, scheduleOf } from "../transforms/rows.ts";
import { nestCost } from "./cost.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** The plan that always fits. */
export const plain: Strategy = {
  name: "plain",
  doc: "Runs the nest as it was lowered, or its innermost loop in lanes where all it touches lies side by side.",
  candidates(kernel, machine) {
    const { vectorWidth } = machine;
    const nests = nestsOf(kernel);
    const asLowered = { strategy: "plain", schedule: [], cost: costOf(machine, nests) };
    const lanes = vectorWidth === 1 ? undefined : cutOf(nests, vectorWidth);
    return lanes === undefined ? [asLowered] : [asLowered, inLanes(machine, lanes)];
  },
};

const costOf = (
  machine: Machine,
  nests: readonly Nest[],
  lanes: readonly (Lanes | undefined)[] = [],
): number => nests.reduce((sum, nest, k) => sum + nestCost(machine, nest, lanes[k]), 0);

const inLanes = (machine: Machine, cut: Cut): Candidate => ({
  strategy: "plain",
  schedule: scheduleOf(cut),
  cost: costOf(machine, cut.nests, cut.lanes),
});
