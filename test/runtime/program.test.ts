/** Compiled programs: sharing of parameters, compile cache, errors, ownership of results. */

import { compile, compileTraining, nn, optim, rand, type Tensor, tensor } from "kiln-js";
import { expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import type { BackendName } from "../../backends/registry.ts";
import { STAGES } from "../../passes/pipeline.ts";
import { TinyNet } from "../support/nets.ts";

const shape = [6, 1, 8, 8];
const labels = (count: number): Tensor => tensor(Int32Array.from({ length: count }, (_, k) => k % 4));

function trainerFor(net: nn.Module, options: { backend?: BackendName; momentum?: number } = {}) {
  const { backend = "js", momentum = 0.9 } = options;
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum });
  return compileTraining(net, { inputs: [shape], loss: new nn.CrossEntropyLoss(), optimizer, backend });
}

async function copyOf(net: nn.Module): Promise<Record<string, readonly number[]>> {
  const entries = Object.entries(net.stateDict()).map(
    async ([name, t]) => [name, [...(await t.data())]] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

test("inference sees what training has just learned", async () => {
  const net = new TinyNet();
  const program = await compile(net, { inputs: [shape] });
  const trainer = await trainerFor(net);
  const x = rand(...shape);
  const before = await (await program.run(x)).data();
  await trainer.step(x, labels(6));
  const after = await (await program.run(x)).data();
  expect(after).not.toEqual(before);
  const fresh = new TinyNet();
  await fresh.loadStateDict(net.stateDict());
  const again = await compile(fresh, { inputs: [shape] });
  expect(await (await again.run(x)).data()).toEqual(after);
});

test("results are the caller's own copies", async () => {
  const program = await compile(new TinyNet(), { inputs: [shape] });
  const x = rand(...shape);
  const first = await program.run(x);
  const numbers = await first.data();
  numbers.fill(7);
  expect(await first.data()).not.toEqual(numbers);
  const kept = await first.data();
  await program.run(rand(...shape));
  expect(await first.data()).toEqual(kept);
});

test("another batch size compiles once and then runs from the cache", async () => {
  const net = new TinyNet();
  const compiled: string[] = [];
  const original = js.compile;
  Object.assign(js, {
    compile: (...args: Parameters<typeof original>) => {
      compiled.push(args[0].inputs.map((i) => i.shape[0]).join());
      return original(...args);
    },
  });
  try {
    const trainer = await trainerFor(net);
    for (const count of [6, 4, 6, 4, 4, 6]) await trainer.step(rand(count, 1, 8, 8), labels(count));
    expect(compiled).toEqual(["6,6", "4,4"]);
  } finally {
    Object.assign(js, { compile: original });
  }
});

test("calls queue: ten steps fired at once equal ten awaited ones", async () => {
  const [one, two] = [new TinyNet(), new TinyNet()];
  await two.loadStateDict(one.stateDict());
  const batches = Array.from({ length: 10 }, () => [rand(...shape), labels(6)] as const);
  const awaited = await trainerFor(one);
  const fired = await trainerFor(two);
  const losses: number[] = [];
  for (const batch of batches) losses.push(await awaited.step(...batch));
  expect(await Promise.all(batches.map((batch) => fired.step(...batch)))).toEqual(losses);
  expect(await copyOf(two)).toEqual(await copyOf(one));
});

test("two backends on one model see each other's updates", async () => {
  const net = new TinyNet();
  const fast = await trainerFor(net, { momentum: 0 });
  const slow = await trainerFor(net, { backend: "interpret", momentum: 0 });
  const reference = new TinyNet();
  await reference.loadStateDict(net.stateDict());
  const only = await trainerFor(reference, { momentum: 0 });
  for (const step of [0, 1, 2, 3]) {
    const x = rand(...shape);
    const expected = await only.step(x, labels(6));
    const actual = await (step % 2 === 0 ? fast : slow).step(x, labels(6));
    // The interpreter keeps doubles between its steps; handing over rounds to float32.
    expect(Math.abs(actual - expected) / expected).toBeLessThan(1e-6);
  }
});

test("an optimizer trains its own parameters alone", async () => {
  const net = new TinyNet();
  const before = await copyOf(net);
  const optimizer = new optim.SGD(net.fc.parameters(), { lr: 0.1 });
  const trainer = await compileTraining(net, { inputs: [shape], loss: new nn.CrossEntropyLoss(), optimizer });
  await trainer.step(rand(...shape), labels(6));
  const after = await copyOf(net);
  expect(after["conv.weight"]).toEqual(before["conv.weight"]);
  expect(after["fc.weight"]).not.toEqual(before["fc.weight"]);
  const stranger = new optim.SGD(new TinyNet().parameters(), { lr: 0.1 });
  await expect(
    compileTraining(net, { inputs: [shape], loss: new nn.CrossEntropyLoss(), optimizer: stranger }),
  ).rejects.toThrow(/4 of them are not parameters of this model/);
});

test("gradients changes nothing", async () => {
  const net = new TinyNet();
  const trainer = await trainerFor(net);
  const x = rand(...shape);
  await trainer.step(x, labels(6));
  const before = await copyOf(net);
  const first = await trainer.gradients(x, labels(6));
  expect(Object.keys(first.gradients)).toEqual(["conv.weight", "conv.bias", "fc.weight", "fc.bias"]);
  const second = await trainer.gradients(x, labels(6));
  expect(await second.gradients["conv.weight"].data()).toEqual(await first.gradients["conv.weight"].data());
  expect(await copyOf(net)).toEqual(before);
  expect(trainer.stepCount).toBe(1);
});

test("a disposed program says so, and others of the same model live on", async () => {
  const net = new TinyNet();
  const trainer = await trainerFor(net);
  const program = await compile(net, { inputs: [shape] });
  await trainer.dispose();
  await trainer.dispose();
  await expect(trainer.step(rand(...shape), labels(6))).rejects.toThrow(/disposed; compile the model again/);
  expect((await program.run(rand(...shape))).shape).toEqual([6, 4]);
  expect((await net.conv.weight.data()).length).toBe(27);
});

test("stages, kernels and memory describe the program", async () => {
  const trainer = await trainerFor(new TinyNet());
  expect(trainer.stages.map((s) => s.name)).toEqual(STAGES.map((s) => s.name));
  for (const kernel of trainer.kernels) {
    expect(kernel.source).toContain(`function ${kernel.name}(`);
    expect(kernel.origins.length).toBeGreaterThan(0);
  }
  expect(trainer.memory.arenaBytes).toBeLessThan(trainer.memory.unsharedBytes);
});

test.each([
  [[rand(6, 1, 12, 12), labels(6)], "linear expects 27 input features but got float32[6,75]"],
  [
    [rand(6, 8, 8), labels(6)],
    "input 0 was compiled for float32[6,1,8,8] but is float32[6,8,8]; it must have 4 dim",
  ],
  [[rand(6, 1, 8, 8), rand(6)], "the target was compiled for int32[6] but is float32[6]"],
  [[rand(6, 1, 8, 8), labels(5)], "the target is [5], but with [6,1,8,8] it must be [6]"],
  [[rand(6, 1, 8, 8)], "this program takes 2 tensors but is given 1"],
  [
    [rand(6, 1, 8, 8), tensor(Int32Array.of(0, 1, 9, 3, 0, 1))],
    "the label 9 at position 2 of the target [6]",
  ],
  [[rand(6, 1, 8, 8), tensor(Int32Array.of(0, 1, -1, 3, 0, 1))], "the label -1 at position 2"],
])("a wrong batch is one clear error (%#)", async (batch, message) => {
  const net = new TinyNet();
  const trainer = await trainerFor(net);
  const before = await copyOf(net);
  await expect(trainer.step(...batch)).rejects.toThrow(message);
  expect(await copyOf(net)).toEqual(before);
});

test.each([
  [
    { inputs: [[6, 2, 8, 8]] },
    "conv2d expects 1 input channels (weight [3,1,3,3]) but got 2 in float32[6,2,8,8]",
  ],
  [{ inputs: [[6, 1, 12, 12]] }, "linear expects 27 input features but got float32[6,75]"],
  [{ inputs: [[1, 8, 8]] }, "add the batch dimension with unsqueeze(0)"],
  [{ inputs: [[6, 1, 8, 8.5]] }, "shapes of positive whole numbers"],
  [
    { inputs: [[6, 1, 8, 8]], backend: "cuda" as never },
    'there is no backend "cuda"; the backends are wasm, c, js, interpret',
  ],
])("a shape that the model does not accept names op and shapes (%#)", async (options, message) => {
  await expect(compile(new TinyNet(), options)).rejects.toThrow(message);
});

test("a shape error names the model's line and module path", async () => {
  await expect(compile(new TinyNet(), { inputs: [[6, 2, 8, 8]] })).rejects.toThrow(
    /\(test\/support\/nets\.ts:\d+ conv\)$/,
  );
});
