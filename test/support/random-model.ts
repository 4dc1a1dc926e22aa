/** Random models from the whole catalogue of layers, losses and optimizers, as fast-check arbitraries that shrink. */

import * as fc from "fast-check";
import { KilnError, manualSeed, nn, optim, rand, randint, type Tensor, zeros } from "kiln";
import type { Shape } from "../../src/core/shape.ts";

/** One layer: its kind, and numbers from which it picks its options. */
interface LayerSpec {
  readonly kind: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export interface ModelSpec {
  readonly image: boolean;
  readonly batch: number;
  readonly layers: readonly LayerSpec[];
  readonly loss: number;
  readonly optimizer: number;
  readonly seed: number;
}

/** A model with all that a training run needs; made twice from one spec, it has the same numbers. */
export interface RandomModel {
  readonly model: nn.Sequential;
  readonly loss: nn.Loss<string>;
  readonly optimizer: optim.Optimizer;
  readonly inputShape: Shape;
  readonly batches: readonly (readonly [Tensor, Tensor])[];
  /** The kinds of layers that are in it. */
  readonly kinds: readonly string[];
}

type MakeLayer = (shape: Shape, spec: LayerSpec) => nn.Module;

const small = (n: number, most: number): number => 1 + (n % most);

/**
 * Normalisation divides by a deviation, and multiplies rounding errors as much: with this eps, by three at most, so
 * that what cancels (a bias in front of a normalisation has no gradient at all) still vanishes.
 */
const EPS = 0.1;

/** Layers for images [N,C,H,W]. */
const IMAGE_LAYERS: Readonly<Record<string, MakeLayer>> = {
  Conv2d: ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a, 5), [small(b, 3), small(c, 3)], {
      stride: small(a >> 3, 2),
      padding: a % 2,
      dilation: small(b >> 2, 2),
      bias: c % 3 > 0,
    }),
  "Conv2d same": ([, channels], { a, b }) =>
    new nn.Conv2d(channels, small(a, 4), small(b, 3), {
      padding: "same",
      paddingMode: (["zeros", "reflect", "replicate", "circular"] as const)[a % 4],
    }),
  "Conv2d groups": ([, channels], { b, c }) =>
    new nn.Conv2d(channels, channels * small(b, 2), small(c, 3), { groups: channels }),
  ConvTranspose2d: ([, channels], { a, b, c }) =>
    new nn.ConvTranspose2d(channels, small(a, 4), small(b, 3), { stride: small(c, 2), padding: b % 2 }),
  MaxPool2d: (_shape, { a, b }) =>
    new nn.MaxPool2d(small(a, 3), { stride: small(b, 2), ceilMode: b % 3 === 0 }),
  AvgPool2d: (_shape, { a, b }) =>
    new nn.AvgPool2d(small(a, 3), {
      stride: small(b, 2),
      countIncludePad: a % 2 === 0,
      ceilMode: b % 3 === 0,
    }),
  AdaptiveAvgPool2d: (_shape, { a, b }) => new nn.AdaptiveAvgPool2d([small(a, 4), small(b, 3)]),
  AdaptiveMaxPool2d: (_shape, { a }) => new nn.AdaptiveMaxPool2d(small(a, 4)),
  BatchNorm2d: ([, channels], { a, b }) =>
    new nn.BatchNorm2d(channels, { eps: EPS, affine: a % 3 > 0, momentum: b % 3 === 0 ? null : 0.1 }),
  GroupNorm: ([, channels], { a }) =>
    new nn.GroupNorm(channels % 2 === 0 ? small(a, 2) : 1, channels, { eps: EPS }),
  Dropout2d: (_shape, { a }) => new nn.Dropout2d((a % 8) / 10),
};

/** Layers for sequences [N,C,L]. */
const SEQUENCE_LAYERS: Readonly<Record<string, MakeLayer>> = {
  Conv1d: ([, channels], { a, b, c }) =>
    new nn.Conv1d(channels, small(a, 5), small(b, 3), { stride: small(c, 2), padding: a % 2 }),
  MaxPool1d: (_shape, { a }) => new nn.MaxPool1d(small(a, 3)),
  BatchNorm1d: ([, channels]) => new nn.BatchNorm1d(channels, { eps: EPS }),
  Linear: (shape, { a }) => new nn.Linear(shape.at(-1)!, small(a, 5)),
};

/** Layers for anything. */
const COMMON_LAYERS: Readonly<Record<string, MakeLayer>> = {
  LayerNorm: (shape, { a }) => new nn.LayerNorm(shape.slice(-small(a, shape.length - 1)), { eps: EPS }),
  Dropout: (_shape, { a }) => new nn.Dropout((a % 8) / 10),
  ReLU: () => new nn.ReLU(),
  ReLU6: () => new nn.ReLU6(),
  LeakyReLU: (_shape, { a }) => new nn.LeakyReLU((a % 10) / 20),
  PReLU: ([, channels], { a }) => new nn.PReLU(a % 2 === 0 ? 1 : channels),
  ELU: () => new nn.ELU(),
  SELU: () => new nn.SELU(),
  CELU: () => new nn.CELU({ alpha: 2 }),
  GELU: (_shape, { a }) => new nn.GELU({ approximate: a % 2 === 0 ? "none" : "tanh" }),
  SiLU: () => new nn.SiLU(),
  Mish: () => new nn.Mish(),
  Sigmoid: () => new nn.Sigmoid(),
  Hardsigmoid: () => new nn.Hardsigmoid(),
  Hardswish: () => new nn.Hardswish(),
  Tanh: () => new nn.Tanh(),
  Softplus: () => new nn.Softplus(),
  Softsign: () => new nn.Softsign(),
  Softmax: () => new nn.Softmax(1),
  LogSoftmax: () => new nn.LogSoftmax(1),
  Identity: () => new nn.Identity(),
};

