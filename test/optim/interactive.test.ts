/** Training by hand: optimizers outside of compiled steps, the same numbers as inside, compiled once for each structure. */

import { compile, compileTraining, F, nn, noGrad, ones, optim, rand, type Tensor, tensor } from "kiln-js";
import { describe, expect, it, test } from "vitest";
import type { LazyEvaluator } from "../../src/runtime/programs/lazy-evaluator.ts";
import { currentEvaluator } from "../../src/tensor/context.ts";
import { generate } from "../support/fixtures.ts";

class Net extends nn.Module {
  hidden = new nn.Linear(4, 5);
  out = new nn.Linear(5, 3);
  forward(x: Tensor): Tensor {
    return this.out.forward(F.relu(this.hidden.forward(x)));
  }
}

/** A net whose weights are the same in every call. */
async function fixedNet(): Promise<Net> {
  const net = new Net();
  const state = Object.entries(net.stateDict()).map(([name, { shape }]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return [name, tensor(generate(`interactive/${name}`, size, 0.5), { shape })];
  });
  await net.loadStateDict(Object.fromEntries(state));
  return net;
}

const batch = (step: number): Tensor => tensor(generate(`interactive/input/${step}`, 24), { shape: [6, 4] });
const classes = tensor(Int32Array.of(0, 1, 2, 2, 1, 0));
const criterion = new nn.CrossEntropyLoss();
const counts = (): { compiled: number; reused: number } => ({
  ...(currentEvaluator() as LazyEvaluator).counts,
});

const parameters = async (net: Net): Promise<number[]> =>
  (await Promise.all(net.parameters().map(async (p) => Array.from(await p.data())))).flat();

function interactiveSteps(net: Net, optimizer: optim.Optimizer, from: number, to: number): Tensor[] {
  const losses: Tensor[] = [];
  for (let step = from; step < to; step++) {
    optimizer.zeroGrad();
    const loss = criterion.forward(net.forward(batch(step)), classes);
    loss.backward();
    optimizer.step();
    losses.push(loss);
  }
  return losses;
}

/** Both are rounded to float32, but fused differently: a few units in the last place over three steps. */
const TOLERANCE = 1e-6;

const expectEqual = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual.length).toBe(expected.length);
  for (const [k, value] of actual.entries()) expect(Math.abs(value - expected[k])).toBeLessThan(TOLERANCE);
};

const OPTIMIZERS: Record<string, (net: Net) => optim.Optimizer> = {
  SGD: (net) => new optim.SGD(net.parameters(), { lr: 0.1 }),
  "SGD with momentum": (net) =>
    new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 }),
  "SGD of groups": (net) =>
    new optim.SGD(
      [
        { params: net.hidden.parameters(), lr: 0.5 },
        { params: net.out.parameters(), momentum: 0.9 },
      ],
      { lr: 0.1 },
    ),
  Adam: (net) => new optim.Adam(net.parameters(), { lr: 0.01, amsgrad: true }),
  AdamW: (net) => new optim.AdamW(net.parameters(), { lr: 0.01 }),
  NAdam: (net) => new optim.NAdam(net.parameters(), { lr: 0.01 }),
  RAdam: (net) => new optim.RAdam(net.parameters(), { lr: 0.01, betas: [0.9, 0.8] }),
  Adamax: (net) => new optim.Adamax(net.parameters(), { lr: 0.01 }),
  RMSprop: (net) => new optim.RMSprop(net.parameters(), { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (net) => new optim.Adagrad(net.parameters(), { lr: 0.01 }),
  Adadelta: (net) => new optim.Adadelta(net.parameters(), { lr: 1 }),
};

describe.each(Object.keys(OPTIMIZERS))("%s", (name) => {
  it("takes the same steps by hand as compiled, and the two may follow each other", async () => {
    const compiled = await fixedNet();
    const optimizer = OPTIMIZERS[name](compiled);
    const trainer = await compileTraining(compiled, { inputs: [[6, 4]], loss: criterion, optimizer });
    const expected: number[] = [];
    for (let step = 0; step < 3; step++) expected.push(await trainer.step(batch(step), classes));

    const byHand = await fixedNet();
    const losses = interactiveSteps(byHand, OPTIMIZERS[name](byHand), 0, 3);
    expectEqual(await Promise.all(losses.map((loss) => loss.item())), expected);
    expectEqual(await parameters(byHand), await parameters(compiled));

    const mixed = await fixedNet();
    const shared = OPTIMIZERS[name](mixed);
    interactiveSteps(mixed, shared, 0, 1);
    const own = await compileTraining(mixed, { inputs: [[6, 4]], loss: criterion, optimizer: shared });
    expect(Math.abs((await own.step(batch(1), classes)) - expected[1])).toBeLessThan(TOLERANCE);
    interactiveSteps(mixed, shared, 2, 3);
    expectEqual(await parameters(mixed), await parameters(compiled));
  });
});

describe("a loop written by hand", () => {
  test("compiles in its first turn and only runs after that", async () => {
    const net = await fixedNet();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
    await Promise.all(interactiveSteps(net, optimizer, 0, 1).map((loss) => loss.item()));
    const first = counts();
    for (let turn = 1; turn < 6; turn++) {
      const [loss] = interactiveSteps(net, optimizer, turn, turn + 1);
      await loss.item();
    }
    const last = counts();
    expect(last.compiled - first.compiled).toBe(0);
    expect(last.reused - first.reused).toBe(5);
  });

  test("that updates by hand does so too, and learns", async () => {
    const net = await fixedNet();
    const losses: number[] = [];
    const compiled: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const loss = criterion.forward(net.forward(batch(0)), classes);
      net.zeroGrad();
      loss.backward();
      noGrad(() => {
        for (const p of net.parameters()) p.sub_(p.grad!.mul(0.5));
      });
      losses.push(await loss.item());
      compiled.push(counts().compiled);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0] / 1.1);
    // The second turn's graph holds the first turn's update as well; from then on all are alike.
    expect(new Set(compiled.slice(2)).size).toBe(1);
  });

  test("may keep a running loss, which neither grows the graph nor compiles again", async () => {
    const net = await fixedNet();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    let runningLoss = tensor(0);
    const compiled: number[] = [];
    const losses: Tensor[] = [];
    for (let turn = 0; turn < 8; turn++) {
      const [loss] = interactiveSteps(net, optimizer, turn, turn + 1);
      losses.push(loss);
      runningLoss = runningLoss.add(loss);
      compiled.push(counts().compiled);
    }
    expect(new Set(compiled.slice(2)).size).toBe(1);
    const values = await Promise.all(losses.map((loss) => loss.item()));
    const sum = values.reduce((total, value) => total + value, 0);
    expect(Math.abs((await runningLoss.item()) - sum)).toBeLessThan(sum * TOLERANCE);
  });

  test("with numbers that change compiles once more, for any number", async () => {
    const x = rand(3);
    const before = counts();
    const results: number[] = [];
    for (let turn = 1; turn < 6; turn++) results.push(await tensor([2]).mul(turn).add(0.5).item());
    expect(results).toEqual([2.5, 4.5, 6.5, 8.5, 10.5]);
    expect(counts().compiled - before.compiled).toBe(2);
    await x.data();
  });
});

