/** Averages of a model's parameters: traces against PyTorch, keys and text, compiled and interactive use. */

import { readFileSync } from "node:fs";
import { compile, compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { generate } from "../support/fixtures.ts";

const { AveragedModel, getEmaAvgFn, updateBn } = optim.swaUtils;

interface Case {
  readonly name: string;
  readonly keys: readonly string[];
  readonly text: string;
  /** Of each average after each step. */
  readonly steps: readonly Readonly<Record<string, readonly number[]>>[];
  /** Of the averaged model in evaluation, in the end. */
  readonly output: readonly number[];
  /** Mean and variance of the averaged model's batch norm after updateBn. */
  readonly statistics: readonly (readonly number[])[];
}

const { cases } = JSON.parse(
  readFileSync(new URL("../fixtures/optim_averages.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

const OPTIONS: Readonly<Record<string, optim.swaUtils.AveragedModelOptions>> = {
  swa: {},
  ema: { avgFn: getEmaAvgFn(0.8), useBuffers: true },
};

const net = (): nn.Sequential =>
  new nn.Sequential(new nn.Linear(3, 2), new nn.BatchNorm1d(2), new nn.Linear(2, 2));
const input = (step: number): Tensor => tensor(generate(`averages/input/${step}`, 12), { shape: [4, 3] });
const target = (step: number): Tensor => tensor(generate(`averages/target/${step}`, 8), { shape: [4, 2] });

async function started(): Promise<nn.Sequential> {
  const model = net();
  for (const [key, parameter] of model.namedParameters())
    await model.loadStateDict(
      { [key]: tensor(generate(`averages/${key}`, parameter.numel(), 0.5), { shape: parameter.shape }) },
      { strict: false },
    );
  return model;
}

/** Both sides round twelve steps of float32 differently: a few thousand units in the last place. */
const closeTo = (actual: ArrayLike<number>, expected: readonly number[]): void => {
  for (const [k, value] of expected.entries()) expect(Math.abs(actual[k] - value)).toBeLessThan(2e-4);
};

describe.each(cases)("averages of $name", ({ name, keys, text, steps, output, statistics }) => {
  it("follow PyTorch's over twelve compiled steps, and compute what they are", async () => {
    const model = await started();
    const averaged = new AveragedModel(model, OPTIONS[name]);
    expect(Object.keys(averaged.stateDict())).toEqual(keys);
    expect(String(averaged)).toBe(text);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.5 });
    const trainer = await compileTraining(model, {
      inputs: [[4, 3]],
      loss: new nn.MSELoss(),
      optimizer,
      backend: "js",
    });
    for (const [k, expected] of steps.entries()) {
      await trainer.step(input(k), target(k));
      averaged.updateParameters(model);
      const state = averaged.stateDict();
      for (const [key, values] of Object.entries(expected)) closeTo(await state[key].data(), values);
    }
    averaged.eval();
    closeTo(await (averaged.forward(input(0)) as Tensor).data(), output);
    expect(model.training).toBe(true);
    const program = await compile(averaged, { inputs: [[4, 3]], backend: "js" });
    closeTo(await ((await program.run(input(0))) as Tensor).data(), output);
    await updateBn([input(0), [input(1), undefined], input(2)], averaged);
    const { "module.1.running_mean": mean, "module.1.running_var": variance } = averaged.stateDict();
    closeTo(await mean.data(), statistics[0]);
    closeTo(await variance.data(), statistics[1]);
    expect(await averaged.stateDict()["module.1.num_batches_tracked"].item()).toBe(3);
    expect([averaged.training, model.training]).toEqual([false, true]);
    expect((model[1] as nn.BatchNorm1d).momentum).toBe(0.1);
  });
});

describe("mistakes", () => {
  it("are one clear line", () => {
    expect(() => new AveragedModel({} as never)).toThrow(/AveragedModel takes a model/);
    expect(() => getEmaAvgFn(2)).toThrow(/decay must be from 0 to 1, not 2/);
    expect(() => new AveragedModel(net()).updateParameters(new nn.Linear(2, 2))).toThrow(
      /the model has no 0\.weight/,
    );
  });
});
