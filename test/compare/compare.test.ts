/** `compareBackends`: what it tells of each backend, that it finds a wrong kernel, and that it leaves everything alone. */

import {
  backends,
  compareBackends,
  compile,
  F,
  generatorState,
  manualSeed,
  nn,
  optim,
  randn,
  type Tensor,
} from "kiln-js";
import { describe, expect, test } from "vitest";
import { type BackendName, backendNamed } from "../../backends/registry.ts";
import type { Checked, CompareOptions, Comparison } from "../../src/compare/types.ts";
import { TinyNet } from "../support/nets.ts";
import { broken, compareWith } from "./broken.ts";

const TINY: CompareOptions = {
  inputs: [[4, 1, 8, 8]],
  loss: new nn.CrossEntropyLoss(),
  milliseconds: 10,
};

const checkedOf = (comparison: Comparison): readonly Checked[] =>
  comparison.results.map(({ difference }) => {
    if (!difference.checked) throw new Error(difference.reason);
    return difference;
  });

describe("compareBackends", () => {
  test("tells time, work, memory and difference of each backend as plain data", async () => {
    const asked = ["js", "wasm", "gpujs:cpu", "interpret"] as const;
    const comparison = await compareBackends(new TinyNet(), { ...TINY, backends: asked });
    expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison);
    expect(comparison).toMatchObject({ model: "TinyNet", mode: "training", batchSize: 4 });
    expect(comparison.machine).not.toBe("");
    expect(comparison.results.map(({ backend }) => backend)).toEqual(asked);
    for (const { milliseconds, runs, compileMilliseconds, memory, kernels } of comparison.results) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(runs).toBeGreaterThan(0);
      expect(compileMilliseconds).toBeGreaterThan(0);
      // 30 + 112 parameters of four bytes, and the momentum of each.
      expect(memory.parameterBytes).toBe(2 * 4 * (30 + 112));
      expect(memory.arenaBytes).toBeGreaterThan(0);
      expect(kernels.length).toBeGreaterThan(5);
      expect(kernels[0].at).toMatch(/nets\.ts:\d+/);
      expect(Math.max(...kernels.map(({ flops }) => flops))).toBeGreaterThan(0);
    }
    const names = new Set(comparison.results[0].kernels.map(({ name }) => name));
    for (const { partOf } of comparison.results[0].kernels) expect(names).toContain(partOf);
    for (const { batchSize, first, values } of checkedOf(comparison)) {
      expect([batchSize, first]).toEqual([4, null]);
      expect(values.map(({ value }) => value)).toContain("@fc.weight");
    }
    // The oracle is the interpreter itself; its numbers are read as float32, half a unit in the last place off at most.
    expect(checkedOf(comparison)[3].largest?.difference).toBeLessThanOrEqual(2 ** -24);
    // The largest that float32 explains: about the square root of the most terms times the unit of rounding.
    for (const { largest } of checkedOf(comparison)) expect(largest?.difference).toBeLessThan(1e-5);
  });

  test("takes the backends that produce code here, and the forward pass without a loss", async () => {
    const comparison = await compareBackends(new TinyNet(), { inputs: TINY.inputs, milliseconds: 10 });
    expect(comparison.mode).toBe("forward");
    expect(comparison.results.map(({ backend }) => backend)).toEqual(
      expect.arrayContaining(["wasm", "js"] as const),
    );
    expect(comparison.results.map(({ backend }) => backend)).not.toContain("interpret");
  });

  test("takes only backends that can have the threads, and says what it does", async () => {
    const said: string[] = [];
    const { results } = await compareBackends(new TinyNet(), {
      ...TINY,
      threads: 2,
      verify: false,
      onProgress: (what) => said.push(what),
    });
    const able = (await backends()).filter((b) => b.available && ["wasm", "c"].includes(b.name));
    const names = able.map(({ name }) => name);
    expect(results.map(({ backend }) => backend)).toEqual(names);
    expect(said).toEqual([...names.map((b) => `compiling for ${b}`), `measuring ${names.join(", ")}`]);
  });

  test("leaves the oracle out where it is not asked for, and says so", async () => {
    const { results } = await compareBackends(new TinyNet(), { ...TINY, backends: ["js"], verify: false });
    expect(results[0].difference).toEqual({ checked: false, reason: "it was not asked for" });
  });

  test("takes another batch, several inputs, integers and an optimizer of the user's", async () => {
    class Scores extends nn.Module {
      rows = new nn.Embedding(20, 6);
      fc = new nn.Linear(10, 5);
      override forward(words: Tensor, x: Tensor): Tensor {
        return this.fc.forward(F.relu(x.mul(this.rows.forward(words).mean(1).sum(1, true))));
      }
    }
    let given: string[] = [];
    const comparison = await compareBackends(new Scores(), {
      inputs: [{ shape: [8, 3], dtype: "int32" }, [8, 10]],
      loss: new nn.CrossEntropyLoss(),
      targets: [{ shape: [8], dtype: "int32" }],
      optimizer: (parameters) => {
        given = parameters.map(({ shape }) => String(shape));
        return new optim.AdamW(parameters);
      },
      backends: ["js", "wasm"],
      batchSize: 3,
      milliseconds: 10,
    });
    expect(given).toEqual(["20,6", "5,10", "5"]);
    expect(comparison.batchSize).toBe(3);
    for (const { batchSize, first, values } of checkedOf(comparison)) {
      expect([batchSize, first]).toEqual([3, null]);
      expect(values.some(({ value }) => value.includes("exp_avg"))).toBe(true);
    }
  });
});