/** Every kind that a run of many models should meet. */
export const KINDS = [
  ...new Set([...Object.keys(IMAGE_LAYERS), ...Object.keys(SEQUENCE_LAYERS), ...Object.keys(COMMON_LAYERS)]),
  "Embedding",
];

/** Losses for scores [N,C], with their targets. */
const LOSSES: readonly (() => nn.Loss<string>)[] = [
  () => new nn.CrossEntropyLoss(),
  () => new nn.CrossEntropyLoss({ labelSmoothing: 0.1, reduction: "sum" }),
  () => new nn.MSELoss(),
  () => new nn.L1Loss({ reduction: "sum" }),
  () => new nn.SmoothL1Loss({ beta: 0.5 }),
  () => new nn.HuberLoss({ delta: 0.7 }),
  () => new nn.BCEWithLogitsLoss(),
  () => new nn.KLDivLoss({ reduction: "batchmean" }),
];

const OPTIMIZERS: readonly ((parameters: nn.Parameter[]) => optim.Optimizer)[] = [
  (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true }),
  (p) => new optim.SGD(p, { lr: 0.05, weightDecay: 0.01 }),
  (p) => new optim.RMSprop(p, { lr: 0.01, eps: 1e-2 }),
  (p) => new optim.Adagrad(p, { lr: 0.01, eps: 1e-2 }),
  // A large eps: dividing a gradient of rounding errors by its own size would make noise of any size from it.
  (p) => new optim.Adam(p, { lr: 0.01, eps: 1e-2 }),
  (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-2, amsgrad: true }),
];

const layer = fc.record({
  kind: fc.constantFrom(
    // Layers that compute come as often as all activations together.
    ...[...Object.keys(IMAGE_LAYERS), ...Object.keys(SEQUENCE_LAYERS)].flatMap((kind) => [kind, kind]),
    ...Object.keys(COMMON_LAYERS),
  ),
  a: fc.nat(63),
  b: fc.nat(63),
  c: fc.nat(63),
});

/** One to five layers, then a classifier, a loss and an optimizer. */
export const randomModel: fc.Arbitrary<ModelSpec> = fc.record({
  image: fc.boolean(),
  batch: fc.integer({ min: 2, max: 4 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 5 }),
  loss: fc.nat(LOSSES.length - 1),
  optimizer: fc.nat(OPTIMIZERS.length - 1),
  seed: fc.nat(0xffff),
});

/** Larger tensors than these only make the test slow. */
const MOST_ELEMENTS = 400;
const CLASSES = 3;
const WORDS = 6;

/** Makes the model; the layers that do not fit the shape they would get are left out. */
export function makeModel(spec: ModelSpec): RandomModel {
  manualSeed(spec.seed);
  const usesWords = !spec.image && spec.seed % 3 === 0;
  const inputShape = inputShapeOf(spec, usesWords);
  const modules: nn.Module[] = [];
  const kinds: string[] = [];
  let shape = inputShape;
  const add = (kind: string, module: nn.Module): void => {
    const result = shapeAfter(module, shape, usesWords && modules.length === 0);
    if (result === undefined) return;
    modules.push(module);
    kinds.push(kind);
    shape = result;
  };
  if (usesWords) add("Embedding", new nn.Embedding(WORDS, 4));
  for (const one of spec.layers) {
    const make = { ...(spec.image ? IMAGE_LAYERS : SEQUENCE_LAYERS), ...COMMON_LAYERS }[one.kind];
    if (make !== undefined) add(one.kind, make(shape, one));
  }
  modules.push(new nn.Flatten());
  const features = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const loss = LOSSES[spec.loss]();
  modules.push(new nn.Linear(features, CLASSES));
  if (loss instanceof nn.KLDivLoss) modules.push(new nn.LogSoftmax(1));
  const model = new nn.Sequential(...modules);
  const target = loss.targetType({ dtype: "float32", shape: [spec.batch, CLASSES] });
  const batch = (): readonly [Tensor, Tensor] => [
    usesWords ? randint(0, WORDS, inputShape) : rand(...inputShape).sub(0.5),
    target.dtype === "int32" ? randint(0, CLASSES, target.shape) : rand(...target.shape),
  ];
  return {
    model,
    loss,
    optimizer: OPTIMIZERS[spec.optimizer](model.parameters()),
    inputShape,
    batches: [batch(), batch()],
    kinds,
  };
}

const inputShapeOf = ({ image, batch, seed }: ModelSpec, usesWords: boolean): Shape => {
  if (image) return [batch, 1 + (seed % 4), 5 + (seed % 3), 4 + (seed % 5)];
  return usesWords ? [batch, 3 + (seed % 4)] : [batch, 1 + (seed % 4), 4 + (seed % 5)];
};

/** The shape a layer gives; `undefined` when it is too large, or when the layer's window is larger than the image. */
function shapeAfter(module: nn.Module, shape: Shape, isIndices: boolean): Shape | undefined {
  try {
    const probe = isIndices ? randint(0, 1, shape) : zeros(...shape);
    const result = module.eval().forward(probe) as Tensor;
    module.train();
    return result.numel() <= MOST_ELEMENTS ? result.shape : undefined;
  } catch (error) {
    // Padding and windows that a small image cannot have; whatever else goes wrong is no KilnError.
    if (error instanceof KilnError) return undefined;
    throw error;
  }
}
