/** Attention and transformers as users meet them: keys, initial numbers, compiled and interactive, mistakes. */

import {
  compile,
  compileTraining,
  F,
  manualSeed,
  nn,
  optim,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { describe, expect, test } from "vitest";

describe("MultiheadAttention", () => {
  test("has PyTorch's names, and weights only where they are wanted", async () => {
    const attention = new nn.MultiheadAttention(4, 2, { batchFirst: true });
    expect(Object.keys(attention.stateDict())).toEqual([
      "in_proj_weight",
      "in_proj_bias",
      "out_proj.weight",
      "out_proj.bias",
    ]);
    const keys = Object.keys(new nn.MultiheadAttention(4, 2, { addBiasKv: true }).stateDict());
    expect(keys.slice(1, 4)).toEqual(["in_proj_bias", "bias_k", "bias_v"]);
    const x = randn([2, 3, 4]);
    const [, weights] = attention.forward(x, x, x, { isCausal: true });
    expect(weights?.shape).toEqual([2, 3, 3]);
    expect(attention.forward(x, x, x, { needWeights: false })[1]).toBeNull();
    const sums = await weights!.sum(-1).data();
    for (const sum of sums) expect(sum).toBeCloseTo(1, 6);
    expect((await weights!.select(1, 0).data())[1]).toBe(0);
  });

  test("begins with xavier's weights and without biases", async () => {
    const attention = new nn.MultiheadAttention(8, 2);
    const bound = Math.sqrt(6 / (24 + 8));
    const largest = Math.max(...(await attention.in_proj_weight!.data()).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(bound * 0.9);
    expect(await attention.out_proj.bias!.data()).toEqual(new Float32Array(8));
  });
});

class Classifier extends nn.Module {
  encoder = new nn.TransformerEncoder(
    new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, dropout: 0, batchFirst: true }),
    2,
  );
  head = new nn.Linear(4, 2);

  forward(x: Tensor, padding: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x, { srcKeyPaddingMask: padding }).mean(1));
  }
}

describe("transformers", () => {
  test("copies of a layer begin alike and are trained apart, with a mask as an input", async () => {
    manualSeed(1);
    const net = new Classifier();
    const [first, second] = net.encoder.layers;
    expect(await second.linear1.weight.data()).toEqual(await first.linear1.weight.data());
    const padding = { shape: [4, 3], dtype: "bool" } as const;
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.02 });
    const loss = new nn.CrossEntropyLoss();
    const trainer = await compileTraining(net, { inputs: [[4, 3, 4], padding], loss, optimizer });
    const hidden = tensor([0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0], padding);
    const [x, y] = [randn([4, 3, 4]), tensor([0, 1, 1, 0], { dtype: "int32" })];
    const before = await trainer.step(x, hidden, y);
    for (let k = 0; k < 30; k++) await trainer.step(x, hidden, y);
    expect(await trainer.step(x, hidden, y)).toBeLessThan(before / 2);
    expect(await second.linear1.weight.data()).not.toEqual(await first.linear1.weight.data());
  });

  test("generateSquareSubsequentMask hides what comes later", async () => {
    const no = Number.NEGATIVE_INFINITY;
    expect(await nn.Transformer.generateSquareSubsequentMask(3).array()).toEqual([
      [0, no, no],
      [0, 0, no],
      [0, 0, 0],
    ]);
  });

  test("a compiled encoder layer gives what it gives interactively", async () => {
    manualSeed(2);
    const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, normFirst: true }).eval();
    const x = randn([3, 2, 4]);
    const expected = await layer.forward(x).data();
    const actual = await (await compile(layer, { inputs: [[3, 2, 4]] })).run(x);
    // Fused otherwise: a few units in the last place of numbers up to 3.
    for (const [k, value] of (await actual.data()).entries()) expect(value).toBeCloseTo(expected[k], 5);
  });
});

