/**
 * Random models from the whole catalogue of layers, losses and optimizers, as fast-check arbitraries that shrink: nets
 * of several inputs and outputs, with batches of one, axes of extent 1, shared, frozen and late parameters.
 */

import * as fc from "fast-check";
import { KilnError, manualSeed, nn, type optim, rand, randint, type Tensor, zeros } from "kiln";
import { type Shape, sameShape, sizeOf } from "../../src/core/shape.ts";
import { EMBEDDING, layersFor, small } from "./random-layers.ts";
import { JointLoss, type NetStep, nextValue, RandomNet } from "./random-net.ts";
import { LOSSES, OPTIMIZERS } from "./random-objectives.ts";

/** One step: what it does, and numbers from which it picks operands and options. */
interface StepSpec {
  readonly kind: string;
  readonly from: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

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
  /** Which parameters rest for a while; most models have none. */
  readonly rests: number;
  readonly seed: number;
}

/** `requiresGrad` of a parameter changes before this step. */
export interface Change {
  readonly step: number;
  readonly parameter: number;
  readonly requiresGrad: boolean;
}

/** A model with all that a training run needs; made twice from one spec, it has the same numbers. */
export interface RandomModel {
  readonly model: RandomNet;
  readonly layers: readonly nn.Module[];
  readonly heads: readonly (readonly nn.Module[])[];
  readonly steps: readonly NetStep[];
  readonly outputs: readonly number[];
  readonly loss: JointLoss;
  readonly optimizer: optim.Optimizer;
  readonly inputs: readonly Tensor[];
  readonly targets: readonly Tensor[];
  /** Inputs, then targets. */
  readonly batches: readonly (readonly Tensor[])[];
  readonly changes: readonly Change[];
  /** The kinds of layers and steps that are in it. */
  readonly kinds: readonly string[];
  /** What PyTorch calls the loss and the optimizer. */
  readonly python: { readonly loss: string; readonly optimizer: string };
}

/** Steps that are no layers. */
const JOINS = [
  ...["add", "mul", "maximum", "cat", "logistic", "euler", "scale", "shift", "straight-through"],
  ...["half-detached", "softmax-weight", "log-softmax-weight", "gate-detached", "peak", "attend"],
  ...["in-place", "center", "narrow", "transpose", "flip", "excite", "shared"],
];

const LAYER_KINDS = [...new Set([4, 3, 2].flatMap((rank) => Object.keys(layersFor(rank))))];

/** Every kind that a run of many models should meet. */
export const KINDS: readonly string[] = [...LAYER_KINDS, EMBEDDING, ...JOINS];

const step: fc.Arbitrary<StepSpec> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...LAYER_KINDS) },
    { weight: 2, arbitrary: fc.constantFrom(...JOINS) },
  ),
  from: fc.nat(63),
  a: fc.nat(63),
  b: fc.nat(63),
  c: fc.nat(63),
});

/** One to seven steps, then a classifier for each output, a loss and an optimizer. */
export const randomModel: fc.Arbitrary<ModelSpec> = fc.record({
  family: fc.constantFrom(...FAMILIES, "image", "image", "signal"),
  batch: fc.constantFrom(1, 1, 2, 3, 4),
  extents: fc.tuple(fc.nat(63), fc.nat(63), fc.nat(63)),
  inputs: fc.constantFrom(1, 1, 2),
  outputs: fc.constantFrom(1, 1, 2),
  steps: fc.array(step, { minLength: 1, maxLength: 7 }),
  loss: fc.nat(LOSSES.length - 1),
  optimizer: fc.nat(OPTIMIZERS.length - 1),
  rests: fc.nat(23),
  seed: fc.nat(0xffff),
});

/** Larger tensors than these only make the test slow. */
const MOST_ELEMENTS = 600;
const CLASSES = 3;
const WORDS = 6;
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
      builder.addLayer(EMBEDDING, k, new nn.Embedding(WORDS, small(spec.extents[2], 4)));
  for (const one of spec.steps) builder.add(one);
  const entry = LOSSES[spec.loss];
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
  const loss = new JointLoss(entry.make());
  const [first] = [entry.make().targetType({ dtype: "float32", shape: [shape[0], CLASSES] })];
  const makeTargets = (): Tensor[] => [
    first.dtype === "int32" ? randint(0, CLASSES, first.shape) : rand(...first.shape),
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
  return {
    model,
    layers,
    heads,
    steps,
    outputs,
    loss,
    optimizer: optimizer.make(parameters),
    inputs,
    targets: batches[0].slice(spec.inputs),
    batches,
    changes,
    kinds: builder.kinds,
    python: { loss: entry.python, optimizer: optimizer.python },
  };
}

/** A parameter that is frozen at first and trains late, or one that is frozen in mid-training; the heads always train. */
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

/** A step, and the layers and the weight that it is the first to use. */
interface Proposal {
  readonly step: NetStep;
  readonly layers?: readonly nn.Module[];
  readonly weight?: nn.Parameter;
}

/** A net while it grows: probes tell which shape each value has. */
class NetBuilder {
  readonly layers: nn.Module[] = [];
  readonly weights: nn.Parameter[] = [];
  readonly steps: NetStep[] = [];
  readonly kinds: string[] = [];
  private readonly probes: Tensor[];
  private readonly inputsOfLayers: Shape[] = [];

  constructor(inputs: readonly Tensor[]) {
    this.probes = inputs.map((input) => (input.dtype === "int32" ? input : zeros(...input.shape)));
  }

  get count(): number {
    return this.probes.length;
  }

