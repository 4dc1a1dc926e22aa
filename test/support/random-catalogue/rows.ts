/** Layers for rows of features [N,F] in random models: cells, and layers that take one number for each. */

import { nn } from "kiln-js";
import { called, type LayerTable, small, wholeOf } from "./entry.ts";
import { EPS } from "./options.ts";

export const WORDS = 6;

export const ROW_LAYERS: LayerTable = {
  "BatchNorm1d of rows": ([, features], { a }) =>
    new nn.BatchNorm1d(features, { eps: EPS, affine: a % 2 > 0 }),
  RNNCell: called(
    ([, features], { a, b }) =>
      new nn.RNNCell(features, small(a, 5), {
        nonlinearity: a % 3 === 0 ? "relu" : "tanh",
        bias: b % 3 > 0,
      }),
    (layer, x, y, { b }) =>
      b % 2 === 0 ? layer.forward(x) : layer.forward(x, y.mean(1, true).expand(-1, layer.hiddenSize)),
  ),
  GRUCell: called(
    ([, features], { b }) => new nn.GRUCell(features, features, { bias: b % 3 > 0 }),
    (layer, x, y) => layer.forward(x, layer.forward(y)),
  ),
  LSTMCell: called(
    ([, features], { b }) => new nn.LSTMCell(features, features, { bias: b % 3 > 0 }),
    (layer, x, y) => {
      const [h, c] = layer.forward(x, layer.forward(y));
      return h.add(c);
    },
  ),
  EmbeddingBag: called(
    (_shape, { a, b }) =>
      new nn.EmbeddingBag(WORDS, small(a, 4), {
        mode: (["sum", "mean", "max"] as const)[b % 3],
        paddingIdx: a % 3 === 0 ? 1 : null,
      }),
    (layer, x) => layer.forward(wholeOf(x).remainder(WORDS)),
  ),
  "EmbeddingBag of weighted words": called(
    (_shape, { a }) => new nn.EmbeddingBag(WORDS, small(a, 4), { mode: "sum" }),
    (layer, x, y) => layer.forward(wholeOf(x).remainder(WORDS), undefined, y.tanh()),
  ),
  AdaptiveLogSoftmaxWithLoss: called(
    ([, features], { a, b }) =>
      new nn.AdaptiveLogSoftmaxWithLoss(features, 8, a % 2 === 0 ? [2, 5] : [3], {
        divValue: 1,
        headBias: b % 2 > 0,
      }),
    (layer, x, y) => {
      const { output, loss } = layer.forward(x, wholeOf(y).select(1, 0).remainder(8));
      return output.add(loss).unsqueeze(1);
    },
  ),
  Unflatten: ([, features], { a }) =>
    new nn.Unflatten(1, features % 2 === 0 ? [2, features / 2] : a % 2 === 0 ? [1, features] : [features, 1]),
};