describe("mistakes are told in one line", () => {
  const x = zeros(3, 2, 4);
  const attention = new nn.MultiheadAttention(4, 2);
  const called = (given: Partial<Record<"biasK" | "inProjWeight" | "staticK", Tensor>>) =>
    F.multiHeadAttentionForward(
      ...([x, x, x, 4, 2, given.inProjWeight ?? zeros(12, 4), null, given.biasK ?? null, null] as const),
      ...([false, 0, zeros(4, 4), null, { staticK: given.staticK ?? null }] as const),
    );
  test.each<[string, () => unknown]>([
    [
      "MultiheadAttention's embedDim 4 must be a multiple of its numHeads 3",
      () => new nn.MultiheadAttention(4, 3),
    ],
    [
      "MultiheadAttention's forward has no option keyPadingMask (did you mean keyPaddingMask?)",
      () => attention.forward(x, x, x, { keyPadingMask: x } as object),
    ],
    [
      "MultiheadAttention's forward takes its options in one object, { keyPaddingMask: … }, not a tensor",
      () => attention.forward(x, x, x, zeros(3, 3) as object),
    ],
    [
      "of equal leading axes but got float32[2,3,4], float32[3,3,4], float32[3,3,4]",
      () => F.scaledDotProductAttention(zeros(2, 3, 4), zeros(3, 3, 4), zeros(3, 3, 4)),
    ],
    [
      "TransformerEncoderLayer expects a tensor as src but got undefined",
      () => new nn.TransformerEncoderLayer(4, 2).forward(undefined as unknown as Tensor),
    ],
    [
      "TransformerEncoder needs a layer to copy, or a function that makes one, not undefined",
      () => new nn.TransformerEncoder(undefined as never, 2),
    ],
    [
      "TransformerDecoder's norm must be an nn.Module, not the boolean true",
      () => new nn.TransformerDecoder(new nn.TransformerDecoderLayer(4, 2), 2, true as never),
    ],
    [
      "multiHeadAttentionForward needs both biasK and biasV, or neither",
      () => called({ biasK: zeros(1, 1, 4) }),
    ],
    [
      "multiHeadAttentionForward needs inProjWeight of the shape [12,4], not float32[4,4]",
      () => called({ inProjWeight: zeros(4, 4) }),
    ],
    [
      "multiHeadAttentionForward needs staticK of the shape [4,S,2], not float32[2,3,4]",
      () => called({ staticK: zeros(2, 3, 4) }),
    ],
    [
      "multiHeadAttentionForward needs as many values as keys, but got 3 and 5",
      () => called({ staticK: zeros(4, 5, 2) }),
    ],
    [
      "Transformer's customEncoder must be an nn.Module, not the function customEncoder",
      () => new nn.Transformer({ customEncoder: (() => x) as never }),
    ],
    [
      "Transformer expects a source [S,N,4] and a target [T,N,4], or both without the batch, but got float32[3,2,4] and float32[3,3,4]",
      () => new nn.Transformer({ dModel: 4, nhead: 2, dimFeedforward: 4 }).forward(x, zeros(3, 3, 4)),
    ],
    [
      "MultiheadAttention expects a query [L,N,4], keys [S,N,4] and values [S,N,4], or all without the batch, but got",
      () => attention.forward(x, x, zeros(3, 2, 5)),
    ],
    [
      "MultiheadAttention's attnMask must be bool or float32 of the shape [3,3] or [4,3,3] but is float32[3,2]",
      () => attention.forward(x, x, x, { attnMask: zeros(3, 2) }),
    ],
    [
      "MultiheadAttention's keyPaddingMask must be bool or float32 of the shape [2,3] but is float32[3,2]",
      () => attention.forward(x, x, x, { keyPaddingMask: zeros(3, 2) }),
    ],
    [
      "scaledDotProductAttention takes either attnMask or isCausal",
      () => F.scaledDotProductAttention(x, x, x, zeros(2, 2), 0, true),
    ],
    [
      "scaledDotProductAttention's mask must fit the scores [3,2,2] (…, queries, keys) but is float32[3]",
      () => F.scaledDotProductAttention(x, x, x, zeros(3)),
    ],
    [
      "scaledDotProductAttention expects a query […,L,E], keys […,S,E] and values […,S,Ev]",
      () => F.scaledDotProductAttention(x, zeros(3, 2, 5), x),
    ],
    [
      "scaledDotProductAttention with enableGqa needs a query whose heads (axis -3) are a multiple",
      () => F.scaledDotProductAttention(x, zeros(2, 2, 4), zeros(2, 2, 4), { enableGqa: true }),
    ],
    [
      "TransformerEncoderLayer's activation must be one of relu, gelu",
      () => new nn.TransformerEncoderLayer(4, 2, { activation: "tanh" as "relu" }),
    ],
    [
      "TransformerDecoderLayer's forward takes its masks in one object",
      () => new nn.TransformerDecoderLayer(4, 2).forward(x, x, zeros(3, 3) as object),
    ],
    [
      "TransformerEncoder can copy TransformerEncoderLayer alone",
      () =>
        new nn.TransformerEncoder(
          new (class Own extends nn.TransformerEncoderLayer {})({ dModel: 4, nhead: 2 }),
          2,
        ),
    ],
  ])("%s", (message, call) => expect(call).toThrow(message));
});
