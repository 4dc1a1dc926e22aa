/**
 * Layouts are the compiler's business: whatever order a backend keeps parameters in, whoever reads or writes them from
 * outside sees PyTorch's, across programs, backends and checkpoints.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  compile,
  compileTraining,
  F,
  load,
  nn,
  noGrad,
  optim,
  rand,
  save,
  type Tensor,
  tensor,
} from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";

/** Convolutions of 3, 8 and 5 input channels, one with groups and one transposed: rows of whole vectors and others. */
class ConvNet extends nn.Module {
  conv1 = new nn.Conv2d(3, 8, 3, { padding: 1 });
  conv2 = new nn.Conv2d(8, 5, 3, { padding: 1 });
  conv3 = new nn.Conv2d(5, 4, [1, 2], { bias: false });
  conv4 = new nn.Conv2d(4, 6, 3, { groups: 2, stride: 2 });
  up = new nn.ConvTranspose2d(6, 5, 2);
  fc = new nn.Linear(20, 4);

  forward(x: Tensor): Tensor {
    x = F.maxPool2d(F.relu(this.conv1.forward(x)), 2);
    x = F.relu(this.conv2.forward(x));
    x = F.relu(this.conv3.forward(x));
    x = F.relu(this.conv4.forward(x));
    return this.fc.forward(F.relu(this.up.forward(x)).flatten(1).narrow(1, 0, 20));
  }
}

const BATCH = [4, 3, 16, 12] as const;
const images = (): Tensor => rand(...BATCH);
const labels = (): Tensor => tensor(Int32Array.of(0, 3, 1, 2));

type Numbers = Record<string, Float32Array>;

async function numbersOf(net: nn.Module): Promise<Numbers> {
  const result: Numbers = {};
  for (const [name, t] of Object.entries(net.stateDict())) result[name] = Float32Array.from(await t.data());
  return result;
}

/** A copy of `net` with an optimizer that keeps two moments. */
async function twinOf(net: nn.Module): Promise<{ readonly net: ConvNet; readonly optimizer: optim.Adam }> {
  const twin = new ConvNet();
  await twin.loadStateDict(net.stateDict());
  return { net: twin, optimizer: new optim.Adam(twin.parameters(), { lr: 0.01 }) };
}

const trainerFor = (net: nn.Module, optimizer: optim.Optimizer, backend: BackendName, options: object = {}) =>
  compileTraining(net, { inputs: [BATCH], loss: new nn.CrossEntropyLoss(), optimizer, backend, ...options });

/** Largest difference over the largest value of each tensor. */
function expectClose(actual: Numbers, expected: Numbers, tolerance: number): void {
  for (const [name, numbers] of Object.entries(expected)) {
    const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = numbers.reduce((most, v, k) => Math.max(most, Math.abs(v - actual[name][k])), 0);
    expect(difference / largest, name).toBeLessThan(tolerance);
  }
}

/**
 * Adam divides by the root of the second moment: where a gradient is nearly 0, rounding decides what becomes of it, up
 * to a share of lr = 0.01 in parameters of about 0.2.
 */
const AFTER_ADAM = 5e-3;
/** Plain float32 sums of a hundred products in another order, a few layers deep. */
const ROUNDING = 1e-4;

describe("what a user reads", () => {
  test("is what was there before anything ran, to the bit", async () => {
    const net = new ConvNet();
    const before = await numbersOf(net);
    await compile(net, { inputs: [BATCH], backend: "wasm" });
    expect(await numbersOf(net)).toEqual(before);
    await trainerFor(net, new optim.Adam(net.parameters()), "wasm");
    expect(await numbersOf(net)).toEqual(before);
  });

  test("after training agrees with the interpreter: parameters, moments and gradients", async () => {
    const [one, two] = [await twinOf(new ConvNet()), new ConvNet()];
    await two.loadStateDict(one.net.stateDict());
    const other = new optim.Adam(two.parameters(), { lr: 0.01 });
    const fast = await trainerFor(one.net, one.optimizer, "wasm");
    const slow = await trainerFor(two, other, "interpret");
    const x = images();
    const gradientsOf = async (trainer: typeof fast): Promise<Numbers> => {
      const { gradients } = await trainer.gradients(x, labels());
      const entries = Object.entries(gradients).map(async ([name, g]) => [name, await g.data()] as const);
      return Object.fromEntries(await Promise.all(entries)) as Numbers;
    };
    expectClose(await gradientsOf(fast), await gradientsOf(slow), ROUNDING);
    for (let step = 0; step < 3; step++) {
      const batch = images();
      await fast.step(batch, labels());
      await slow.step(batch, labels());
    }
    expectClose(await numbersOf(one.net), await numbersOf(two), AFTER_ADAM);
    for (const [k, parameter] of one.net.parameters().entries()) {
      const [own, expected] = [one.optimizer.stateOf(parameter), other.stateOf(two.parameters()[k])];
      expect(Object.keys(own)).toEqual(Object.keys(expected));
      for (const [name, state] of Object.entries(own)) {
        const actual = { [name]: (await state.data()) as Float32Array };
        expectClose(actual, { [name]: (await expected[name].data()) as Float32Array }, AFTER_ADAM);
      }
    }
  });

  test("before a step stays what it was", async () => {
    const { net, optimizer } = await twinOf(new ConvNet());
    const trainer = await trainerFor(net, optimizer, "wasm");
    await trainer.step(images(), labels());
    const expected = await net.conv2.weight.data();
    // Nobody has computed this yet when the next step changes what it is made of.
    const kept = net.conv2.weight.detach().mul(1);
    await trainer.step(images(), labels());
    expect(await kept.data()).toEqual(expected);
    expect(await net.conv2.weight.data()).not.toEqual(expected);
  });
});

