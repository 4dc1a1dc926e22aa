/** Every optimizer but SGD: its update over several steps and a small net in training against torch.optim. */

import { readFileSync } from "node:fs";
import { compileTraining, F, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/shape.ts";
import type { NdArray } from "../../src/ops/ndarray.ts";
import { ones } from "../../src/tensor/creation.ts";
import { generate, initScale, labels } from "../support/fixtures.ts";
import { CompiledRule } from "./compiled-rule.ts";

const OPTIMIZERS = {
  Adam: optim.Adam,
  AdamW: optim.AdamW,
  RMSprop: optim.RMSprop,
  Adagrad: optim.Adagrad,
  Adadelta: optim.Adadelta,
  Adamax: optim.Adamax,
  NAdam: optim.NAdam,
  RAdam: optim.RAdam,
};
type Name = keyof typeof OPTIMIZERS;

interface Step {
  readonly lr: number;
  readonly parameter: readonly number[];
  readonly states: Readonly<Record<string, readonly number[]>>;
}

interface Fixture {
  readonly shape: readonly number[];
  readonly rules: readonly {
    readonly optimizer: Name;
    readonly options: object;
    readonly float64: readonly Step[];
    readonly float32: readonly Step[];
  }[];
  readonly nets: readonly {
    readonly optimizer: Name;
    readonly options: object;
    readonly losses: readonly number[];
    readonly parameters: Readonly<Record<string, readonly number[]>>;
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/optim_rules.json", import.meta.url), "utf8"),
) as Fixture;

/** PyTorch's own float32 steps are up to 3.3e-7 from its float64 ones. */
const FLOAT32_TOLERANCE = 5e-7;

/** The largest difference, as a fraction of the largest value; NaN where a number is missing. */
function errorOf(actual: ArrayLike<number>, expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i] - value))) / largest;
}

const parameters = (): nn.Parameter[] => [new nn.Parameter(ones(2))];
const array = (data: Float64Array): NdArray => ({ shape: fixture.shape, data });
const doubles = (name: string) => array(Float64Array.from(generate(name, sizeOf(fixture.shape))));

/** Follows PyTorch's steps; every number of every tensor must be within `tolerance` of the tensor's largest. */
function follow(
  optimizer: optim.Optimizer,
  steps: readonly Step[],
  tolerance: number,
  round?: typeof Math.fround,
) {
  expect(optimizer.lr).toBe(steps[0].lr);
  const compiled = new CompiledRule(optimizer, fixture.shape);
  expect([...compiled.stateNames].sort()).toEqual(Object.keys(steps[0].states).sort());
  let values = new Map([["parameter", doubles("optim/parameter")]]);
  for (const name of compiled.stateNames) values.set(name, array(new Float64Array(sizeOf(fixture.shape))));
  for (const [step, expected] of steps.entries()) {
    optimizer.lr = expected.lr;
    const scalars = Object.entries(optimizer.paramGroups[0].scalarValues(step));
    expect(scalars.map(([name]) => name)).toEqual(optimizer.paramGroups[0].rule.scalars);
    const inputs = new Map([...values, ["gradient", doubles(`optim/gradient/${step}`)]]);
    for (const [name, value] of scalars) inputs.set(name, { shape: [], data: Float64Array.of(value) });
    values = compiled.run(inputs, round);
    for (const [name, wanted] of Object.entries({ parameter: expected.parameter, ...expected.states })) {
      expect(errorOf(values.get(name)!.data, wanted), `${name} after step ${step + 1}`).toBeLessThan(
        tolerance,
      );
    }
  }
}

describe("updates over five steps equal PyTorch's", () => {
  it.each(fixture.rules)("$optimizer with $options", ({ optimizer, options, float64, float32 }) => {
    follow(new OPTIMIZERS[optimizer](parameters(), options), float64, 1e-12);
    follow(new OPTIMIZERS[optimizer](parameters(), options), float32, FLOAT32_TOLERANCE, Math.fround);
  });

  it("covers every optimizer with at least two settings", () => {
    for (const name of Object.keys(OPTIMIZERS)) {
      expect(fixture.rules.filter(({ optimizer }) => optimizer === name).length).toBeGreaterThan(1);
    }
  });
});

class Net extends nn.Module {
  first = new nn.Linear(6, 5);
  second = new nn.Linear(5, 3);

  override forward(x: Tensor): Tensor {
    return this.second.forward(F.relu(this.first.forward(x)));
  }
}

/** The net with the generator's weights, and its parameters by PyTorch's keys. */
async function generatedNet() {
  const net = new Net();
  const named = new Map([...net.namedParameters()].map(([key, value]) => [torchKey(key), value]));
  const weights = [...net.namedParameters()].map(([key, { shape }]) => {
    const values = generate(
      `optim/net/${torchKey(key)}`,
      sizeOf(shape),
      initScale(key.startsWith("first") ? 6 : 5),
    );
    return [key, tensor(values).reshape(shape)] as const;
  });
  await net.loadStateDict(Object.fromEntries(weights));
  return { net, named };
}

const torchKey = (key: string): string => key.replace("first", "0").replace("second", "2");

describe.each(["interpret", "js"] as const)(
  "three compiled steps on %s give PyTorch's weights",
  (backend) => {
    it.each(fixture.nets)("$optimizer with $options", async (expected) => {
      const { net, named } = await generatedNet();
      const optimizer = new OPTIMIZERS[expected.optimizer](net.parameters(), expected.options);
      const loss = new nn.CrossEntropyLoss();
      const trainer = await compileTraining(net, { inputs: [[4, 6]], loss, optimizer, backend });
      for (const [step, wanted] of expected.losses.entries()) {
        const input = tensor(generate(`optim/input/${step}`, 24)).reshape([4, 6]);
        const target = tensor(labels(`optim/labels/${step}`, 4, 3));
        expect(Math.abs((await trainer.step(input, target)) / wanted - 1)).toBeLessThan(1e-5);
      }
      for (const [key, wanted] of Object.entries(expected.parameters)) {
        expect(errorOf(await named.get(key)!.data(), wanted), key).toBeLessThan(1e-5);
      }
    });
  },
);