describe("a wrong kernel", () => {
  const kernelsOn = async (name: BackendName): Promise<readonly string[]> => {
    const { results } = await compareBackends(new TinyNet(), { ...TINY, backends: [name], verify: false });
    // What reads a list is compared, the list is not.
    const lists = (schedule = ""): boolean => /^compact \w+$/.test(schedule);
    return results[0].kernels.filter(({ schedule }) => !lists(schedule)).map((kernel) => kernel.name);
  };

  test.each(["js", "wasm"] as const)("is the first that is named on %s, whichever it is", async (name) => {
    const kernels = await kernelsOn(name);
    expect(kernels.length).toBeGreaterThan(6);
    for (const kernel of kernels) {
      // A thousandth is far more than rounding; booleans and winners become others.
      const wrong = broken(await backendNamed(name), kernel, (value) =>
        Number.isInteger(value) ? value + 1 : value * 1.001,
      );
      const { results } = await compareWith([wrong], new TinyNet(), TINY);
      const { difference } = results[0];
      expect(difference.checked && difference.first?.kernel).toBe(kernel);
    }
  });

  test("is told with the value, the line and how large the difference is", async () => {
    manualSeed(7);
    const [kernel] = await kernelsOn("js");
    const wrong = broken(await backendNamed("js"), kernel, (value) => value * 1.25);
    const [{ first, largest }] = checkedOf(await compareWith([wrong], new TinyNet(), TINY));
    expect(first).toMatchObject({
      kernel: "conv2d_relu_max_pool2d",
      at: expect.stringMatching(/nets\.ts:\d+/),
    });
    expect(first?.difference).toBeCloseTo(0.25, 5);
    expect(first?.allowed).toBeLessThan(1e-5);
    // All that relu let through.
    expect(first?.beyond).toBeGreaterThan(1);
    expect(first?.beyond).toBeLessThanOrEqual(first?.elements ?? 0);
    // What is a quarter too large was rounded to float32.
    expect(largest?.difference).toBeGreaterThan(0.25 - 1e-6);
  });

  test("that stores NaN is infinitely wrong", async () => {
    const kernel = "linear";
    const wrong = broken(await backendNamed("js"), kernel, () => Number.NaN);
    // A forward pass: a training step whose loss is NaN cannot be timed.
    const forward = { inputs: TINY.inputs, milliseconds: 10 };
    const [{ first }] = checkedOf(await compareWith([wrong], new TinyNet(), forward));
    expect(first).toMatchObject({ kernel, difference: Number.MAX_VALUE });
  });
});

class Everything extends nn.Module {
  // The bias before a normalisation has no gradient but rounding.
  conv = new nn.Conv2d(1, 4, 3);
  norm = new nn.BatchNorm2d(4);
  drop = new nn.Dropout(0.5);
  frozen = new nn.BatchNorm2d(4);
  fc = new nn.Linear(4 * 6 * 6, 3);
  override forward(x: Tensor): Tensor {
    const y = this.frozen.forward(F.relu(this.norm.forward(this.conv.forward(x))));
    return this.fc.forward(this.drop.forward(y).flatten(1));
  }
}

describe("the model", () => {
  const options: CompareOptions = { ...TINY, backends: ["js", "wasm"] };
  const everythingOf = async (model: Everything): Promise<unknown> => ({
    state: await Promise.all(
      Object.entries(model.stateDict()).map(async ([name, t]) => [name, await t.array()]),
    ),
    grads: model.parameters().map(({ grad }) => grad),
    training: model.modules().map(({ training }) => training),
    generator: generatorState(),
  });

  test.each(["is as it was", "is as it was after an error", "that is compiled is as it was"])(
    "%s",
    async (what) => {
      manualSeed(7);
      const model = new Everything();
      model.frozen.eval();
      model.fc.weight.requiresGrad = false;
      const x = randn([4, 1, 8, 8]);
      const program = what.includes("compiled")
        ? await compile(model, { inputs: options.inputs })
        : undefined;
      const output = await program?.run(x).then((y) => y.array());
      const before = await everythingOf(model);
      const versions = model.parameters().map(({ version }) => version);
      if (what.includes("error")) {
        const optimizer = (): never => {
          throw new Error("no optimizer");
        };
        await expect(compareBackends(model, { ...options, optimizer })).rejects.toThrow("no optimizer");
      } else {
        for (const { first } of checkedOf(await compareBackends(model, options))) expect(first).toBeNull();
      }
      expect(await everythingOf(model)).toEqual(before);
      for (const [k, { version }] of model.parameters().entries()) expect(version).toBe(versions[k]);
      expect(await program?.run(x).then((y) => y.array())).toEqual(output);
    },
  );

  test("has the same masks on every backend, those of the seed", async () => {
    manualSeed(7);
    const model = new Everything();
    const values = checkedOf(await compareBackends(model, options)).map(({ values: all }) => all);
    for (const all of values)
      for (const { difference, allowed } of all) expect(difference).toBeLessThanOrEqual(allowed);
  });
});
