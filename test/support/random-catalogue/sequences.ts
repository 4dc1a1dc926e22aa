/** Layers for sequences [N,T,F] that random models are made of: recurrent ones, attention and transformers. */

import { arange, cat, nn, type Tensor, tensor } from "kiln-js";
import type { Shape } from "../../../src/core/shape.ts";
import { called, type Draws, type LayerTable, small } from "./entry.ts";
import { EPS } from "./options.ts";

/** The length of each sequence of a batch. */
const lengthsOf = ({ shape: [batch, steps] }: Tensor, { a, b }: Draws): Tensor =>
  tensor(
    Array.from({ length: batch }, (_, k) => small(a + k * b, steps)),
    { dtype: "int32" },
  );

/** True after the end of a sequence: padding that is masked out of the keys. */
const paddingOf = (x: Tensor, draws: Draws): Tensor =>
  arange(x.shape[1], { dtype: "int32" }).ge(lengthsOf(x, draws).unsqueeze(1));

/** A head needs as many features as every other. */
const headsFor = (features: number, a: number): number => (features % 2 === 0 ? small(a, 2) : 1);

const causal = (x: Tensor): Tensor => nn.Transformer.generateSquareSubsequentMask(x.shape[1]);

const transformerOptions = (shape: Shape, { a, b, c }: Draws) => ({
  dModel: shape[2],
  nhead: headsFor(shape[2], a),
  dimFeedforward: small(b, 5),
  dropout: c % 4 === 0 ? 0.2 : 0,
  activation: a % 3 === 0 ? ("gelu" as const) : ("relu" as const),
  layerNormEps: EPS,
  normFirst: b % 2 === 0,
  bias: c % 3 > 0,
  batchFirst: true,
});

