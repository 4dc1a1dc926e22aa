/** Every parameter's step count is its own, in state dicts and files too, older ones included. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileTraining, load, nn, optim, save, type Tensor, tensor } from "kiln-js";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "kiln-steps-"));
afterAll(() => rmSync(folder, { recursive: true }));

const parameters = (count: number) => Array.from({ length: count }, () => new nn.Parameter(tensor([1, -2])));
const numbers = (tensors: readonly Tensor[]) => Promise.all(tensors.map(async (t) => [...(await t.data())]));

/** Two of three parameters are trained, one of them late. */
async function lateStart(options: ConstructorParameters<typeof optim.NAdam>[1] = {}) {
  const params = parameters(3);
  const optimizer = new optim.NAdam(params, { lr: 0.1, ...options });
  const step = async (...gradients: (number | null)[]) => {
    for (const [k, gradient] of gradients.entries())
      params[k].grad = gradient === null ? null : tensor([gradient, 1]);
    await optimizer.step();
  };
  await step(1, null, null);
  await step(2, null, null);
  await step(3, 4, null);
  return { params, optimizer, step };
}

describe("a state dict", () => {
  test("has the states of parameters that have had a gradient, and how many", async () => {
    const { optimizer, params } = await lateStart();
    const { state, paramGroups } = optimizer.stateDict();
    expect(Object.keys(state)).toEqual(["0", "1"]);
    expect(Object.keys(state["1"])).toEqual(["step", "exp_avg", "exp_avg_sq"]);
    expect(await numbers([state["0"].step, state["1"].step])).toEqual([[3], [1]]);
    expect(paramGroups[0].step).toBe(3);
    expect(params.map((p) => optimizer.stepOf(p))).toEqual([3, 1, 0]);
    expect(optimizer.stepCount).toBe(3);
  });

  test("goes on from a file to the bit, whatever was there before", async () => {
    const [one, two] = [await lateStart(), await lateStart()];
    const path = join(folder, "late.safetensors");
    await save(
      { params: Object.fromEntries(one.params.entries()), optimizer: one.optimizer.stateDict() },
      path,
    );
    // Parameters that the file says nothing of begin anew.
    await two.step(5, 6, 7);
    const saved = await load<{ params: Record<string, Tensor>; optimizer: optim.OptimizerState }>(path);
    await two.optimizer.loadStateDict(saved.optimizer);
    const before = await numbers(Object.values(saved.params));
    for (const [k, p] of two.params.entries()) p.become(tensor(before[k]).version);
    expect(two.params.map((p) => two.optimizer.stepOf(p))).toEqual([3, 1, 0]);
    expect(two.optimizer.stepCount).toBe(3);
    for (const { step } of [one, two]) {
      await step(1, 2, 3);
      await step(4, null, 5);
    }
    expect(await numbers(two.params)).toEqual(await numbers(one.params));
  });

  test("of older versions, where a group counts for all of its parameters, is taken as it was meant", async () => {
    const { params, optimizer } = await lateStart();
    const { state, paramGroups } = optimizer.stateDict();
    const zeros = { exp_avg: tensor([0, 0]), exp_avg_sq: tensor([0, 0]) };
    const withoutSteps = Object.entries(state).map(([k, { step: _, ...tensors }]) => [k, tensors] as const);
    const older = { state: { ...Object.fromEntries(withoutSteps), "2": zeros }, paramGroups };
    await optimizer.loadStateDict(older);
    expect(params.map((p) => optimizer.stepOf(p))).toEqual([3, 3, 3]);
    expect(optimizer.stepCount).toBe(3);
  });
});

/** The loss of a training step depends on one of two layers. */
class Branches extends nn.Module {
  used = new nn.Linear(2, 3);
  unused = new nn.Linear(2, 3);

  override forward(x: Tensor): Tensor {
    return this.training ? this.used.forward(x) : this.unused.forward(x);
  }
}

test("parameters that the loss does not depend on have no gradient: neither decayed nor counted", async () => {
  const net = new Branches();
  const before = await numbers(net.unused.parameters());
  const optimizer = new optim.AdamW(net.parameters(), { lr: 0.1, weightDecay: 0.5 });
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs: [[4, 2]], loss, optimizer, backend: "js" });
  for (let k = 0; k < 3; k++)
    await trainer.step(
      tensor(new Float32Array(8).fill(k), { shape: [4, 2] }),
      tensor([0, 1, 2, 0], { dtype: "int32" }),
    );
  expect(await numbers(net.unused.parameters())).toEqual(before);
  expect([net.used.weight, net.unused.weight].map((p) => optimizer.stepOf(p))).toEqual([3, 0]);
  expect(Object.keys(optimizer.stateDict().state)).toEqual(["0", "1"]);
});

test("a state loaded into a compiled training splits what is not in step any more", async () => {
  const make = async () => {
    const net = new Branches();
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.1 });
    const loss = new nn.CrossEntropyLoss();
    const trainer = await compileTraining(net, { inputs: [[4, 2]], loss, optimizer, backend: "js" });
    return { net, optimizer, trainer };
  };
  const batch = [
    tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]),
    tensor([0, 1, 2, 0], { dtype: "int32" }),
  ];
  const [one, two] = [await make(), await make()];
  one.net.used.bias!.requiresGrad = false;
  await one.trainer.step(...batch);
  one.net.used.bias!.requiresGrad = true;
  await two.net.loadStateDict(one.net.stateDict());
  await two.optimizer.loadStateDict(one.optimizer.stateDict());
  expect(await two.trainer.step(...batch)).toBe(await one.trainer.step(...batch));
  expect(await numbers(two.net.parameters())).toEqual(await numbers(one.net.parameters()));
  expect([two.net.used.weight, two.net.used.bias!].map((p) => two.optimizer.stepOf(p))).toEqual([2, 1]);
});
