/** What a step computes, counted by hand beside the function that counts from the workload. */

import { expect, test } from "vitest";
import { nominalFlops } from "../../bench/src/flops.ts";

/** Multiply-adds of LeNet's layers forward: positions × filters × patch, then outputs × inputs. */
const LENET = [28 * 28 * 6 * 25, 10 * 10 * 16 * 150, 120 * 400, 84 * 120, 10 * 84];
const CIFAR10 = [32 * 32 * 32 * 75, 16 * 16 * 32 * 800, 8 * 8 * 64 * 800, 64 * 1024, 10 * 64];
const MLP = [512 * 784, 256 * 512, 10 * 256];

test.each([
  ["lenet5", LENET],
  ["cifar10", CIFAR10],
  ["mlp", MLP],
])("%s: forward once, in training three times but for the gradient of the input", async (name, layers) => {
  const forward = 2 * layers.reduce((a, b) => a + b);
  expect(await nominalFlops(name, 1, "inference")).toBe(forward);
  expect(await nominalFlops(name, 1, "training")).toBe(3 * forward - 2 * layers[0]);
  expect(await nominalFlops(name, 64, "training")).toBe(64 * (3 * forward - 2 * layers[0]));
});
