/** `program.profile()` and `trainer.profile()`: figures for every kernel, and nothing is changed by looking. */

import {
  compile,
  compileTraining,
  manualSeed,
  nn,
  optim,
  type Profile,
  randn,
  type Tensor,
  tensor,
} from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import type { Specialization } from "../../src/runtime/programs/specialization.ts";

/** Little enough for a test; every program is run a few times in each round however short that is. */
const milliseconds = 5;

class Net extends nn.Module {
  fc1 = new nn.Linear(3, 8);
  norm = new nn.BatchNorm1d(8);
  drop = new nn.Dropout(0.5);
  fc2 = new nn.Linear(8, 2);

  override forward(x: Tensor): Tensor {
    return this.fc2.forward(this.drop.forward(this.norm.forward(this.fc1.forward(x)).relu()));
  }
}

const X = tensor(
  Float32Array.from({ length: 12 }, (_, k) => Math.sin(k)),
  { shape: [4, 3] },
);
const Y = tensor(new Int32Array([0, 1, 1, 0]));

async function makeTrainer(backend: BackendName, accumulate = 1) {
  manualSeed(11);
  const model = new Net();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const loss = new nn.CrossEntropyLoss();
  const options = { inputs: [[4, 3]], loss, optimizer, backend, accumulate };
  return { model, optimizer, trainer: await compileTraining(model, options) };
}

type Made = Awaited<ReturnType<typeof makeTrainer>>;

/** The bits of everything that a step changes. */
async function bitsOf({ model, optimizer, trainer }: Made): Promise<Record<string, readonly number[]>> {
  const sums = trainer.stateDict();
  const momenta = model.parameters().flatMap((p) => Object.entries(optimizer.stateOf(p)));
  const tensors = [
    ...Object.entries(model.stateDict()),
    ...momenta.map(([name, t], k) => [`${k} ${name}`, t] as const),
    ...Object.entries(sums.gradients).map(([name, t]) => [`sum of ${name}`, t] as const),
  ];
  const bits = async (t: Tensor): Promise<readonly number[]> => {
    const data = await t.data();
    return [...new Uint8Array(data.slice().buffer)];
  };
  const counts = [trainer.stepCount, trainer.batchNumber, sums.batches];
  return {
    counts,
    ...Object.fromEntries(
      await Promise.all(tensors.map(async ([name, t]) => [name, await bits(t)] as const)),
    ),
  };
}

describe.each(["wasm", "js", "gpujs:cpu"] as const)("on %s", (backend) => {
  test.each([1, 3])("a trainer of %i batches an update is to the bit what it was", async (accumulate) => {
    const [usual, measured] = [
      await makeTrainer(backend, accumulate),
      await makeTrainer(backend, accumulate),
    ];
    for (let k = 0; k < 4; k++) {
      await usual.trainer.step(X, Y);
      await measured.trainer.step(X, Y);
    }
    const before = await bitsOf(measured);
    const { kernels } = await measured.trainer.profile({
      milliseconds,
      ...(accumulate === 3 && { batch: [X, Y] }),
    });
    expect(await bitsOf(measured)).toEqual(before);
    expect(kernels.map(({ name }) => name)).toEqual(measured.trainer.kernels.map(({ name }) => name));
    // The masks of dropout, too, are those that would have been drawn.
    for (let k = 0; k < 3; k++)
      expect(await measured.trainer.step(X, Y)).toBe(await usual.trainer.step(X, Y));
    expect(await bitsOf(measured)).toEqual(await bitsOf(usual));
  });

  test("a trainer is what it was when measuring fails half-way", async () => {
    const [usual, measured] = [await makeTrainer(backend), await makeTrainer(backend)];
    await usual.trainer.step(X, Y);
    await measured.trainer.step(X, Y);
    const before = await bitsOf(measured);
    const { executable } = (measured.trainer as unknown as { readonly main: Specialization }).main;
    const run = executable.run.bind(executable);
    let calls = 0;
    executable.run = async (from, to, scalars) => {
      await run(from, to, scalars);
      if (++calls === 3) throw new Error("the machine is on fire");
    };
    await expect(measured.trainer.profile({ milliseconds })).rejects.toThrow("the machine is on fire");
    executable.run = run;
    expect(await bitsOf(measured)).toEqual(before);
    expect(await measured.trainer.step(X, Y)).toBe(await usual.trainer.step(X, Y));
  });

  test("a program in training mode keeps its statistics and its draws", async () => {
    const make = async () => {
      manualSeed(5);
      const model = new Net();
      return { model, program: await compile(model, { inputs: [[4, 3]], mode: "train", backend }) };
    };
    const [usual, measured] = [await make(), await make()];
    const before = await measured.model.norm.runningMean!.data();
    await measured.program.profile({ milliseconds });
    expect(await measured.model.norm.runningMean!.data()).toEqual(before);
    for (let k = 0; k < 2; k++)
      expect(await (await measured.program.run(X)).data()).toEqual(await (await usual.program.run(X)).data());
  });
});

