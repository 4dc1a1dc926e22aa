/** The layers that random models are made of: each picks its options from three numbers and the shape it is given. */

import { nn } from "kiln";
import type { Shape } from "../../src/core/shape.ts";

/** Numbers from which a layer picks its options. */
export interface Draws {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

type MakeLayer = (shape: Shape, draws: Draws) => nn.Module;

export const small = (n: number, most: number): number => 1 + (n % most);

/**
 * Normalisation divides by a deviation, and multiplies rounding errors as much: with this eps, by three at most, so
 * that what cancels (a bias in front of a normalisation has no gradient at all) still vanishes.
 */
const EPS = 0.1;

const PADDING_MODES = ["zeros", "reflect", "replicate", "circular"] as const;

/** Windows of up to 20×20, as large as the image: more taps than a byte can count. */
const wholeImage = ([, , height, width]: Shape, { a, b }: Draws): [number, number] => [
  Math.min(height, 20 - (a % 3)),
  Math.min(width, 20 - (b % 3)),
];

/** Layers for images [N,C,H,W]. */
export const IMAGE_LAYERS: Readonly<Record<string, MakeLayer>> = {
  Conv2d: ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a, 5), [small(b, 3), small(c, 3)], {
      stride: small(a >> 3, 2),
      padding: a % 3,
      dilation: [small(b >> 2, 3), small(c >> 2, 2)],
      bias: c % 3 > 0,
    }),
  "Conv2d same": ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a >> 2, 5), [small(b, 3), small(c, 3)], {
      padding: "same",
      paddingMode: PADDING_MODES[a % 4],
      dilation: small(b >> 2, 2),
      bias: c % 4 > 0,
    }),
  "Conv2d padded": ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a >> 2, 4), small(b, 3), {
      padding: [c % 3, (c >> 2) % 3],
      paddingMode: PADDING_MODES[a % 4],
      stride: small(b >> 3, 2),
    }),
  "Conv2d groups": ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, channels * small(b, 2), small(c, 3), { groups: channels, padding: a % 2 }),
  ConvTranspose2d: ([, channels], { a, b, c }) =>
    new nn.ConvTranspose2d(channels, small(a, 4), small(b, 3), {
      stride: small(c, 2),
      padding: b % 2,
      dilation: small(c >> 2, 2),
      outputPadding: (c >> 3) % 2,
    }),
  MaxPool2d: (_shape, { a, b, c }) =>
    new nn.MaxPool2d([small(a, 3), small(c, 3)], { stride: small(b, 3), ceilMode: b % 3 === 0 }),
  "MaxPool2d large": (shape, draws) => new nn.MaxPool2d(wholeImage(shape, draws)),
  AvgPool2d: (_shape, { a, b }) =>
    new nn.AvgPool2d(small(a, 3), {
      stride: small(b, 2),
      countIncludePad: a % 2 === 0,
      ceilMode: b % 3 === 0,
    }),
  AdaptiveAvgPool2d: (_shape, { a, b }) => new nn.AdaptiveAvgPool2d([small(a, 4), small(b, 3)]),
  AdaptiveMaxPool2d: (_shape, { a, b }) => new nn.AdaptiveMaxPool2d([small(a, 4), small(b, 3)]),
  BatchNorm2d: ([, channels], { a, b }) =>
    new nn.BatchNorm2d(channels, { eps: EPS, affine: a % 3 > 0, momentum: b % 3 === 0 ? null : 0.1 }),
  GroupNorm: ([, channels], { a }) =>
    new nn.GroupNorm(channels % 2 === 0 ? small(a, 2) : 1, channels, { eps: EPS }),
  Dropout2d: (_shape, { a }) => new nn.Dropout2d((a % 8) / 10),
};

/** Layers for signals [N,C,L]. */
export const SIGNAL_LAYERS: Readonly<Record<string, MakeLayer>> = {
  Conv1d: ([, channels], { a, b, c }) =>
    new nn.Conv1d(channels, small(a, 5), small(b, 3), {
      stride: small(c, 2),
      padding: (a >> 3) % 3,
      dilation: small(c >> 2, 2),
      bias: b % 4 > 0,
    }),
  "Conv1d same": ([, channels], { a, b, c }) =>
    new nn.Conv1d(channels, small(a >> 2, 5), small(b, 3), {
      padding: "same",
      paddingMode: PADDING_MODES[a % 4],
      dilation: small(c, 2),
    }),
  MaxPool1d: (_shape, { a, b }) => new nn.MaxPool1d(small(a, 3), { stride: small(b, 3) }),
  AvgPool1d: (_shape, { a, b }) => new nn.AvgPool1d(small(a, 3), { stride: small(b, 2) }),
  BatchNorm1d: ([, channels]) => new nn.BatchNorm1d(channels, { eps: EPS }),
  Dropout1d: (_shape, { a }) => new nn.Dropout1d((a % 8) / 10),
};

/** Layers for rows of features [N,F]. */
export const ROW_LAYERS: Readonly<Record<string, MakeLayer>> = {
  "BatchNorm1d of rows": ([, features], { a }) =>
    new nn.BatchNorm1d(features, { eps: EPS, affine: a % 2 > 0 }),
};

/** Layers for anything. */
export const COMMON_LAYERS: Readonly<Record<string, MakeLayer>> = {
  Linear: (shape, { a, b }) => new nn.Linear(shape.at(-1)!, small(a, 6), { bias: b % 3 > 0 }),
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
  Softmax: (shape, { a }) => new nn.Softmax(a % shape.length),
  LogSoftmax: (shape, { a }) => new nn.LogSoftmax(a % shape.length),
  Identity: () => new nn.Identity(),
};

/** What stands before all layers of a model of words. */
export const EMBEDDING = "Embedding";

/** The layers that fit a tensor of so many axes. */
export const layersFor = (rank: number): Readonly<Record<string, MakeLayer>> => ({
  ...(rank === 4 ? IMAGE_LAYERS : rank === 3 ? SIGNAL_LAYERS : ROW_LAYERS),
  ...COMMON_LAYERS,
});

/** Every kind that a run of many models should meet. */
export const KINDS: readonly string[] = [
  ...Object.keys(IMAGE_LAYERS),
  ...Object.keys(SIGNAL_LAYERS),
  ...Object.keys(ROW_LAYERS),
  ...Object.keys(COMMON_LAYERS),
  EMBEDDING,
];
