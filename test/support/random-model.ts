/**
 * Random models from the whole catalogue of layers, losses and optimizers, as fast-check arbitraries that shrink: nets
 * of several inputs and outputs, with batches of one, axes of extent 1, shared, frozen and late parameters.
 */

import * as fc from "fast-check";
import { manualSeed, nn, type optim, rand, randint, type Tensor } from "kiln-js";
import type { Shape } from "../../src/core/shape.ts";
import { generator } from "./draw.ts";
import { JOINS, NetBuilder, type StepSpec } from "./random-builder.ts";
import { small } from "./random-catalogue/entry.ts";
import { FUNCTIONS } from "./random-catalogue/functions.ts";
import { LAYERS } from "./random-catalogue/layers.ts";
import { CLASSES, LOSSES } from "./random-catalogue/losses.ts";
import { OPTIMIZERS, SCHEDULES } from "./random-catalogue/optimizers.ts";
import { WORDS } from "./random-catalogue/rows.ts";
import { JointLoss, type NetStep, RandomNet } from "./random-net.ts";

const FAMILIES = ["image", "large image", "signal", "words", "rows"] as const;

export interface ModelSpec {
  readonly family: (typeof FAMILIES)[number];
  readonly batch: number;
  readonly extents: readonly [number, number, number];
  readonly inputs: number;
  readonly outputs: number;
  readonly steps: readonly StepSpec[];
  readonly loss: number;
  readonly optimizer: number;
  readonly schedule: number;
  /** Which parameters are frozen for a while; in most models none. */
  readonly rests: number;
  readonly seed: number;
}

/** `requiresGrad` of a parameter changes before this step. */
export interface Change {
  readonly step: number;
  readonly parameter: number;
  readonly requiresGrad: boolean;
}

/** A model with everything for a training run; made twice from one spec, it has the same numbers. */
export interface RandomModel {
  readonly model: RandomNet;
  readonly layers: readonly nn.Module[];
  readonly heads: readonly (readonly nn.Module[])[];
  readonly steps: readonly NetStep[];
  readonly outputs: readonly number[];
  readonly loss: JointLoss;
  readonly optimizer: optim.Optimizer;
  /** What happens after each step, given the loss. */
  readonly schedule: { step(loss: number): void };
  readonly inputs: readonly Tensor[];
  readonly targets: readonly Tensor[];
  /** Inputs, then targets. */
  readonly batches: readonly (readonly Tensor[])[];
  readonly changes: readonly Change[];
  /** The kinds of layers and steps that are in it. */
  readonly kinds: readonly string[];
  /** The loss, the optimizer and the schedule in Python. */
  readonly python: { readonly loss: string; readonly optimizer: string; readonly schedule: string };
}

/** Every kind that a run should include. */
export const KINDS: readonly string[] = [...Object.keys(LAYERS), ...Object.keys(FUNCTIONS), ...JOINS];

const LOSS_KINDS = Object.keys(LOSSES);

const step: fc.Arbitrary<StepSpec> = fc.record({
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Object.keys(LAYERS)) },
    { weight: 3, arbitrary: fc.constantFrom(...Object.keys(FUNCTIONS)) },
    { weight: 2, arbitrary: fc.constantFrom(...JOINS) },
  ),
  from: fc.nat(63),
  a: fc.nat(63),
  b: fc.nat(63),
  c: fc.nat(63),
});

/** One to seven steps, then a classifier for each output, a loss, an optimizer and a schedule. */
export const randomModel: fc.Arbitrary<ModelSpec> = fc.record({
  family: fc.constantFrom(...FAMILIES, "image", "signal", "rows"),
  batch: fc.constantFrom(1, 1, 2, 3, 4),
  extents: fc.tuple(fc.nat(63), fc.nat(63), fc.nat(63)),
  inputs: fc.constantFrom(1, 1, 2),
  outputs: fc.constantFrom(1, 1, 2),
  steps: fc.array(step, { minLength: 1, maxLength: 7 }),
  loss: fc.nat(LOSS_KINDS.length - 1),
  optimizer: fc.nat(OPTIMIZERS.length - 1),
  schedule: fc.oneof(fc.constant(0), fc.nat(SCHEDULES.length - 1)),
  rests: fc.nat(23),
  seed: fc.nat(0xffff),
});

/** The number of kinds in each model of {@link coverage}. */
const KINDS_AT_ONCE = 7;