export const SEQUENCE_LAYERS: LayerTable = {
  RNN: called(
    ([, , features], { a, b }) =>
      new nn.RNN(features, small(a, 4), {
        nonlinearity: a % 3 === 0 ? "relu" : "tanh",
        bidirectional: b % 2 > 0,
        bias: b % 3 > 0,
        batchFirst: true,
      }),
    (layer, x) => layer.forward(x)[0],
  ),
  "RNN with a state": called(
    ([, , features], { a }) => new nn.RNN(features, features, { numLayers: small(a, 2) }),
    (layer, x, y) => {
      const h0 = cat(Array.from({ length: layer.numLayers }, () => y.mean(1).unsqueeze(0)));
      const [out, h] = layer.forward(x.transpose(0, 1), h0);
      return out.transpose(0, 1).add(h.mean(0).unsqueeze(1));
    },
  ),
  LSTM: called(
    ([, , features], { a, b, c }) =>
      new nn.LSTM(features, small(a, 4) + 1, {
        numLayers: small(b, 2),
        bidirectional: c % 2 > 0,
        projSize: c % 3 === 0 ? small(a, 2) - 1 : 0,
        batchFirst: true,
      }),
    (layer, x) => layer.forward(x)[0],
  ),
  "LSTM with lengths": called(
    ([, , features], { a, b, c }) =>
      new nn.LSTM(features, small(a, 4), {
        bidirectional: b % 2 > 0,
        numLayers: small(c, 2),
        dropout: c % 4 === 1 ? 0.3 : 0,
        batchFirst: true,
      }),
    (layer, x, _y, draws) => layer.forward(x, undefined, { lengths: lengthsOf(x, draws) })[0],
  ),
  "LSTM with a state": called(
    ([, , features]) => new nn.LSTM(features, features, { batchFirst: true }),
    (layer, x, y) => {
      const [h0, c0] = [x.mean(1).unsqueeze(0), y.mean(1).tanh().unsqueeze(0)];
      const [out, [h, c]] = layer.forward(x, [h0, c0]);
      return out.mul(c.select(0, 0).unsqueeze(1)).add(h.select(0, 0).unsqueeze(1));
    },
  ),
  GRU: called(
    ([, , features], { a, b, c }) =>
      new nn.GRU(features, small(a, 4), {
        numLayers: small(b, 2),
        bidirectional: c % 2 > 0,
        bias: c % 3 > 0,
        batchFirst: true,
      }),
    (layer, x) => layer.forward(x)[0],
  ),
  "GRU with lengths": called(
    ([, , features], { b }) => new nn.GRU(features, features, { bidirectional: b % 2 > 0, batchFirst: true }),
    (layer, x, y, draws) => {
      const h0 = y
        .mean(1)
        .unsqueeze(0)
        .expand(layer.bidirectional ? 2 : 1, -1, -1);
      const [out, h] = layer.forward(x, h0, { lengths: lengthsOf(x, draws) });
      return out.add(h.mean(0).mean(-1, true).unsqueeze(1));
    },
  ),
  MultiheadAttention: called(
    ([, , features], { a, b, c }) =>
      new nn.MultiheadAttention(features, headsFor(features, a), {
        bias: b % 3 > 0,
        addBiasKv: c % 3 === 0,
        addZeroAttn: c % 2 === 0,
        batchFirst: true,
      }),
    (layer, x) => layer.forward(x, x, x, { needWeights: false })[0],
  ),
  "MultiheadAttention causal": called(
    ([, , features], { a, b }) =>
      new nn.MultiheadAttention(features, headsFor(features, a), {
        dropout: b % 4 === 0 ? 0.2 : 0,
        batchFirst: true,
      }),
    (layer, x) => layer.forward(x, x, x, { attnMask: causal(x), needWeights: false })[0],
  ),
  "MultiheadAttention of padded keys": called(
    ([, , features], { a }) =>
      new nn.MultiheadAttention(features, headsFor(features, a), {
        kdim: 2 * features,
        vdim: features,
        batchFirst: true,
      }),
    (layer, x, y, draws) => {
      const call = { keyPaddingMask: paddingOf(x, draws), averageAttnWeights: draws.c % 2 === 0 };
      const [out, weights] = layer.forward(x, cat([y, x], -1), y, call);
      const looked = weights!.square().sum(-1);
      return out.add((looked.ndim === 3 ? looked.mean(1) : looked).unsqueeze(-1));
    },
  ),
  TransformerEncoderLayer: called(
    (shape, draws) => new nn.TransformerEncoderLayer(transformerOptions(shape, draws)),
    (layer, x, _y, draws) =>
      layer.forward(x, draws.a % 2 === 0 ? { mask: causal(x) } : { srcKeyPaddingMask: paddingOf(x, draws) }),
  ),
  TransformerDecoderLayer: called(
    (shape, draws) => new nn.TransformerDecoderLayer(transformerOptions(shape, draws)),
    (layer, x, y, draws) =>
      layer.forward(x, y, { tgtMask: causal(x), memoryKeyPaddingMask: paddingOf(y, draws) }),
  ),
  TransformerEncoder: called(
    (shape, draws) =>
      new nn.TransformerEncoder(
        () => new nn.TransformerEncoderLayer(transformerOptions(shape, draws)),
        small(draws.c, 2),
        draws.a % 2 === 0 ? new nn.LayerNorm(shape[2], { eps: EPS }) : undefined,
      ),
    (layer, x, _y, draws) => layer.forward(x, { srcKeyPaddingMask: paddingOf(x, draws) }),
  ),
  TransformerDecoder: called(
    (shape, draws) =>
      new nn.TransformerDecoder(() => new nn.TransformerDecoderLayer(transformerOptions(shape, draws)), 1),
    (layer, x, y) => layer.forward(x, y, { tgtMask: causal(x) }),
  ),
  Transformer: called(
    (shape, draws) =>
      new nn.Transformer({ ...transformerOptions(shape, draws), numEncoderLayers: 1, numDecoderLayers: 1 }),
    (layer, x, y, draws) =>
      layer.forward(x, y, { tgtMask: causal(y), srcKeyPaddingMask: paddingOf(x, draws) }),
  ),
};
