/** Layouts of weights for peers that have channels last, there and back. */

import { expect, test } from "vitest";
import {
  initialParameters,
  linearWeightChannelsFirst,
  linearWeightChannelsLast,
  shapes,
  WORKLOADS,
} from "../../bench/src/workloads.ts";

test.each(["lenet5", "cifar10", "mlp"])("%s: linear weights come back from channels last", (name) => {
  const workload = WORKLOADS[name];
  const parameters = initialParameters(workload);
  workload.layers.forEach((layer, index) => {
    if (layer.kind !== "linear") return;
    const last = linearWeightChannelsLast(workload, index);
    expect(linearWeightChannelsFirst(workload, index, last)).toEqual(parameters.get(`${layer.name}.weight`));
  });
});

test("behind flatten, an output's weights are in the order of the pixels", () => {
  const workload = WORKLOADS.cifar10;
  const index = workload.layers.findIndex(({ kind }) => kind === "linear");
  const [channels, height, width] = shapes(workload)[index - 1];
  const weight = initialParameters(workload).get("model.7.weight")!;
  const last = linearWeightChannelsLast(workload, index);
  // Channel 3 of the second pixel.
  expect(last[1 * channels + 3]).toBe(weight[3 * height * width + 1]);
  expect([channels, height, width]).toEqual([64, 4, 4]);
});