/** Models that together contain every kind, every loss, optimizer and schedule; the seed chooses the rest. */
export function coverage(seed: number): ModelSpec[] {
  const draw = generator(seed);
  const number = (): number => Math.floor(draw() * 64);
  const specOf = (kinds: readonly string[], turn: number): ModelSpec => ({
    family: FAMILIES[number() % FAMILIES.length],
    batch: small(number(), 4),
    extents: [number(), number(), number()],
    inputs: small(number(), 2),
    outputs: small(number(), 2),
    steps: kinds.map((kind) => ({ kind, from: number(), a: number(), b: number(), c: number() })),
    loss: turn % LOSS_KINDS.length,
    optimizer: turn % OPTIMIZERS.length,
    schedule: turn % SCHEDULES.length,
    rests: 23,
    seed: number(),
  });
  let left = [...KINDS]
    .map((kind) => ({ kind, at: draw() }))
    .sort((p, q) => p.at - q.at)
    .map(({ kind }) => kind);
  const specs: ModelSpec[] = [];
  // Kinds that do not fit in one net are tried in another.
  for (let tries = 0; left.length > 0 && tries < KINDS.length; tries++) {
    // The last nets have just as many, as "shared" needs layers before it.
    const others = Array.from(
      { length: Math.max(0, KINDS_AT_ONCE - left.length) },
      () => KINDS[Math.floor(draw() * KINDS.length)],
    );
    const spec = specOf([...others, ...left.slice(0, KINDS_AT_ONCE)], tries);
    const { kinds } = makeModel(spec);
    const found = left.filter((kind) => kinds.includes(kind));
    left = [...left.slice(KINDS_AT_ONCE), ...left.slice(0, KINDS_AT_ONCE)].filter(
      (kind) => !found.includes(kind),
    );
    if (found.length > 0) specs.push(spec);
  }
  return specs;
}

/** How many training steps a model is compared over. */
export const TRAINING_STEPS = 3;

/** Makes the model; steps that do not fit the shapes they would get are left out. */
export function makeModel(spec: ModelSpec): RandomModel {
  manualSeed(spec.seed);
  const shape = inputShapeOf(spec);
  const isWords = spec.family === "words";
  const makeInput = (): Tensor => (isWords ? randint(0, WORDS, shape) : rand(...shape).sub(0.5));
  const inputs = Array.from({ length: spec.inputs }, makeInput);
  const builder = new NetBuilder(inputs);
  if (isWords)
    for (const k of inputs.keys())
      builder.addLayer("Embedding of words", k, new nn.Embedding(WORDS, small(spec.extents[2], 4)));
  for (const one of spec.steps) builder.add(one);
  const entry = LOSSES[LOSS_KINDS[spec.loss]];
  const outputs = builder.newest(spec.outputs);
  const heads = outputs.map((value, k) => [
    new nn.Linear(builder.features(value), CLASSES),
    ...(k === 0 && entry.after !== undefined ? entry.after() : []),
  ]);
  const { layers, weights, steps } = builder;
  const model = new RandomNet(
    { layers, weights },
    steps,
    outputs,
    heads.map((modules) => new nn.Sequential(...modules)),
  );
  const loss = new JointLoss(entry);
  const makeTargets = (): Tensor[] => [
    entry.target(shape[0]),
    ...outputs.slice(1).map(() => rand(shape[0], CLASSES)),
  ];
  const batches = Array.from({ length: TRAINING_STEPS }, () => [
    ...Array.from({ length: spec.inputs }, makeInput),
    ...makeTargets(),
  ]);
  const parameters = model.parameters();
  const changes = changesOf(spec, parameters.length);
  for (const { step: at, parameter, requiresGrad } of changes)
    if (at === 0) parameters[parameter].requiresGrad = requiresGrad;
  const optimizer = OPTIMIZERS[spec.optimizer];
  const schedule = SCHEDULES[spec.schedule];
  const made = optimizer.make(parameters);
  return {
    model,
    layers,
    heads,
    steps,
    outputs,
    loss,
    optimizer: made,
    schedule: schedule.make(made),
    inputs,
    targets: batches[0].slice(spec.inputs),
    batches,
    changes,
    kinds: builder.kinds,
    python: { loss: entry.python, optimizer: optimizer.python, schedule: schedule.python },
  };
}

/** Whether training it draws random numbers, which differ between modes, and from PyTorch's. */
export const drawsNumbers = ({ kinds, layers }: RandomModel): boolean =>
  kinds.some((kind) =>
    /^(rand|normal$|bernoulli$|multinomial$|gumbelSoftmax$|RReLU$|Fractional)/.test(kind),
  ) || layers.some((layer) => layer.modules().some(isChance));

function isChance(module: nn.Module): boolean {
  const share = Reflect.get(module, /Dropout/.test(module.constructor.name) ? "p" : "dropout");
  return typeof share === "number" && share > 0;
}

/**
 * A parameter that is frozen at first and trained later, or one that is frozen in mid-training; the heads always train.
 */
function changesOf({ rests }: ModelSpec, count: number): Change[] {
  const parameter = (rests >> 1) % Math.max(1, count - 2);
  if (rests < 3) {
    return [
      { step: 0, parameter, requiresGrad: false },
      { step: 2, parameter, requiresGrad: true },
    ];
  }
  return rests < 5 ? [{ step: 1, parameter, requiresGrad: false }] : [];
}

const inputShapeOf = ({ family, batch, extents: [a, b, c] }: ModelSpec): Shape => {
  switch (family) {
    case "image":
      return [batch, small(a, 4), small(b, 8), small(c, 8)];
    case "large image":
      return [1 + (batch % 2), 1, 18 + (b % 4), 17 + (c % 5)];
    case "signal":
      return [batch, small(a, 4), small(b, 9)];
    case "words":
      return [batch, small(a, 6)];
    case "rows":
      return [batch, small(a, 12)];
    default:
      return family satisfies never;
  }
};
