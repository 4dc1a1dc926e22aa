/** Attention and transformers against PyTorch: results and weights, gradients, three steps. */

import { arange, F, nn, type Tensor, tensor } from "kiln";
import { Joined } from "../support/joined.ts";
import { testModuleCases } from "../support/module-cases.ts";

const bool = (values: readonly (readonly number[])[]): Tensor => tensor(values, { dtype: "bool" });

const PADDING = [
  [0, 0, 1],
  [0, 0, 0],
];

const causal = nn.Transformer.generateSquareSubsequentMask;

testModuleCases("modules_attention", {
  attention: () => (q, k, v) => F.scaledDotProductAttention(q, k, v),
  "attention of a bool mask and a scale": () => (q, k, v) =>
    F.scaledDotProductAttention(
      q,
      k,
      v,
      bool([
        [1, 0, 1],
        [1, 1, 0],
      ]),
      { scale: 0.3 },
    ),
  "attention of a mask that adds": () => (q, k, v, attnMask) =>
    F.scaledDotProductAttention(q, k, v, { attnMask }),
  "attention that is causal, of shared heads": () => (q, k, v) =>
    F.scaledDotProductAttention(q, k, v, { isCausal: true, enableGqa: true }),
  "attention without keys in a row": () => (q, k, v) =>
    F.scaledDotProductAttention(
      q,
      k,
      v,
      bool([
        [0, 0],
        [1, 0],
      ]),
    ),
  MultiheadAttention: () => new Joined(new nn.MultiheadAttention(4, 2), (net, x) => net.forward(x, x, x)),
  "MultiheadAttention of other features, batch first, masked": () =>
    new Joined(
      new nn.MultiheadAttention(4, 2, { kdim: 3, vdim: 2, bias: false, batchFirst: true }),
      (net, q, k, v) => {
        const attnMask = bool([Array.from({ length: 24 }, (_, i) => Number(i % 5 === 2))]).reshape(4, 2, 3);
        return net.forward(q, k, v, { attnMask, averageAttnWeights: false });
      },
    ),
  "MultiheadAttention that is causal, with padding": () =>
    new Joined(new nn.MultiheadAttention(2, 1, { batchFirst: true }), (net, x) =>
      net.forward(x, x, x, {
        isCausal: true,
        keyPaddingMask: tensor(PADDING).mul(-1e4),
        needWeights: false,
      }),
    ),
  "MultiheadAttention of one sequence": () =>
    new Joined(new nn.MultiheadAttention(4, 2), (net, q, k) =>
      net.forward(q, k, k, { keyPaddingMask: arange(3).eq(2) }),
    ),
  TransformerEncoderLayer: () =>
    new Joined(
      new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 2, dropout: 0, batchFirst: true }),
      (net, x) => net.forward(x, { srcKeyPaddingMask: bool(PADDING) }),
    ),
  "TransformerEncoderLayer, norm first, gelu": () =>
    new Joined(
      new nn.TransformerEncoderLayer({
        dModel: 4,
        nhead: 2,
        dimFeedforward: 3,
        dropout: 0,
        activation: "gelu",
        layerNormEps: 0.1,
        normFirst: true,
        bias: false,
      }),
      (net, x) => net.forward(x, causal(3)),
    ),
  TransformerDecoderLayer: () =>
    new Joined(
      new nn.TransformerDecoderLayer(2, 2, { dimFeedforward: 3, dropout: 0, batchFirst: true }),
      (net, tgt, memory) =>
        net.forward(tgt, memory, { tgtMask: causal(2), memoryKeyPaddingMask: bool(PADDING) }),
    ),
  "TransformerDecoderLayer, norm first, gelu": () =>
    new Joined(
      new nn.TransformerDecoderLayer(2, 1, {
        dimFeedforward: 3,
        dropout: 0,
        activation: F.gelu,
        normFirst: true,
      }),
    ),
  TransformerEncoder: () =>
    new Joined(
      new nn.TransformerEncoder(
        new nn.TransformerEncoderLayer(2, 1, { dimFeedforward: 3, dropout: 0, normFirst: true }),
        2,
        new nn.LayerNorm(2),
      ),
    ),
  TransformerDecoder: () =>
    new Joined(
      new nn.TransformerDecoder(
        () => new nn.TransformerDecoderLayer(2, 1, { dimFeedforward: 2, dropout: 0 }),
        2,
      ),
    ),
  Transformer: () =>
    new Joined(
      new nn.Transformer(2, 1, {
        numEncoderLayers: 1,
        numDecoderLayers: 1,
        dimFeedforward: 3,
        dropout: 0,
        batchFirst: true,
      }),
      (net, src, tgt) => {
        const padding = bool(PADDING);
        return net.forward(src, tgt, {
          tgtMask: causal(2),
          srcKeyPaddingMask: padding,
          memoryKeyPaddingMask: padding,
        });
      },
    ),
});
