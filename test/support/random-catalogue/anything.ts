/** Layers for tensors of any rank that random models are made of. */

import { cat, nn } from "kiln-js";
import { called, type LayerTable, last, small, wholeOf } from "./entry.ts";
import { EPS } from "./options.ts";
import { WORDS } from "./rows.ts";

export const COMMON_LAYERS: LayerTable = {
  Linear: (shape, { a, b }) => new nn.Linear(last(shape), small(a, 6), { bias: b % 3 > 0 }),
  "Linear weightNorm": (shape, { a }) =>
    nn.utils.parametrizations.weightNorm(new nn.Linear(last(shape), small(a, 5))),
  Bilinear: called(
    (shape, { a, b }) => new nn.Bilinear(last(shape), last(shape), small(a, 4), { bias: b % 3 > 0 }),
    (layer, x, y) => layer.forward(x, y.tanh()),
  ),
  Embedding: called(
    (_shape, { a, b }) =>
      new nn.Embedding(WORDS, small(a, 3), {
        paddingIdx: b % 3 === 0 ? 2 : null,
        scaleGradByFreq: a % 2 > 0,
      }),
    (layer, x) => layer.forward(wholeOf(x).remainder(WORDS)),
  ),
  LayerNorm: (shape, { a }) => new nn.LayerNorm(shape.slice(-small(a, shape.length - 1)), { eps: EPS }),
  RMSNorm: (shape, { a, b }) =>
    new nn.RMSNorm(shape.slice(-small(a, shape.length - 1)), { eps: EPS, elementwiseAffine: b % 3 > 0 }),
  GroupNorm: ([, channels], { a }) =>
    new nn.GroupNorm(channels % 2 === 0 ? small(a, 2) : 1, channels, { eps: EPS }),
  LocalResponseNorm: called(
    (_shape, { a }) => new nn.LocalResponseNorm(small(a, 3), { alpha: 0.5 }),
    (layer, x) => (x.ndim < 3 ? layer.forward(x.unsqueeze(-1)).squeeze(-1) : layer.forward(x)),
  ),
  ChannelShuffle: called(
    ([, channels]) => new nn.ChannelShuffle(channels % 2 === 0 ? 2 : channels),
    (layer, x) => (x.ndim < 3 ? layer.forward(x.unsqueeze(-1)).squeeze(-1) : layer.forward(x)),
  ),
  CosineSimilarity: called(
    (_shape, { a }) => new nn.CosineSimilarity(1, a % 2 === 0 ? 0.1 : 0.2),
    (layer, x, y) => layer.forward(x, y.add(0.2)).unsqueeze(1),
  ),
  PairwiseDistance: called(
    (_shape, { a }) => new nn.PairwiseDistance(small(a, 3), { eps: 0.1, keepdim: true }),
    (layer, x, y) => layer.forward(x, y.tanh()),
  ),
  Dropout: (_shape, { a }) => new nn.Dropout((a % 8) / 10),
  AlphaDropout: (_shape, { a }) => new nn.AlphaDropout((a % 5) / 10),
  FeatureAlphaDropout: (_shape, { a }) => new nn.FeatureAlphaDropout((a % 5) / 10),
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
  LogSigmoid: () => new nn.LogSigmoid(),
  Hardsigmoid: () => new nn.Hardsigmoid(),
  Hardswish: () => new nn.Hardswish(),
  Hardtanh: (_shape, { a }) => new nn.Hardtanh(-0.3 - (a % 3) / 4, 0.4),
  Hardshrink: (_shape, { a }) => new nn.Hardshrink(0.1 + (a % 3) / 7),
  Softshrink: (_shape, { a }) => new nn.Softshrink(0.1 + (a % 3) / 7),
  Tanhshrink: () => new nn.Tanhshrink(),
  Threshold: (_shape, { a }) => new nn.Threshold(0.05 + (a % 3) / 7, -0.2),
  Tanh: () => new nn.Tanh(),
  Softplus: () => new nn.Softplus(),
  Softsign: () => new nn.Softsign(),
  Softmax: (shape, { a }) => new nn.Softmax(a % shape.length),
  Softmin: (shape, { a }) => new nn.Softmin(a % shape.length),
  LogSoftmax: (shape, { a }) => new nn.LogSoftmax(a % shape.length),
  GLU: called(
    (shape, { a }) => new nn.GLU(1 + (a % (shape.length - 1))),
    (layer, x, y) => layer.forward(x.shape[layer.dim] % 2 === 0 ? x : cat([x, y], layer.dim)),
  ),
  RReLU: (_shape, { a, b }) => new nn.RReLU(0.1 + (a % 3) / 10, 0.3 + (b % 3) / 10),
  Flatten: (shape, { a }) => new nn.Flatten(small(a, shape.length - 1)),
  Identity: () => new nn.Identity(),
};