describe("programs that share a model", () => {
  test("may be compiled in any order, with the same bits", async () => {
    const first = await twinOf(new ConvNet());
    const second = await twinOf(first.net);
    const [x, y, probe] = [images(), labels(), images()];
    const outputs: Float32Array[] = [];
    const program = await compile(first.net, { inputs: [BATCH], backend: "wasm" });
    const trainer = await trainerFor(first.net, first.optimizer, "wasm");
    const otherTrainer = await trainerFor(second.net, second.optimizer, "wasm");
    await trainer.step(x, y);
    await otherTrainer.step(x, y);
    const otherProgram = await compile(second.net, { inputs: [BATCH], backend: "wasm" });
    for (const p of [program, otherProgram])
      outputs.push(Float32Array.from(await (await p.run(probe)).data()));
    expect(outputs[1]).toEqual(outputs[0]);
    expect(await numbersOf(second.net)).toEqual(await numbersOf(first.net));
    // Another batch size is another program on the same states.
    expect((await program.run(rand(1, 3, 16, 12))).shape).toEqual([1, 4]);
  });

  test("take parameters as the first of them has settled, even where that suits them less", async () => {
    /** In evaluation the weight is read through a view alone, which wants it row-major. */
    class Two extends nn.Module {
      conv = new nn.Conv2d(4, 8, 3, { bias: false });
      forward(x: Tensor): Tensor {
        if (this.training) return this.conv.forward(x).flatten(1);
        return F.linear(x.flatten(1), this.conv.weight.view(8, 36));
      }
    }
    const net = new Two();
    const options = { inputs: [[2, 4, 3, 3]], backend: "wasm" } as const;
    const evaluation = await compile(net, options);
    const training = await compile(net, { ...options, mode: "train" });
    const x = rand(2, 4, 3, 3);
    const [a, b] = [await (await evaluation.run(x)).data(), await (await training.run(x)).data()];
    /** Sums of 36 products of numbers below 1, in two orders. */
    const expectSame = (c: ArrayLike<number>): void => {
      for (const [k, value] of a.entries()) expect(Math.abs(value - c[k])).toBeLessThan(1e-5);
    };
    expectSame(b);
    const text = (program: typeof training): string =>
      program.stages.find(({ name }) => name === "layout")?.text ?? "";
    expect(text(training)).not.toContain("  layout ");
    const alone = new Two();
    expect(text(await compile(alone, { ...options, mode: "train" }))).toContain(
      "  layout @conv.weight = [0,2,3,1]",
    );
    await alone.loadStateDict(net.stateDict());
    const later = await compile(alone, options);
    expectSame(await (await later.run(x)).data());
  });

  test("may run on several backends in turn", async () => {
    const { net, optimizer } = await twinOf(new ConvNet());
    const reference = await twinOf(net);
    const [wasm, js] = [await trainerFor(net, optimizer, "wasm"), await trainerFor(net, optimizer, "js")];
    const alone = await trainerFor(reference.net, reference.optimizer, "js");
    for (let step = 0; step < 4; step++) {
      const x = images();
      await (step % 2 === 0 ? wasm : js).step(x, labels());
      await alone.step(x, labels());
      if (step === 1) {
        for (const { conv3 } of [net, reference.net]) await noGrad(() => conv3.weight.mul_(0.5)).data();
      }
    }
    expectClose(await numbersOf(net), await numbersOf(reference.net), AFTER_ADAM);
  });
});

test("sums of gradients over batches and clipping work on reordered gradients", async () => {
  const options = { accumulate: 2, clipGradNorm: 0.5 };
  const one = await twinOf(new ConvNet());
  const two = await twinOf(one.net);
  const fast = await trainerFor(one.net, one.optimizer, "wasm", options);
  const slow = await trainerFor(two.net, two.optimizer, "interpret", options);
  for (let step = 0; step < 4; step++) {
    const x = images();
    await fast.step(x, labels());
    await slow.step(x, labels());
  }
  expectClose(await numbersOf(one.net), await numbersOf(two.net), AFTER_ADAM);
});

test.each(["plain", "tile", "dot", "sparse"])("%s computes with reordered weights", async (strategy) => {
  const one = await twinOf(new ConvNet());
  const two = await twinOf(one.net);
  const fast = await trainerFor(one.net, one.optimizer, "wasm", { strategy });
  const slow = await trainerFor(two.net, two.optimizer, "interpret");
  const x = images();
  await fast.step(x, labels());
  await slow.step(x, labels());
  expectClose(await numbersOf(one.net), await numbersOf(two.net), AFTER_ADAM);
});

test("a checkpoint does not tell on which backend it was made, and training goes on from it to the bit", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kiln-layouts-"));
  const file = join(folder, "training.safetensors");
  try {
    const { net, optimizer } = await twinOf(new ConvNet());
    const trainer = await trainerFor(net, optimizer, "wasm");
    await trainer.step(images(), labels());
    await save({ net: net.stateDict(), optimizer: optimizer.stateDict() }, file);
    const x = images();
    const saved = await numbersOf(net);
    await trainer.step(x, labels());
    const expected = await numbersOf(net);
    for (const backend of ["wasm", "js"] as const) {
      const state = await load<{ net: Record<string, Tensor>; optimizer: never }>(file);
      const resumed = new ConvNet();
      const adam = new optim.Adam(resumed.parameters(), { lr: 0.01 });
      await resumed.loadStateDict(state.net);
      await adam.loadStateDict(state.optimizer);
      expect(await numbersOf(resumed)).toEqual(saved);
      const again = await trainerFor(resumed, adam, backend);
      await again.step(x, labels());
      if (backend === "wasm") expect(await numbersOf(resumed)).toEqual(expected);
      else expectClose(await numbersOf(resumed), expected, AFTER_ADAM);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
