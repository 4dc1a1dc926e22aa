/**
 * The operations of a step, counted from the net alone: the same figure for every peer, whatever it really executes.
 */

import { summary } from "../../src/index.ts";
import { sizeOf } from "../../test/support/fixtures.ts";
import { inputOf, MODELS } from "./models.ts";
import type { Task } from "./protocol.ts";
import { shapes, trainedLayers, WORKLOADS } from "./workloads.ts";

/**
 * Floating-point operations of one step, a multiply-add as two. For plain layers only the dense contractions count:
 * forward; in training also the gradients of the weights and of every layer's input except the first's, each as much as
 * forward. For models everything that forward computes counts, in training three times.
 */
export async function nominalFlops(name: string, batch: number, task: Task): Promise<number> {
  if (Object.hasOwn(MODELS, name)) return modelFlops(name, batch, task);
  const workload = WORKLOADS[name];
  const outputs = shapes(workload);
  const forward = trainedLayers(workload).map(({ layer, index }) => {
    // Every weight is used once for each position that its output channel has.
    const positions = sizeOf(outputs[index + 1]) / layer.weight[0];
    return 2 * sizeOf(layer.weight) * positions;
  });
  const sum = forward.reduce((total, flops) => total + flops, 0);
  return batch * (task === "inference" ? sum : 3 * sum - forward[0]);
}

async function modelFlops(name: string, batch: number, task: Task): Promise<number> {
  const workload = MODELS[name];
  const { flops } = await summary(workload.make(), { inputs: [inputOf(workload, batch)] });
  return (task === "inference" ? 1 : 3) * flops;
}
