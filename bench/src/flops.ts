/** How much a step computes, counted from the net alone: the same figure for every peer, whatever it really executes. */

import { sizeOf } from "../../test/support/fixtures.ts";
import type { Task } from "./protocol.ts";
import { shapes, trainedLayers, type Workload } from "./workloads.ts";

/**
 * Floating-point operations of one step, a multiply-add as two. Only the dense contractions count: forward; in
 * training also the gradients of the weights and of every layer's input but the first's, each as much as forward.
 */
export function nominalFlops(workload: Workload, batch: number, task: Task): number {
  const outputs = shapes(workload);
  const forward = trainedLayers(workload).map(({ layer, index }) => {
    // Every weight is used once for each position that its output channel has.
    const positions = sizeOf(outputs[index + 1]) / layer.weight[0];
    return 2 * sizeOf(layer.weight) * positions;
  });
  const sum = forward.reduce((total, flops) => total + flops, 0);
  return batch * (task === "inference" ? sum : 3 * sum - forward[0]);
}