  /** Numbers of the last values, as many as there are up to `count`. */
  newest(count: number): number[] {
    const numbers = this.probes.flatMap(({ dtype }, k) => (dtype === "float32" ? [k] : []));
    return numbers.reverse().slice(0, count);
  }

  features(value: number): number {
    return sizeOf(this.probes[value].shape.slice(1));
  }

  addLayer(kind: string, a: number, layer: nn.Module): void {
    this.push(kind, { step: { op: "layer", layer: this.layers.length, a }, layers: [layer] });
  }

  add(spec: StepSpec): void {
    // Two times in three the newest value, so that chains arise.
    const a = spec.from % 3 > 0 ? this.count - 1 : spec.from % this.count;
    const { shape, dtype } = this.probes[a];
    if (dtype !== "float32") return;
    const make = layersFor(shape.length)[spec.kind];
    if (make !== undefined) {
      const layer = attempt(() => make(shape, spec));
      if (layer !== undefined && fits(layer, shape)) this.addLayer(spec.kind, a, layer);
      return;
    }
    const proposal = this.join(spec, a, shape);
    if (proposal !== undefined) this.push(spec.kind, proposal);
  }

  /** What a step that is no layer would be; nothing where it does not fit. */
  private join({ kind, a: x, b: y, c: z }: StepSpec, a: number, shape: Shape): Proposal | undefined {
    const rank = shape.length;
    const axis = 1 + (y % (rank - 1));
    switch (kind) {
      case "add":
      case "mul":
      case "maximum":
      case "gate-detached": {
        const b = this.like(shape, x);
        return { step: { op: kind, a, b } };
      }
      case "cat": {
        const b = this.pick(
          x,
          (s) => s.length === rank && s.every((extent, k) => k === 1 || extent === shape[k]),
        );
        return { step: { op: kind, a, b: b ?? a } };
      }
      case "logistic":
      case "euler":
        return { step: { op: kind, a, times: small(x, 12) } };
      case "scale":
      case "shift":
      case "straight-through":
      case "half-detached": {
        const last = shape[rank - 1];
        const shapes = [[], [1], [last], [1, last], [shape[1], ...shape.slice(2).map(() => 1)]];
        const step = { op: kind, a, weight: this.weights.length } as const;
        return { step, weight: weightOf(shapes[y % shapes.length], kind === "shift" ? 0 : 1) };
      }
      case "softmax-weight":
      case "log-softmax-weight": {
        const step = { op: kind, a, weight: this.weights.length, dim: y % (rank - 1) } as const;
        return { step, weight: weightOf(shape.slice(1), 0) };
      }
      case "peak":
      case "in-place":
        return { step: { op: kind, a } };
      case "attend":
        return rank < 3 ? undefined : { step: { op: kind, a } };
      case "center": {
        const dims = shape.flatMap((_, k) => (k > 0 && ((y >> k) & 1 || k === axis) ? [k] : []));
        return { step: { op: kind, a, dims } };
      }
      case "narrow": {
        const start = x % shape[axis];
        return { step: { op: kind, a, dim: axis, start, length: small(z, shape[axis] - start) } };
      }
      case "transpose":
        return { step: { op: kind, a, dims: [axis, 1 + (x % (rank - 1))] } };
      case "flip":
        return { step: { op: kind, a, dim: axis } };
      case "excite": {
        if (rank < 3) return undefined;
        const hidden = small(x, 3);
        const layers = [this.layers.length, this.layers.length + 1] as const;
        return {
          step: { op: kind, a, layers },
          layers: [new nn.Linear(shape[1], hidden), new nn.Linear(hidden, shape[1])],
        };
      }
      case "shared": {
        const layer = this.inputsOfLayers.findIndex((own) => sameShape(own, shape));
        return layer < 0 ? undefined : { step: { op: "layer", layer, a } };
      }
      default:
        // A layer for another rank.
        return undefined;
    }
  }

  private push(kind: string, { step, layers = [], weight }: Proposal): void {
    const parts = {
      layers: [...this.layers, ...layers].map((layer) => layer.eval()),
      weights: weight === undefined ? this.weights : [...this.weights, weight],
    };
    const probe = attempt(() => nextValue(step, this.probes, parts));
    for (const layer of parts.layers) layer.train();
    if (probe === undefined || probe.numel() > MOST_ELEMENTS) return;
    for (const _ of layers) this.inputsOfLayers.push(step.op === "layer" ? this.probes[step.a].shape : [-1]);
    this.layers.push(...layers);
    if (weight !== undefined) this.weights.push(weight);
    this.steps.push(step);
    this.kinds.push(kind);
    this.probes.push(zeros(...probe.shape));
  }

  /** A value of that shape; `a` itself is one. */
  private like(shape: Shape, k: number): number {
    return this.pick(k, (other) => sameShape(other, shape))!;
  }

  private pick(k: number, isFit: (shape: Shape) => boolean): number | undefined {
    const found = this.probes.flatMap(({ shape, dtype }, value) =>
      dtype === "float32" && isFit(shape) ? [value] : [],
    );
    return found.length === 0 ? undefined : found[k % found.length];
  }
}

const weightOf = (shape: Shape, around: number): nn.Parameter =>
  new nn.Parameter(
    rand(...shape)
      .sub(0.5)
      .add(around),
  );

/** Batch statistics need two values for each channel. */
const fits = (layer: nn.Module, shape: Shape): boolean =>
  !(layer instanceof nn.BatchNorm1d || layer instanceof nn.BatchNorm2d) || sizeOf(shape) > shape[1];

/** What `make` gives; nothing where it refuses: padding and windows that a small image cannot have. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof KilnError) return undefined;
    throw error;
  }
}
