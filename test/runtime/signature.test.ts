/** What `forward` may be given beside tensors: lists, records, options, and tensors that are not there. */

import { compile, compileTraining, F, nn, optim, randn, type Tensor, zeros } from "kiln-js";
import { expect, test } from "vitest";

interface Settings {
  readonly scale: Tensor;
  readonly isDoubled: boolean;
}

class Mixed extends nn.Module {
  linear = new nn.Linear(3, 3);

  forward(x: Tensor, [a, b]: readonly [Tensor, Tensor], mask?: Tensor, settings?: Settings) {
    let y = this.linear.forward(x.add(a)).mul(b);
    if (mask !== undefined) y = y.mul(mask);
    if (settings !== undefined) y = y.mul(settings.scale).mul(settings.isDoubled ? 2 : 1);
    return { y, rest: [y.sum(), [x.mean(), a.mean()]] as const };
  }
}

const pair = [[2, 3], [3]];
const close = async (found: Tensor, wanted: Tensor): Promise<void> => {
  const [a, b] = [await found.data(), await wanted.data()];
  expect(a.length).toBe(b.length);
  for (const [k, value] of a.entries()) expect(value).toBeCloseTo(b[k], 5);
};

test("a program takes lists, records and options as forward does, whatever the batch", async () => {
  const net = new Mixed();
  const program = await compile(net, {
    inputs: [[2, 3], pair, undefined, { scale: [1], isDoubled: true }],
    backend: "js",
  });
  for (const n of [2, 4]) {
    const [x, a, b, scale] = [randn(n, 3), randn(n, 3), randn(3), randn(1)];
    const { y, rest } = await program.run(x, [a, b], undefined, { scale, isDoubled: true });
    const wanted = net.forward(x, [a, b], undefined, { scale, isDoubled: true });
    await close(y, wanted.y);
    await close(rest[0], wanted.rest[0]);
    await close(rest[1][1], wanted.rest[1][1]);
  }
  await program.profile({ milliseconds: 1 });
  const masked = await compile(net, { inputs: [[2, 3], pair, [2, 3]], backend: "js" });
  const [x, a, b, mask] = [randn(2, 3), randn(2, 3), randn(3), randn(2, 3)];
  await close((await masked.run(x, [a, b], mask)).y, net.forward(x, [a, b], mask).y);
  // @ts-expect-error a number where a tensor or a list of them belongs
  await expect(masked.run(x, [a, b], 3)).rejects.toThrow(
    "input 2 must be a tensor, as inputs says, not the number 3",
  );
});

class FirstLoss extends nn.Module {
  forward({ y }: ReturnType<Mixed["forward"]>, target: Tensor): Tensor {
    return F.mseLoss(y, target);
  }
}

test("a training step does, its targets being the last", async () => {
  const net = new Mixed();
  const twin = new Mixed();
  await twin.loadStateDict(net.stateDict());
  const trainer = await compileTraining(net, {
    inputs: [[2, 3], pair, undefined, { scale: [1], isDoubled: false }],
    targets: [[2, 3]],
    loss: new FirstLoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
    backend: "js",
  });
  const optimizer = new optim.SGD(twin.parameters(), { lr: 0.1 });
  const [x, a, b, scale, target] = [randn(2, 3), randn(2, 3), randn(3), randn(1), randn(2, 3)];
  const settings = { scale, isDoubled: false };
  const loss = await trainer.step(x, [a, b], undefined, settings, target);
  const expected = F.mseLoss(twin.forward(x, [a, b], undefined, settings).y, target);
  expected.backward();
  optimizer.step();
  expect(loss).toBeCloseTo(await expected.item(), 5);
  await close(net.linear.weight, twin.linear.weight);
  const more = await trainer.step(x, [a, b], undefined, settings, target, { outputs: true });
  expect(more.outputs.rest[1][0].shape).toEqual([]);
  const { gradients } = await trainer.gradients(x, [a, b], undefined, settings, target);
  expect(Object.keys(gradients)).toEqual(["linear.weight", "linear.bias"]);
});

test("says which argument is another than it should be", async () => {
  const program = await compile(new Mixed(), {
    inputs: [[2, 3], pair, undefined, { scale: [1], isDoubled: true }],
    backend: "js",
  });
  const [x, b, scale] = [zeros(2, 3), zeros(3), zeros(1)];
  const run =
    (...given: readonly unknown[]) =>
    async () =>
      program.run(...(given as Tensor[]));
  await expect(run(x, x, undefined, { scale })).rejects.toThrow(
    "input 1 must be a list of 2, as inputs says",
  );
  await expect(run(x, [x], undefined, { scale })).rejects.toThrow("input 1 must be a list of 2");
  await expect(run(x, [x, b], x, { scale })).rejects.toThrow(
    "input 2 is an object of the class Tensor, but the program was compiled with undefined there: compile the model again",
  );
  await expect(run(x, [x, b], undefined, { scale, isDoubled: false })).rejects.toThrow(
    "input 3.isDoubled is the boolean false, but the program was compiled with the boolean true there",
  );
  await expect(run(x, [x, b], undefined, { scale, gain: 3 })).rejects.toThrow(
    "input 3 must be a record of scale, isDoubled",
  );
  await expect(run(x, [x, b], undefined, {})).rejects.toThrow("input 3.scale must be a tensor");
});
