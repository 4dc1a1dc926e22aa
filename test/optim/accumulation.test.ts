/** Gradient accumulation with layers that have a state or draw random numbers of their own: they act once per batch. */

import { compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../backends/registry.ts";

class Net extends nn.Module {
  first = new nn.Linear(4, 6);
  norm = new nn.BatchNorm1d(6);
  drop = new nn.Dropout(0.5);
  last = new nn.Linear(6, 3);

  override forward(x: Tensor): Tensor {
    return this.last.forward(this.drop.forward(this.norm.forward(this.first.forward(x))));
  }
}

const batch = (k: number): [Tensor, Tensor] => [
  tensor(Float32Array.from({ length: 20 }, (_, i) => Math.sin(3 * k + i))).reshape([5, 4]),
  tensor(Int32Array.of(0, 1, 2, k % 3, 1)),
];

/** Twins: every net made here has the same parameters. */
async function twin(backend: BackendName, accumulate: number, lr = 0.1) {
  const net = new Net();
  const values = [...net.parameters()].map((parameter, k) =>
    tensor(Float32Array.from({ length: parameter.numel() }, (_, i) => Math.cos(k + i))).reshape(
      parameter.shape,
    ),
  );
  const names = [...net.namedParameters()].map(([name]) => name);
  const given = Object.fromEntries(names.map((name, k) => [name, values[k]]));
  await net.loadStateDict(given, { strict: false });
  const optimizer = new optim.SGD(net.parameters(), { lr, momentum: 0.9 });
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs: [[5, 4]], loss, optimizer, backend, accumulate });
  return { net, optimizer, trainer };
}

const numbersOf = async (net: nn.Module) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(net.stateDict()).map(async ([key, t]) => [key, [...(await t.data())]] as const),
    ),
  );

describe.each(["interpret", "js"] as const)("on %s", (backend) => {
  it("running statistics take in every batch", async () => {
    // Without a learning rate the parameters stay, and both see the same activations.
    const [single, summed] = [await twin(backend, 1, 0), await twin(backend, 3, 0)];
    for (let k = 0; k < 4; k++) {
      expect(await summed.trainer.step(...batch(k))).toBe(await single.trainer.step(...batch(k)));
      const [expected, actual] = [await numbersOf(single.net), await numbersOf(summed.net)];
      expect(actual["norm.running_mean"]).toEqual(expected["norm.running_mean"]);
      expect(actual["norm.running_var"]).toEqual(expected["norm.running_var"]);
      expect(actual["norm.num_batches_tracked"]).toEqual([k + 1]);
    }
    expect([single.trainer.stepCount, summed.trainer.stepCount]).toEqual([4, 1]);
  });

  it("a training that is resumed between the batches of an update draws the same masks", async () => {
    const [one, two] = [await twin(backend, 3), await twin(backend, 3)];
    for (let k = 0; k < 4; k++) await one.trainer.step(...batch(k));
    await two.net.loadStateDict(one.net.stateDict());
    await two.optimizer.loadStateDict(one.optimizer.stateDict());
    await two.trainer.loadStateDict(one.trainer.stateDict());
    for (let k = 4; k < 8; k++) {
      const [actual, expected] = [await two.trainer.step(...batch(k)), await one.trainer.step(...batch(k))];
      // The interpreter goes on in double where the copy begins with float32: some roundings of the parameters.
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(backend === "js" ? 0 : 1e-6);
    }
    if (backend === "js") expect(await numbersOf(two.net)).toEqual(await numbersOf(one.net));
  });

  it("a batch whose loss is not finite leaves sums and statistics as they were", async () => {
    const { net, trainer } = await twin(backend, 2);
    await trainer.step(...batch(0));
    const before = [await numbersOf(net), ...(await sumsOf(trainer))];
    const sick = tensor(new Float32Array(20).fill(Number.NaN)).reshape([5, 4]);
    await expect(trainer.step(sick, batch(0)[1])).rejects.toThrow(/the loss of step 1 is NaN/);
    expect([await numbersOf(net), ...(await sumsOf(trainer))]).toEqual(before);
    expect(trainer.stateDict().batches).toBe(1);
    await trainer.step(...batch(1));
    expect(trainer.stepCount).toBe(1);
  });
});

const sumsOf = async (trainer: { stateDict(): { readonly gradients: Readonly<Record<string, Tensor>> } }) =>
  Promise.all(Object.values(trainer.stateDict().gradients).map(async (sum) => [...(await sum.data())]));
