/**
 * Frozen parameters (`requiresGrad = false`) are passed over by a compiled step as by `optimizer.step()`, whenever they
 * are frozen.
 */

import { compileTraining, nn, optim, randn, type Tensor, tensor } from "kiln-js";
import { afterEach, describe, expect, test } from "vitest";
import { debugTo, setDebug } from "../../src/runtime/inspection/debug.ts";

afterEach(() => setDebug(undefined));

class Net extends nn.Module {
  fc1 = new nn.Linear(3, 4);
  fc2 = new nn.Linear(4, 2);

  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).tanh());
  }
}

function freeze(layer: nn.Module, isFrozen = true): void {
  for (const parameter of layer.parameters()) parameter.requiresGrad = !isFrozen;
}

const momentum = { lr: 0.1, momentum: 0.9, weightDecay: 0.1 };
const batches = [0, 1, 2].map(() => [randn(5, 3), tensor(Int32Array.of(0, 1, 1, 0, 1))] as const);

async function numbers(net: Net): Promise<Record<string, Float32Array>> {
  const entries = Object.entries(net.stateDict()).map(async ([name, t]) => [name, await t.data()] as const);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, Float32Array>;
}

describe("a frozen layer", () => {
  test("stays as it is; what is trained gets the numbers of interactive training", async () => {
    const [compiled, interactive] = [new Net(), new Net()];
    await interactive.loadStateDict(compiled.stateDict());
    const before = await numbers(compiled);
    for (const net of [compiled, interactive]) freeze(net.fc1);

    const optimizer = new optim.SGD(compiled.parameters(), momentum);
    const loss = new nn.CrossEntropyLoss();
    const trainer = await compileTraining(compiled, { inputs: [[5, 3]], loss, optimizer, clipGradNorm: 0.5 });
    for (const [x, target] of batches) await trainer.step(x, target);

    const other = new optim.SGD(interactive.parameters(), momentum);
    for (const [x, target] of batches) {
      other.zeroGrad();
      loss.forward(interactive.forward(x), target).backward();
      nn.utils.clipGradNorm_(interactive.parameters(), 0.5);
      await other.step();
    }

    const [a, b] = [await numbers(compiled), await numbers(interactive)];
    expect(a["fc1.weight"]).toEqual(before["fc1.weight"]);
    expect(a["fc1.bias"]).toEqual(before["fc1.bias"]);
    expect(a["fc2.weight"]).not.toEqual(before["fc2.weight"]);
    // Both do the same float32 operations in another order of sums: a few roundings of numbers near 1.
    for (const [name, data] of Object.entries(a))
      expect(Math.max(...data.map((value, k) => Math.abs(value - b[name][k])))).toBeLessThan(1e-5);
  });

  test("has no states and no place in the compiled step", async () => {
    const net = new Net();
    freeze(net.fc1);
    const optimizer = new optim.Adam(net.parameters());
    const trainer = await compileTraining(net, {
      inputs: [[5, 3]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
    });
    const states = [...trainer.portable.states.keys()].map(String);
    expect(states.filter((name) => name.includes("fc2") && name.includes("exp_avg")).length).toBeGreaterThan(
      0,
    );
    expect(states.filter((name) => name.includes("fc1") && name.includes("exp_avg"))).toEqual([]);
    const { gradients } = await trainer.gradients(...batches[0]);
    expect(Object.keys(gradients)).toEqual(["fc2.weight", "fc2.bias"]);
  });

  test("may be all there is in a group", async () => {
    const net = new Net();
    freeze(net.fc1);
    const optimizer = new optim.SGD([
      { params: net.fc1.parameters() },
      { params: net.fc2.parameters(), lr: 1 },
    ]);
    const trainer = await compileTraining(net, {
      inputs: [[5, 3]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
      accumulate: 2,
    });
    const before = await numbers(net);
    await trainer.step(...batches[0]);
    await trainer.step(...batches[1]);
    const after = await numbers(net);
    expect(after["fc1.weight"]).toEqual(before["fc1.weight"]);
    expect(after["fc2.weight"]).not.toEqual(before["fc2.weight"]);
  });

  test("that is frozen between steps is left alone from then on; each case is compiled once", async () => {
    const [compiled, interactive] = [new Net(), new Net()];
    await interactive.loadStateDict(compiled.stateDict());
    const loss = new nn.CrossEntropyLoss();
    const [optimizer, other] = [compiled, interactive].map(
      (net) => new optim.AdamW(net.parameters(), { lr: 0.1, weightDecay: 0.5 }),
    );
    const options = { inputs: [[5, 3]], loss, optimizer, backend: "js" as const };
    const trainer = await compileTraining(compiled, options);
    const lines: string[] = [];
    setDebug(debugTo(1, (line) => lines.push(line)));
    for (const [k, isFrozen] of [false, true, true, false, true, false].entries()) {
      const [x, target] = batches[k % 3];
      const before = await numbers(compiled);
      for (const net of [compiled, interactive]) freeze(net.fc1, isFrozen);
      await trainer.step(x, target);
      other.zeroGrad();
      loss.forward(interactive.forward(x), target).backward();
      await other.step();
      const after = await numbers(compiled);
      if (isFrozen) expect(after["fc1.weight"]).toEqual(before["fc1.weight"]);
      else expect(after["fc1.weight"]).not.toEqual(before["fc1.weight"]);
      const wanted = await numbers(interactive);
      // Both do the same float32 operations in another order of sums: a few roundings of numbers near 1, six times over.
      for (const [name, data] of Object.entries(after))
        expect(Math.max(...data.map((value, i) => Math.abs(value - wanted[name][i])))).toBeLessThan(1e-5);
      expect(Object.keys((await trainer.gradients(x, target)).gradients).length).toBe(isFrozen ? 2 : 4);
    }
    const [first, second] = compiled.fc1.parameters();
    expect([first, second, compiled.fc2.weight].map((p) => optimizer.stepOf(p))).toEqual([3, 3, 6]);
    const compilations = lines.filter((line) => line.includes("net training step"));
    // While fc1 was frozen fc2 went ahead: the two are in step no more, from the fourth step on.
    expect(compilations.map((line) => line.replace(/.*; /, ""))).toEqual([
      "because requiresGrad of a parameter has changed",
      "because parameters of a group have had different numbers of updates",
    ]);
  });

  test.each([true, false])("between the batches of one update, frozen %s at first", async (isFrozen) => {
    const [compiled, interactive] = [new Net(), new Net()];
    await interactive.loadStateDict(compiled.stateDict());
    const loss = new nn.CrossEntropyLoss();
    const [optimizer, other] = [compiled, interactive].map(
      (net) => new optim.Adam(net.parameters(), { lr: 0.1, weightDecay: 0.5 }),
    );
    freeze(compiled.fc1, isFrozen);
    freeze(interactive.fc1, isFrozen);
    const options = { inputs: [[5, 3]], loss, optimizer, backend: "js" as const, accumulate: 2 };
    const trainer = await compileTraining(compiled, options);
    for (let update = 0; update < 3; update++) {
      for (const [k, [x, target]] of batches.slice(0, 2).entries()) {
        for (const net of [compiled, interactive]) freeze(net.fc1, k === 0 ? isFrozen : !isFrozen);
        await trainer.step(x, target);
        loss.forward(interactive.forward(x), target).backward();
      }
      await other.step();
      other.zeroGrad();
    }
    expect(optimizer.stepOf(compiled.fc1.weight)).toBe(3);
    const [a, b] = [await numbers(compiled), await numbers(interactive)];
    for (const [name, data] of Object.entries(a))
      expect(Math.max(...data.map((value, k) => Math.abs(value - b[name][k])))).toBeLessThan(1e-5);
  });

  test("is not moved by hand either: zeroGrad takes its gradient away", async () => {
    const net = new Net();
    const optimizer = new optim.SGD(net.parameters(), momentum);
    const loss = new nn.CrossEntropyLoss();
    loss.forward(net.forward(batches[0][0]), batches[0][1]).backward();
    await optimizer.step();
    freeze(net.fc1);
    const before = await numbers(net);
    for (const options of [undefined, { setToNone: false }]) {
      optimizer.zeroGrad(options);
      expect(net.fc1.weight.grad).toBeNull();
      loss.forward(net.forward(batches[1][0]), batches[1][1]).backward();
      await optimizer.step();
    }
    const after = await numbers(net);
    expect(after["fc1.weight"]).toEqual(before["fc1.weight"]);
    expect(after["fc2.weight"]).not.toEqual(before["fc2.weight"]);
  });

  test("that is frozen when nothing else is left to train is an error of the step", async () => {
    const net = new Net();
    const optimizer = new optim.SGD(net.parameters());
    const trainer = await compileTraining(net, {
      inputs: [[5, 3]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
      backend: "js",
    });
    freeze(net);
    await expect(trainer.step(...batches[0])).rejects.toThrow("there is nothing to train");
    freeze(net, false);
    expect(await trainer.step(...batches[0])).toBeGreaterThan(0);
  });

  test("leaves something to train, or it is an error", async () => {
    const net = new Net();
    freeze(net);
    const optimizer = new optim.SGD(net.parameters());
    await expect(
      compileTraining(net, { inputs: [[5, 3]], loss: new nn.CrossEntropyLoss(), optimizer }),
    ).rejects.toThrow("there is nothing to train: requiresGrad is false for every parameter");
  });
});

test("parameters of the loss are refused as what they are", async () => {
  class Weighted extends nn.Module {
    scale = new nn.Parameter(tensor([2]));
    forward(output: Tensor, target: Tensor): Tensor {
      return output.sub(target).mul(this.scale.detach()).square().mean();
    }
  }
  const net = new Net();
  const loss = new Weighted();
  const optimizer = new optim.SGD([...net.parameters(), ...loss.parameters()]);
  await expect(
    compileTraining(net, { inputs: [[5, 3]], targets: [[5, 2]], loss, optimizer }),
  ).rejects.toThrow(/holds 5 parameters, but 1 of them are not parameters of this model: .* or the loss's/);
});
