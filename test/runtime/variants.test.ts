/** Programs over their whole life: many batch sizes, disposal while work is queued, states that nothing may touch. */

import { compile, compileTraining, nn, optim, rand, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import { TinyNet } from "../support/nets.ts";

const images = (count: number): Tensor => rand(count, 1, 8, 8);
const labels = (count: number): Tensor => tensor(Int32Array.from({ length: count }, (_, k) => (k * 7) % 4));

const trainerFor = (net: nn.Module, backend: BackendName = "js") =>
  compileTraining(net, {
    inputs: [[6, 1, 8, 8]],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.01 }),
    backend,
  });

async function twins(): Promise<[TinyNet, TinyNet]> {
  const [one, two] = [new TinyNet(), new TinyNet()];
  await two.loadStateDict(one.stateDict());
  return [one, two];
}

async function numbersOf(net: nn.Module): Promise<Record<string, number[]>> {
  const result: Record<string, number[]> = {};
  for (const [name, t] of Object.entries(net.stateDict())) result[name] = [...(await t.data())];
  return result;
}

describe("more batch sizes than the cache holds", () => {
  const SIZES = [6, 1, 2, 3, 4, 5, 6, 1, 7, 6];

  test("train as the interpreter does", async () => {
    const [one, two] = await twins();
    const [fast, slow] = [await trainerFor(one), await trainerFor(two, "interpret")];
    for (const size of SIZES) {
      const [x, y] = [images(size), labels(size)];
      const [actual, expected] = [await fast.step(x, y), await slow.step(x, y)];
      // float32 against double over ten steps of a net with 200 parameters: 1e-6 is some ten roundings.
      expect(Math.abs(actual - expected) / expected).toBeLessThan(1e-5);
    }
  });

  test("run forward, and the one that was compiled first still runs", async () => {
    const net = new TinyNet();
    const program = await compile(net, { inputs: [[6, 1, 8, 8]] });
    const x = images(6);
    const before = await (await program.run(x)).data();
    for (const size of SIZES) expect((await program.run(images(size))).shape).toEqual([size, 4]);
    expect(await (await program.run(x)).data()).toEqual(before);
    expect(program.stages.length).toBeGreaterThan(0);
  });
});

describe("disposing", () => {
  test("waits for what was called before it", async () => {
    const trainer = await trainerFor(new TinyNet());
    const steps = [1, 2, 3].map(() => trainer.step(images(6), labels(6)));
    await trainer.dispose();
    const results = await Promise.allSettled(steps);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
    await expect(trainer.gradients(images(6), labels(6))).rejects.toThrow("disposed");
  });

  test("a program leaves its model's parameters readable and another program of it running", async () => {
    const net = new TinyNet();
    const [one, two] = [
      await compile(net, { inputs: [[6, 1, 8, 8]] }),
      await compile(net, { inputs: [[6, 1, 8, 8]] }),
    ];
    const x = images(6);
    const expected = await (await one.run(x)).data();
    await one.dispose();
    await expect(one.run(x)).rejects.toThrow("this program has been disposed; compile the model again");
    expect(await (await two.run(x)).data()).toEqual(expected);
    expect((await net.fc.bias?.data())?.length).toBe(4);
  });
});

describe("a step that fails", () => {
  const bad: readonly (readonly [string, () => [Tensor, Tensor]])[] = [
    [
      "by an infinite input",
      () => [
        tensor(new Float32Array(384).fill(Number.POSITIVE_INFINITY), { shape: [6, 1, 8, 8] }),
        labels(6),
      ],
    ],
    ["by a label outside of the classes", () => [images(6), tensor(Int32Array.of(0, 1, 2, 3, 4, 0))]],
    ["by a wrong shape", () => [rand(6, 1, 12, 12), labels(6)]],
    ["by a wrong dtype", () => [images(6), rand(6)]],
  ];

  test.each(bad)("%s leaves parameters, momentum and step count to the bit", async (_how, batch) => {
    const [one, two] = await twins();
    const [trainer, untouched] = [await trainerFor(one), await trainerFor(two)];
    const batches = Array.from({ length: 4 }, () => [images(6), labels(6)] as const);
    for (const [k, b] of batches.entries()) {
      await trainer.step(...b);
      await untouched.step(...b);
      if (k !== 1) continue;
      const before = await numbersOf(one);
      await expect(trainer.step(...batch())).rejects.toThrow();
      expect(await numbersOf(one)).toEqual(before);
    }
    // Momentum is not readable, but later steps show it.
    expect(await numbersOf(one)).toEqual(await numbersOf(two));
    expect(trainer.stepCount).toBe(4);
  });
});

test("a loss that overflows is an infinite loss, not a NaN in the parameters", async () => {
  class Steep extends nn.Module {
    fc = new nn.Linear(2, 1);
    forward(x: Tensor): Tensor {
      return this.fc.forward(x).mul(1e30).mul(1e30);
    }
  }
  const net = new Steep();
  const trainer = await compileTraining(net, {
    inputs: [[3, 2]],
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 1 }),
  });
  const before = await numbersOf(net);
  await expect(trainer.step(rand(3, 2), rand(3, 1))).rejects.toThrow(
    /the loss of step 1 is Infinity: .*kernel/,
  );
  expect(await numbersOf(net)).toEqual(before);
});

test("parameters loaded after compiling are those that the program runs with, on every backend", async () => {
  const [net, other] = [new TinyNet(), new TinyNet()];
  const programs = [
    await compile(net, { inputs: [[6, 1, 8, 8]] }),
    await compile(net, { inputs: [[6, 1, 8, 8]], backend: "interpret" }),
  ];
  await net.loadStateDict(other.stateDict());
  const x = images(6);
  const expected = await (await (await compile(other, { inputs: [[6, 1, 8, 8]] })).run(x)).data();
  for (const program of programs) {
    const actual = await (await program.run(x)).data();
    // The interpreter is in double: its results differ by float32's rounding.
    actual.forEach((value, k) => {
      expect(Math.abs(value - expected[k])).toBeLessThan(1e-6);
    });
  }
});

test("two optimizers on one model keep their own momentum", async () => {
  const net = new TinyNet();
  const [one, two] = [await trainerFor(net), await trainerFor(net)];
  const [x, y] = [images(6), labels(6)];
  for (let step = 0; step < 3; step++) await one.step(x, y);
  // The second optimizer's first step starts from rest: it is that of a fresh trainer on these parameters.
  const fresh = new TinyNet();
  await fresh.loadStateDict(net.stateDict());
  const expected = await trainerFor(fresh);
  await expected.step(x, y);
  await two.step(x, y);
  expect(await numbersOf(net)).toEqual(await numbersOf(fresh));
});

test("gradients leave momentum alone", async () => {
  const [one, two] = await twins();
  const [curious, plain] = [await trainerFor(one), await trainerFor(two)];
  for (let step = 0; step < 3; step++) {
    const [x, y] = [images(6), labels(6)];
    const { loss } = await curious.gradients(x, y);
    expect(await curious.step(x, y)).toBe(loss);
    await plain.step(x, y);
  }
  expect(await numbersOf(one)).toEqual(await numbersOf(two));
});