describe("parameters and compiled programs", () => {
  test("a program sees what was changed in place, and pending results what was there before a step", async () => {
    const net = await fixedNet();
    const program = await compile(net, { inputs: [[6, 4]] });
    const before = await (await program.run(batch(0))).data();
    noGrad(() => net.out.bias!.add_(10));
    const after = await (await program.run(batch(0))).data();
    for (const [k, value] of after.entries()) expect(value - before[k]).toBeCloseTo(10, 4);

    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const trainer = await compileTraining(net, { inputs: [[6, 4]], loss: criterion, optimizer });
    const pending = net.out.bias!.mul(1);
    const detached = net.out.bias!.detach();
    const old = await net.out.bias!.data();
    await trainer.step(batch(0), classes);
    expect(await pending.data()).toEqual(old);
    expect(await detached.data()).toEqual(old);
    expect(await net.out.bias!.data()).not.toEqual(old);
  });

  test("what was there before is kept when a program takes over what its user has changed", async () => {
    const net = new nn.Linear(1, 1, false);
    noGrad(() => net.weight.fill_(3));
    const program = await compile(net, { inputs: [[1, 1]] });
    const [pending, cloned] = [net.weight.mul(1), net.weight.detach().clone()];
    noGrad(() => net.weight.fill_(13));
    const detached = net.weight.detach();
    expect(await (await program.run(ones(1, 1))).item()).toBe(13);
    expect([await pending.item(), await cloned.item()]).toEqual([3, 3]);

    net.weight.sum().backward();
    await new optim.SGD(net.parameters(), { lr: 1 }).step();
    expect(await (await program.run(ones(1, 1))).item()).toBe(12);
    expect(await detached.item()).toBe(13);
  });

  test("one parameter may take another's numbers, in the same model too", async () => {
    const net = new nn.Sequential(new nn.Linear(3, 3), new nn.Linear(3, 3));
    const [first, second] = net.parameters().filter(({ ndim }) => ndim === 2);
    const program = await compile(net, { inputs: [[1, 3]] });
    noGrad(() => second.copy_(first));
    await program.run(rand(1, 3));
    expect(await second.data()).toEqual(await first.data());
  });

  test("a parameter without a gradient is passed over", async () => {
    const net = await fixedNet();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, weightDecay: 0.5 });
    net.zeroGrad();
    net.out.bias!.sum().backward();
    const weight = await net.out.weight.data();
    const bias = await net.out.bias!.data();
    await optimizer.step();
    expect(net.out.weight.grad).toBeNull();
    expect(await net.out.weight.data()).toEqual(weight);
    expect(await net.out.bias!.data()).not.toEqual(bias);
  });
});

test("statistics that a layer changes in place are computed in the step's own program", async () => {
  const net = new nn.Sequential(
    new nn.Linear(4, 5),
    new nn.BatchNorm1d(5),
    new nn.Dropout(0.5),
    new nn.Linear(5, 3),
  );
  const optimizer = new optim.Adam(net.parameters(), { lr: 0.01 });
  const compiled: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    optimizer.zeroGrad();
    criterion.forward(net.forward(batch(turn)), classes).backward();
    await optimizer.step();
    compiled.push(counts().compiled);
  }
  expect(new Set(compiled).size).toBe(1);
  const before = counts();
  expect(await net.stateDict()["1.num_batches_tracked"].item()).toBe(4);
  expect((await net.stateDict()["1.running_mean"].data()).some((value) => value !== 0)).toBe(true);
  expect(counts()).toEqual(before);
});
