/** Which pooling windows take a product from its registers: one that does not fit would leave the product without tiles. */

import { compile, nn } from "kiln-js";
import { expect, test } from "vitest";

const convolution = (): readonly nn.Module[] => [new nn.Conv2d(3, 8, 3, { padding: 1 }), new nn.ReLU()];

test.each([
  ["max_pool2d", 2, true],
  ["max_pool2d", 3, true],
  ["max_pool2d", 4, false],
  ["avg_pool2d", 2, false],
  ["avg_pool2d", 12, false],
] as const)("%s over windows of %i after a convolution: one kernel is %s", async (op, size, isOne) => {
  const pool = op === "max_pool2d" ? new nn.MaxPool2d(size) : new nn.AvgPool2d(size);
  const net = new nn.Sequential(...convolution(), pool);
  const { kernels } = await compile(net, { inputs: [[2, 3, 12, 12]], backend: "wasm", threads: 1 });
  expect(kernels.some(({ name }) => name.includes("conv2d") && name.includes(op))).toBe(isOne);
});
