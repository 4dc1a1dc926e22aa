/**
 * Every optimizer where gradients are missing, late, tiny, huge or denormal, against torch.optim: by hand, and compiled,
 * where a parameter that has no gradient is one whose `requiresGrad` is false for the step.
 */

import { readFileSync } from "node:fs";
import { compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import { oneIn } from "../support/extent.ts";

const { SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam } = optim;
const OPTIMIZERS = { SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam };

type Gradient = readonly number[] | null;
/** JSON has no infinities: they come by name. */
type Numbers = readonly (number | string)[];
interface Trajectory {
  readonly steps: readonly Numbers[];
  readonly states: Readonly<Record<string, Numbers>>;
}

interface Fixture {
  readonly start: readonly number[];
  readonly gradients: Readonly<Record<string, readonly Gradient[]>>;
  readonly usual: readonly (readonly number[])[];
  readonly turns: readonly string[];
  readonly denormal: readonly number[];
  readonly denormalSteps: number;
  readonly cases: readonly {
    readonly optimizer: keyof typeof OPTIMIZERS;
    readonly options: object;
    readonly scenarios: Readonly<Record<string, Trajectory>>;
    readonly alternating: Readonly<Record<string, Trajectory>>;
    readonly denormals: { readonly parameter: Numbers; readonly states: Readonly<Record<string, Numbers>> };
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/optim_steps.json", import.meta.url), "utf8"),
) as Fixture;

const parameter = (): nn.Parameter => new nn.Parameter(tensor([...fixture.start]));

/** Each of its parameters times a row of its input: the sum of all has that row as the parameter's gradient, to the bit. */
class Fed extends nn.Module {
  constructor(weights: readonly nn.Parameter[]) {
    super();
    for (const [k, weight] of weights.entries()) Reflect.set(this, `weight${k}`, weight);
  }
  override forward(x: Tensor): Tensor[] {
    return this.parameters().map((weight, k) => weight.mul(x.select(0, k)));
  }
}

/** The sum of everything in some of the outputs, all of them by default. */
class SumOf extends nn.Module {
  readonly which: readonly number[] | undefined;
  constructor(which?: readonly number[]) {
    super();
    this.which = which;
  }
  override forward(...outputs: Tensor[]): Tensor {
    const taken = this.which?.map((k) => outputs[k]) ?? outputs;
    return taken.map((output) => output.sum()).reduce((sum, part) => sum.add(part));
  }
}

const trainerOf = (
  net: nn.Module,
  optimizer: optim.Optimizer,
  backend?: BackendName,
  which?: readonly number[],
) =>
  compileTraining(net, {
    inputs: [[net.parameters().length, 2]],
    targets: [],
    loss: new SumOf(which),
    optimizer,
    ...(backend !== undefined && { backend }),
  });

/** A training of `weights` that is given their gradients. */
type Step = (gradients: readonly Gradient[]) => Promise<unknown>;

async function byHand(weights: readonly nn.Parameter[], optimizer: optim.Optimizer): Promise<Step> {
  return async (gradients) => {
    optimizer.zeroGrad();
    for (const [k, gradient] of gradients.entries()) {
      if (gradient !== null) weights[k].grad = tensor([...gradient]);
    }
    await optimizer.step();
  };
}

const compiledOn =
  (backend: BackendName) =>
  async (weights: readonly nn.Parameter[], optimizer: optim.Optimizer): Promise<Step> => {
    const trainer = await trainerOf(new Fed(weights), optimizer, backend);
    return (gradients) => {
      for (const [k, gradient] of gradients.entries()) weights[k].requiresGrad = gradient !== null;
      return trainer.step(tensor(gradients.map((gradient) => [...(gradient ?? [0, 0])])));
    };
  };

/**
 * The largest difference in float32's own units: roundings of the larger of a number and `scale`, but not below the
 * smallest denormal. Equal infinities do not differ.
 */
function roundings(actual: ArrayLike<number>, expected: Numbers, scale = 0): number {
  const differences = expected.map(Number).map((value, k) => {
    if (Object.is(actual[k], value)) return 0;
    return Math.abs(actual[k] - value) / Math.max(Math.max(Math.abs(value), scale) * 2 ** -23, 2 ** -149);
  });
  return Math.max(...differences);
}

/**
 * Both sides round float32 operations in another order, seven steps of about ten operations each; where a step nearly
 * takes back the one before, roundings of the larger numbers before are seen.
 */
const MOST_ROUNDINGS = 40;

async function follow(
  step: Step,
  optimizer: optim.Optimizer,
  named: ReadonlyMap<string, nn.Parameter>,
  gradients: (name: string, step: number) => Gradient,
  expected: Readonly<Record<string, Trajectory>>,
) {
  const scales = new Map([...named.keys()].map((name) => [name, Math.max(...fixture.start.map(Math.abs))]));
  for (const k of fixture.usual.keys()) {
    await step([...named.keys()].map((name) => gradients(name, k)));
    for (const [name, weight] of named) {
      const wanted = expected[name].steps[k];
      const scale = Math.max(scales.get(name)!, ...wanted.map((value) => Math.abs(Number(value))));
      scales.set(name, scale);
      const error = roundings(await weight.data(), wanted, scale);
      expect(error, `${name} after step ${k + 1}`).toBeLessThan(MOST_ROUNDINGS);
    }
  }
  for (const [name, weight] of named) {
    const { states } = expected[name];
    const had = Array.from(fixture.usual, (_, k) => gradients(name, k)).filter(
      (gradient) => gradient !== null,
    );
    expect(optimizer.stepOf(weight), name).toBe(had.length);
    if (had.length === 0) continue;
    const kept = optimizer.stateOf(weight);
    expect(Object.keys(kept).sort()).toEqual(Object.keys(states).sort());
    for (const [state, wanted] of Object.entries(states)) {
      const scale = Math.max(...wanted.map((value) => Math.abs(Number(value))).filter(Number.isFinite));
      const error = roundings(await kept[state].data(), wanted, scale);
      expect(error, `${state} of ${name}`).toBeLessThan(MOST_ROUNDINGS);
    }
  }
  expect(optimizer.stepCount).toBe(fixture.usual.length);
}

const WAYS = {
  "by hand": byHand,
  "compiled on wasm": compiledOn("wasm"),
  "compiled on js": compiledOn("js"),
};

describe.each(Object.entries(WAYS))("%s", (_, make) => {
  it.each(oneIn(4, fixture.cases))(
    "$optimizer $options",
    async ({ optimizer: name, options, ...expected }) => {
      const named = new Map(Object.keys(expected.scenarios).map((scenario) => [scenario, parameter()]));
      const optimizer: optim.Optimizer = new OPTIMIZERS[name]([...named.values()], options);
      const step = await make([...named.values()], optimizer);
      const gradients = (scenario: string, k: number) => fixture.gradients[scenario][k];
      await follow(step, optimizer, named, gradients, expected.scenarios);

      const lone = parameter();
      const alone: optim.Optimizer = new OPTIMIZERS[name]([lone], options);
      const fade = await make([lone], alone);
      await fade([fixture.denormal]);
      for (let k = 1; k < fixture.denormalSteps; k++) await fade([[0, 0]]);
      const { parameter: end, states } = expected.denormals;
      expect(roundings(await lone.data(), end, 1)).toBeLessThan(MOST_ROUNDINGS);
      for (const [state, numbers] of Object.entries(states)) {
        const actual = await alone.stateOf(lone)[state].data();
        // Where no step can tell, what PyTorch has below the smallest normal number is 0.
        const wanted = numbers.map((value, k) =>
          !("eps" in options) && actual[k] === 0 && Math.abs(Number(value)) < 2 ** -126 ? 0 : value,
        );
        const error = roundings(actual, wanted);
        expect(error, `${state} of denormals`).toBeLessThan(MOST_ROUNDINGS);
      }
    },
  );
});

/** From a gradient of 3e-37, whose average is normal, to where it would be 4e-40, and squares of 1e-20 would be 1e-43. */
describe.each(Object.entries(WAYS))("%s, what decays below the smallest normal number", (_, make) => {
  const fade = async (name: keyof typeof OPTIMIZERS, options: object, gradient: number) => {
    const weight = parameter();
    const optimizer: optim.Optimizer = new OPTIMIZERS[name]([weight], options);
    const step = await make([weight], optimizer);
    await step([[gradient, -gradient]]);
    for (let k = 0; k < 40; k++) await step([[0, 0]]);
    const states = await Promise.all(Object.values(optimizer.stateOf(weight)).map((state) => state.data()));
    return states.flatMap((state) => [...state]);
  };

  it.each([
    ["SGD", { momentum: 0.9 }, 3e-37],
    ["Adam", {}, 3e-37],
    ["Adam", {}, 1e-20],
    ["NAdam", {}, 3e-37],
  ] as const)("%s %o becomes 0", async (name, options, gradient) => {
    const squares = gradient === 1e-20 ? 2 : 0;
    const states = await fade(name, options, gradient);
    expect(states.slice(squares).every((value) => value === 0)).toBe(true);
  });

  it("stays where a small eps lets steps see it", async () => {
    expect((await fade("Adam", { eps: 1e-30 }, 3e-37)).some((value) => value !== 0)).toBe(true);
    const centered = await fade("RMSprop", { centered: true, lr: 0 }, 1e-19);
    expect(centered.every((value) => value !== 0)).toBe(true);
  });
});

/** Of the extremes these were NaN or far off while numbers stayed in double precision between roundings. */
const EXTREME = fixture.cases.filter(({ options }) => "eps" in options && options.eps === 1e-30);

it.each(EXTREME)(
  "on gpujs:cpu, tiny gradients: $optimizer $options",
  async ({ optimizer: name, options, scenarios }) => {
    const named = new Map([["tiny", parameter()]]);
    const optimizer: optim.Optimizer = new OPTIMIZERS[name]([...named.values()], options);
    const step = await compiledOn("gpujs:cpu")([...named.values()], optimizer);
    await follow(step, optimizer, named, (scenario, k) => fixture.gradients[scenario][k], scenarios);
  },
);

/** Two trainers of one model, whose losses share the parameter c. */
async function takingTurns(weights: readonly nn.Parameter[], optimizer: optim.Optimizer): Promise<Step> {
  const net = new Fed(weights);
  const trainers = [
    await trainerOf(net, optimizer, "wasm", [0, 2]),
    await trainerOf(net, optimizer, "wasm", [1, 2]),
  ];
  return (gradients) =>
    trainers[gradients[0] === null ? 1 : 0].step(
      tensor(gradients.map((gradient) => [...(gradient ?? [9, 9])])),
    );
}

describe.each([
  ["by hand", byHand],
  ["compiled", takingTurns],
])("two losses that take turns with one optimizer, %s", (_, make) => {
  it.each(oneIn(4, fixture.cases))(
    "$optimizer $options",
    async ({ optimizer: name, options, alternating }) => {
      const named = new Map(["a", "b", "c"].map((key) => [key, parameter()]));
      const optimizer: optim.Optimizer = new OPTIMIZERS[name]([...named.values()], options);
      const step = await make([...named.values()], optimizer);
      const gradients = (key: string, k: number) =>
        fixture.turns[k].includes(key) ? fixture.usual[k] : null;
      await follow(step, optimizer, named, gradients, alternating);
    },
  );
});
