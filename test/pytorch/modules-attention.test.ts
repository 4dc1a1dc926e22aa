/** Attention and transformers against PyTorch: results and weights, gradients, three steps. */

import { arange, cat, F, nn, type Tensor, tensor } from "kiln-js";
import { Joined } from "../support/joined.ts";
import { testModuleCases } from "../support/module-cases.ts";

const bool = (values: readonly (readonly number[])[]): Tensor => tensor(values, { dtype: "bool" });

const PADDING = [
  [0, 0, 1],
  [0, 0, 0],
];

const BOOL = [
  [1, 0, 1],
  [1, 1, 0],
];

/** The function with the weights of a layer, and what else it is given. */
class Called extends nn.Module {
  layer: nn.MultiheadAttention;
  readonly #call: (layer: nn.MultiheadAttention, ...inputs: Tensor[]) => [Tensor, Tensor | null];

  constructor(
    layer: nn.MultiheadAttention,
    call: (layer: nn.MultiheadAttention, ...inputs: Tensor[]) => [Tensor, Tensor | null],
  ) {
    super();
    this.layer = layer;
    this.#call = call;
  }

  forward(...inputs: Tensor[]): Tensor {
    const [out, weights] = this.#call(this.layer, ...inputs);
    return cat([out.flatten(), weights!.flatten()]);
  }
}

/** An encoder of the user's own: places that are no padding, meaned. */
class Mean extends nn.Module {
  linear = new nn.Linear(2, 2);

  forward(src: Tensor, { srcKeyPaddingMask }: nn.EncoderMasks): Tensor {
    return this.linear.forward(src.mul(srcKeyPaddingMask!.logicalNot().float().unsqueeze(-1))).mean(1, true);
  }
}

/** A decoder of the user's own. */
class Added extends nn.Module {
  scale = new nn.Linear(2, 2, { bias: false });

  forward(tgt: Tensor, memory: Tensor, { tgtMask }: nn.DecoderMasks): Tensor {
    return tgtMask!.exp().matmul(this.scale.forward(tgt)).add(memory);
  }
}

const causal = nn.Transformer.generateSquareSubsequentMask;

testModuleCases("modules_attention", {
  attention: () => (q, k, v) => F.scaledDotProductAttention(q, k, v),
  "attention of a bool mask and a scale": () => (q, k, v) =>
    F.scaledDotProductAttention(q, k, v, bool(BOOL), { scale: 0.3 }),
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
  "MultiheadAttention with a learned key, masked": () =>
    new Joined(new nn.MultiheadAttention(4, 2, { addBiasKv: true }), (net, q, k) => {
      const keyPaddingMask = bool([BOOL[0], [0, 0, 0]]);
      return net.forward(q, k, k, { keyPaddingMask, attnMask: bool(BOOL) });
    }),
  "MultiheadAttention with a learned key and one of zeros, causal": () =>
    new Joined(
      new nn.MultiheadAttention({
        embedDim: 2,
        numHeads: 1,
        bias: false,
        addBiasKv: true,
        addZeroAttn: true,
        batchFirst: true,
      }),
      (net, x) => net.forward(x, x, x, { isCausal: true, averageAttnWeights: false }),
    ),
  multiHeadAttentionForward: () =>
    new Called(
      new nn.MultiheadAttention(4, 2, { addBiasKv: true }),
      ({ in_proj_weight, in_proj_bias, bias_k, bias_v, out_proj }, q, k) =>
        F.multiHeadAttentionForward(
          ...([q, k, k, 4, 2, in_proj_weight!, in_proj_bias!, bias_k!, bias_v!, true, 0.5] as const),
          ...([out_proj.weight, out_proj.bias!] as const),
          { training: false, keyPaddingMask: bool(PADDING) },
        ),
    ),
  "multiHeadAttentionForward of separate weights and given keys": () =>
    new Called(
      new nn.MultiheadAttention(4, 2, { kdim: 3, vdim: 2, bias: false }),
      ({ q_proj_weight, k_proj_weight, v_proj_weight, out_proj }, q, k, v, staticK, staticV) =>
        F.multiHeadAttentionForward(
          ...([q, k, v, 4, 2, null, null, null, null, false, 0, out_proj.weight, null] as const),
          {
            useSeparateProjWeight: true,
            qProjWeight: q_proj_weight!,
            kProjWeight: k_proj_weight!,
            vProjWeight: v_proj_weight!,
            staticK,
            staticV,
            averageAttnWeights: false,
          },
        ),
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
  "Transformer of custom parts": () =>
    new Joined(
      new nn.Transformer(2, 1, { customEncoder: new Mean(), customDecoder: new Added(), batchFirst: true }),
      (net, src, tgt) => net.forward(src, tgt, { tgtMask: causal(2), srcKeyPaddingMask: bool(PADDING) }),
    ),
});
