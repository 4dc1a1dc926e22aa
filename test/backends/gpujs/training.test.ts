/** Whole models as gpu.js kernels: training equals that of js, and nothing stays behind on the device. */

import { describe, expect, test } from "vitest";
import { gpujsModes } from "../../../backends/gpujs/backend.ts";
import type { Mode } from "../../../backends/gpujs/modes.ts";
import { backendNamed } from "../../../backends/registry.ts";
import { compile, compileTraining, manualSeed, nn, optim, randn, tensor } from "../../../src/index.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";
import { learn, numbers } from "./learning.ts";

describe.each(["cpu", "webasm"] as const)("gpujs:%s", (mode: Mode) => {
  test("LeNet learns what it learns on js", async () => {
    const expected = await learn("js");
    const actual = await learn(`gpujs:${mode}`);
    // Five steps at this rate multiply a rounding error by less than a hundred.
    actual.losses.forEach((loss, k) => {
      expect(Math.abs(loss - expected.losses[k]) / expected.losses[k]).toBeLessThan(1e-5);
    });
    for (const name of Object.keys(expected.gradients))
      expect(relativeError(actual.gradients[name], expected.gradients[name])).toBeLessThan(1e-4);
    for (const name of Object.keys(expected.states))
      expect(relativeError(actual.states[name], expected.states[name])).toBeLessThan(1e-5);
  });

  test("steps leave as much on the device as they found, and disposal the states alone", async () => {
    const device = await gpujsModes.device(mode);
    const before = device.alive;
    const net = new nn.Sequential(new nn.Linear(6, 5), new nn.Tanh(), new nn.Linear(5, 3));
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.01 });
    const options = {
      inputs: [[8, 6]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
      backend: `gpujs:${mode}` as const,
    };
    const trainer = await compileTraining(net, options);
    const step = (): Promise<number> => trainer.step(randn([8, 6]), tensor(new Int32Array(8).fill(1)));
    await step();
    await step();
    const settled = device.alive;
    for (let k = 0; k < 20; k++) await step();
    expect(device.alive).toEqual(settled);
    await trainer.dispose();
    const states = net.parameters().length * 3;
    expect(device.alive).toEqual({ values: before.values + states, kernels: before.kernels });
  });

  test("dropout draws the same numbers as on js", async () => {
    const x = randn([64, 40]);
    const runs = (["js", `gpujs:${mode}`] as const).map(async (backend) => {
      manualSeed(5);
      const options = { inputs: [[64, 40]], backend, mode: "train" as const };
      const program = await compile(new nn.Dropout(0.3), options);
      const results = [await (await program.run(x)).data(), await (await program.run(x)).data()];
      await program.dispose();
      return results;
    });
    const [expected, actual] = await Promise.all(runs);
    for (const [k, values] of actual.entries()) {
      expect(Array.from(values, (v) => v === 0)).toEqual(Array.from(expected[k], (v) => v === 0));
      expect(relativeError(values, expected[k])).toBeLessThan(2 ** -22);
    }
    expect(actual[0]).not.toEqual(actual[1]);
  });
});

test("two backends keep one model current between them", async () => {
  manualSeed(3);
  const net = new nn.Linear(3, 2);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const options = {
    inputs: [[4, 3]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
    backend: "gpujs:cpu" as const,
  };
  const trainer = await compileTraining(net, options);
  const program = await compile(net, { inputs: [[4, 3]], backend: "js" });
  const x = randn([4, 3]);
  const before = await (await program.run(x)).data();
  await trainer.step(x, tensor(Int32Array.of(0, 1, 0, 1)));
  const after = await (await program.run(x)).data();
  expect(after).not.toEqual(before);
  const again = await compile(net, { inputs: [[4, 3]], backend: "gpujs:webasm" });
  expect(relativeError(await (await again.run(x)).data(), after)).toBeLessThan(1e-6);
});

test("a loss that is not finite names the kernel and changes nothing", async () => {
  const net = new nn.Linear(3, 2);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const options = { inputs: [[1, 3]], loss: new nn.MSELoss(), optimizer, backend: "gpujs:cpu" as const };
  const trainer = await compileTraining(net, options);
  const before = await numbers(net.stateDict());
  // A float32 that is large enough has no square.
  await expect(trainer.step(tensor([[3e38, 3e38, 3e38]]), tensor([[0, 0]]))).rejects.toThrow(
    /the loss of step 1 is Infinity: it appears first in kernel .*mse_loss/,
  );
  expect(await numbers(net.stateDict())).toEqual(before);
});

test("a tensor beyond what a kernel can count is refused at compile time", async () => {
  const size = 2 ** 23 + 1;
  await expect(compile(new nn.ReLU(), { inputs: [[1, size]], backend: "gpujs:cpu" })).rejects.toThrow(
    `gpujs:cpu takes tensors of up to 8388608 elements, and %x in kernel relu has ${size}: use a smaller batch or the js backend`,
  );
});

test("whole numbers that no 32-bit float holds are refused, not rounded", async () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", { dtype: "int32", shape: [2] });
  const graph = b.build("test", [{ name: "output", value: b.node("cast", [x], { dtype: "float32" }) }]);
  const cpu = await backendNamed("gpujs:cpu");
  const run = (value: number): Promise<unknown> => runGraph(graph, cpu, { x: Int32Array.of(1, value) });
  expect(await run(2 ** 24)).toEqual({ output: Float64Array.of(1, 2 ** 24) });
  await expect(run(2 ** 24 + 1)).rejects.toThrow("the input x holds 16777217");
});