test("a second optimizer on one model, whose states have the names of the first one's, is left as it was", async () => {
  const { model, trainer } = await makeTrainer("js");
  const loss = new nn.CrossEntropyLoss();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const second = await compileTraining(model, { inputs: [[4, 3]], loss, optimizer, backend: "js" });
  await trainer.step(X, Y);
  await second.step(X, Y);
  const before = await bitsOf({ model, optimizer, trainer: second });
  await second.profile({ milliseconds });
  expect(await bitsOf({ model, optimizer, trainer: second })).toEqual(before);
});

test("a batch of another size is measured with a program of its own", async () => {
  const { trainer } = await makeTrainer("js");
  const { kernels } = await trainer.profile({
    milliseconds,
    batch: [randn(8, 3), tensor(new Int32Array(8))],
  });
  const [full] = trainer.kernels;
  expect(kernels[0].flops).toBe(2 * full.flops);
});

test("is a table as text and plain data as JSON", async () => {
  const program = await compile(new Net(), { inputs: [[4, 3]], backend: "js" });
  const profile: Profile = await program.profile({ milliseconds });
  expect(profile.backend).toBe("js");
  expect(profile.runs).toBeGreaterThan(0);
  expect(profile.kernels.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 10);
  const lines = String(profile).split("\n");
  expect(lines[0]).toMatch(/^js: [\d.]+ ms a run \(median of \d+\); kernels one by one: [\d.]+ ms$/);
  expect(lines[1]).toMatch(/^ {2}kernel +ms +share +GFLOP\/s +GB\/s +at$/);
  expect(lines).toHaveLength(2 + program.kernels.length);
  for (const [k, { name, prepares }] of program.kernels.entries()) {
    const share = prepares ? "once" : "[\\d.]+ %";
    expect(lines[2 + k]).toMatch(
      new RegExp(`^ {2}${name} +[\\d.]+ +${share} +[\\d.]+ +[\\d.]+ .*program-profile\\.test\\.ts`),
    );
  }
  // The norm's standard deviation is made of its running variance alone.
  expect(program.kernels.map(({ prepares }) => prepares)).toContain(true);
  const data = JSON.parse(JSON.stringify(profile)) as Profile;
  expect(data.milliseconds).toBe(profile.milliseconds);
  expect(data.kernels).toEqual(profile.kernels);
  expect(data.kernels[0]).not.toHaveProperty("source");
});

test("names cannot make a terminal do anything", async () => {
  const model = new nn.Sequential({ "red\u001b[31m": new nn.Linear(2, 2) });
  const program = await compile(model, { inputs: [[1, 2]], backend: "js" });
  const text = String(await program.profile({ milliseconds }));
  expect(text).toContain("red?[31m");
  expect(text).not.toContain("\u001b");
});

test("what cannot be measured is refused", async () => {
  const { trainer } = await makeTrainer("js");
  await expect(trainer.profile({ milliseconds: 0 })).rejects.toThrow(
    "milliseconds must be a number above 0, not 0",
  );
  await expect(trainer.profile({ batch: X as unknown as Tensor[] })).rejects.toThrow(
    "batch must be a list of tensors",
  );
  await expect(trainer.profile({ batch: [X] })).rejects.toThrow("takes 2 tensors but is given 1");
  await trainer.dispose();
  await expect(trainer.profile()).rejects.toThrow("has been disposed");
});
