/** Parameter groups: how they are given, what they refuse, and what the optimizer's state says of them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileTraining, load, nn, optim, save, type Tensor, tensor } from "kiln-js";
import { afterAll, describe, expect, it } from "vitest";
import { ones } from "../../src/tensor/creation.ts";
import { TinyNet } from "../support/nets.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-groups-"));
afterAll(() => rmSync(folder, { recursive: true }));

const parameter = (): nn.Parameter => new nn.Parameter(ones(2));

describe("parameter groups", () => {
  it("have the options they are given, and else the optimizer's", () => {
    const [a, b, c] = [parameter(), parameter(), parameter()];
    const optimizer = new optim.SGD(
      [
        { params: [a], lr: 0.1 },
        { params: b, momentum: 0.5 },
      ],
      {
        lr: 0.01,
        weightDecay: 0.2,
      },
    );
    optimizer.addParamGroup({
      params: [c],
      nesterov: true,
      momentum: 0.9,
      ...({ weightDecay: undefined } as object),
    });
    const common = { dampening: 0, weightDecay: 0.2 };
    expect(optimizer.paramGroups).toMatchObject([
      { params: [a], lr: 0.1, momentum: 0, nesterov: false, ...common },
      { params: [b], lr: 0.01, momentum: 0.5, nesterov: false, ...common },
      { params: [c], lr: 0.01, momentum: 0.9, nesterov: true, ...common },
    ]);
    expect(optimizer.parameters).toEqual([a, b, c]);
    optimizer.paramGroups[1].lr = 3;
    const rates = () => optimizer.paramGroups.map((group) => group.scalarValues(0));
    expect(rates()).toEqual([{ lr: 0.1 }, { lr: 3 }, { lr: 0.01 }]);
    optimizer.lr = 1;
    expect(rates()).toEqual([{ lr: 1 }, { lr: 1 }, { lr: 1 }]);
  });

  it("may come from any iterable", () => {
    const list = function* () {
      yield { params: [parameter()] };
      yield { params: [parameter()], lr: 2 };
    };
    expect(new optim.Adam(list()).paramGroups.map(({ lr }) => lr)).toEqual([0.001, 2]);
  });

  const shared = parameter();
  it.each<[string, () => unknown, string]>([
    [
      "share a parameter",
      () => new optim.SGD([{ params: [shared] }, { params: [parameter(), shared] }]),
      "a parameter may be in one group alone, but item 1 of group 1 is in group 0 too",
    ],
    [
      "share a parameter later on",
      () => new optim.SGD([shared]).addParamGroup({ params: shared }),
      "item 0 of group 1 is in group 0 too",
    ],
    ["hold one twice", () => new optim.SGD([{ params: [shared, shared] }]), "given the same parameter twice"],
    ["be none", () => new optim.SGD([] as nn.Parameter[]), "optimizer got an empty parameter list"],
    ["be empty", () => new optim.Adam([{ params: [] }]), "optimizer got an empty parameter list"],
    [
      "have options of another optimizer",
      () => new optim.SGD([{ params: [shared], betas: [0.9, 0.9] } as { params: nn.Parameter[] }]),
      "SGD has no option betas; its options are lr, momentum, dampening, weightDecay, nesterov",
    ],
    [
      "have impossible options",
      () => new optim.Adam([{ params: [shared], betas: [0.9, 2] }]),
      "Adam's betas must be two numbers of at least 0 and below 1, not [0.9,2]",
    ],
    [
      "stand among parameters",
      () => new optim.SGD([shared, { params: [parameter()] }] as nn.Parameter[]),
      "an optimizer takes a list of Parameters, such as net.parameters(), but item 1 is not one",
    ],
    [
      "stand before parameters",
      () => new optim.SGD([{ params: [shared] }, parameter()] as { params: nn.Parameter[] }[]),
      "groups such as { params: net.fc.parameters(), lr: 0.1 }, not both: item 1 is not a group",
    ],
  ])("cannot %s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

const images = (seed: number): Tensor =>
  tensor(Float32Array.from({ length: 6 * 64 }, (_, k) => Math.sin(seed + k))).reshape([6, 1, 8, 8]);
const classes = tensor(Int32Array.of(0, 1, 2, 3, 0, 1));

async function trained(options: Partial<Parameters<typeof compileTraining>[1]> = {}) {
  const net = new TinyNet();
  const optimizer = new optim.AdamW(
    [
      { params: net.conv.parameters(), lr: 0.02 },
      { params: net.fc.parameters(), weightDecay: 0 },
    ],
    { lr: 0.01 },
  );
  const schedule = new optim.lrScheduler.StepLR(optimizer, 2);
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs: [[6, 1, 8, 8]], loss, optimizer, ...options });
  const steps = async (from: number, to: number) => {
    const losses: number[] = [];
    for (let step = from; step < to; step++) {
      losses.push(await trainer.step(images(step), classes));
      schedule.step();
    }
    return losses;
  };
  return { net, optimizer, schedule, trainer, steps };
}

const numbers = async (tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(
    await Promise.all(Object.entries(tensors).map(async ([key, t]) => [key, [...(await t.data())]] as const)),
  );

describe("a training", () => {
  it.each([{}, { accumulate: 3 }, { accumulate: 3, clipGradNorm: 0.1 }])(
    "with %o goes on bit for bit from a file",
    async (options) => {
      const file = join(folder, "training.safetensors");
      const [one, two] = [await trained(options), await trained(options)];
      // Five batches: with accumulation two of them wait for an update.
      await one.steps(0, 5);
      await save(
        {
          model: one.net.stateDict(),
          optimizer: one.optimizer.stateDict(),
          trainer: one.trainer.stateDict(),
          schedule: one.schedule.stateDict(),
          epoch: 5,
        },
        file,
      );
      const saved = await load<{
        model: Record<string, Tensor>;
        optimizer: optim.OptimizerState;
        trainer: ReturnType<typeof one.trainer.stateDict>;
        schedule: optim.lrScheduler.SchedulerState;
        epoch: number;
      }>(file);
      await two.net.loadStateDict(saved.model);
      await two.optimizer.loadStateDict(saved.optimizer);
      await two.trainer.loadStateDict(saved.trainer);
      two.schedule.loadStateDict(saved.schedule);
      expect(two.trainer.stepCount).toBe(one.trainer.stepCount);
      expect(await two.steps(saved.epoch, 9)).toEqual(await one.steps(5, 9));
      expect(await numbers(two.net.stateDict())).toEqual(await numbers(one.net.stateDict()));
      const [first, second] = [one.optimizer.stateDict(), two.optimizer.stateDict()];
      expect(second.paramGroups).toEqual(first.paramGroups);
      for (const [k, states] of Object.entries(first.state)) {
        expect(await numbers(second.state[k])).toEqual(await numbers(states));
      }
    },
  );

  it("has its state under PyTorch's names", async () => {
    const { optimizer, steps } = await trained();
    await steps(0, 1);
    const { state, paramGroups } = optimizer.stateDict();
    expect(Object.entries(state).map(([k, states]) => [k, ...Object.keys(states)])).toEqual(
      ["0", "1", "2", "3"].map((k) => [k, "step", "exp_avg", "exp_avg_sq"]),
    );
    const common = { betas: [0.9, 0.999], eps: 1e-8, amsgrad: false, step: 1 };
    expect(paramGroups).toEqual([
      { ...common, lr: 0.02, initialLr: 0.02, weightDecay: 0.01, params: [0, 1] },
      { ...common, lr: 0.01, initialLr: 0.01, weightDecay: 0, params: [2, 3] },
    ]);
  });

  it("reports everything that does not fit, and then nothing has changed", async () => {
    const { optimizer, trainer, steps } = await trained();
    await steps(0, 1);
    const before = await numbers(optimizer.stateDict().state["0"]);
    const good = optimizer.stateDict();
    const { "0": first, "1": second, ...others } = good.state;
    const bad = {
      state: {
        ...others,
        "0": { step: tensor(-1), exp_avg: first.exp_avg },
        "1": { exp_avg: second.exp_avg, exp_avg_sq: ones(7) },
        "9": { exp_avg: first.exp_avg },
      },
      paramGroups: [
        { ...good.paramGroups[0], lr: -1, betas: [0.5, 0.9] as const },
        { ...good.paramGroups[1], step: 0.5 },
      ],
    };
    await expect(optimizer.loadStateDict(bad)).rejects.toThrow(
      "cannot load the state dict into AdamW: betas of group 0 is [0.5,0.9] but the optimizer has [0.9,0.999]; " +
        "lr of group 0 is -1, no learning rate; step of group 1 is 0.5, no number of steps; " +
        "missing key state.0.exp_avg_sq; unexpected key state.9.exp_avg; " +
        "state.1.exp_avg_sq is float32[7] but the optimizer has float32[3]; state.0.step is not a number of steps",
    );
    await expect(optimizer.loadStateDict({ state: {}, paramGroups: [] })).rejects.toThrow(
      "it has 0 parameter groups but the optimizer has 2",
    );
    await expect(optimizer.loadStateDict(7 as never)).rejects.toThrow("paramGroups is not a list");
    await expect(trainer.loadStateDict({ batches: 1, gradients: { w: ones(1) } })).rejects.toThrow(
      "cannot load the state dict into the trainer: batches is 1, but 1 make an update; unexpected key w",
    );
    expect(await numbers(optimizer.stateDict().state["0"])).toEqual(before);
    expect([optimizer.paramGroups[0].lr, optimizer.stepCount]).toEqual([0.02, 1]);
  });

  it("is compiled once, whatever schedules do to the groups' rates", async () => {
    const { optimizer, trainer, steps } = await trained();
    const { kernels } = trainer;
    await steps(0, 5);
    expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual(
      [0.0002, 0.0001].map((lr) => expect.closeTo(lr, 12)),
    );
    expect(trainer.kernels.map(({ source }) => source)).toEqual(kernels.map(({ source }) => source));
    expect(kernels.filter(({ name }) => name.startsWith("update"))).toHaveLength(1);
  });

  it("has to be compiled again for a new group", async () => {
    const { optimizer, trainer, steps } = await trained();
    await steps(0, 1);
    optimizer.addParamGroup({ params: parameter() });
    await expect(trainer.step(images(0), classes)).rejects.toThrow(
      "the optimizer has got a parameter group since this trainer was compiled",
    );
  });

  it.each<[object, string]>([
    [{ accumulate: 0 }, "accumulate must be a whole number of batches of at least 1, not 0"],
    [{ clipGradNorm: -1 }, "clipGradNorm must be a finite number above 0, not -1"],
    [
      { clipGradNorm: { maxNorm: 1, normType: 0 } },
      "clipGradNorm's normType must be a finite number above 0, not 0",
    ],
    [{ clipGradValue: Number.NaN }, "clipGradValue must be a finite number above 0, not NaN"],
    [{ clipGradNorm: 1, clipGradValue: 1 }, "give clipGradNorm or clipGradValue"],
  ])("cannot have %o", async (options, message) => {
    await expect(trained(options)).rejects.toThrow(message);
  });
});

describe("accumulation", () => {
  it("updates on each k-th batch, and from fewer when told", async () => {
    const { net, trainer, steps } = await trained({ accumulate: 3 });
    const before = await numbers(net.stateDict());
    const { gradients } = await trainer.gradients(images(0), classes);
    await steps(0, 2);
    expect([await numbers(net.stateDict()), trainer.stepCount]).toEqual([before, 0]);
    const waiting = trainer.stateDict();
    expect(waiting.batches).toBe(2);
    const second = (await trainer.gradients(images(1), classes)).gradients;
    const sums = await numbers(waiting.gradients);
    for (const [name, sum] of Object.entries(sums)) {
      const [a, b] = [await gradients[name].data(), await second[name].data()];
      expect(sum).toEqual([...a].map((value, k) => Math.fround(value + b[k])));
    }
    await steps(2, 3);
    expect([trainer.stepCount, trainer.stateDict().batches]).toEqual([1, 0]);
    expect(await numbers(net.stateDict())).not.toEqual(before);
    for (const sum of Object.values(await numbers(trainer.stateDict().gradients))) {
      expect(sum.every((value) => value === 0)).toBe(true);
    }
    await steps(3, 4);
    await trainer.flush();
    await trainer.flush();
    expect([trainer.stepCount, trainer.stateDict().batches]).toEqual([2, 0]);
  });

  it("shows the update's program beside that of the batches", async () => {
    const { trainer } = await trained({ accumulate: 2, clipGradNorm: 1 });
    const names = trainer.kernels.map(({ name }) => name);
    expect(names.filter((name) => name === "update")).toHaveLength(2);
    expect(trainer.stages.map(({ name }) => name)).toContain("update/training-step");
    for (const { name, origins } of trainer.kernels) expect(origins.length, name).toBeGreaterThan(0);
    await trainer.dispose();
    await expect(trainer.flush()).rejects.toThrow("disposed");
  });
});
