/** Embedding beyond PyTorch's results: initial values, tables of one's own, and what it refuses. */

import { describe, expect, it } from "vitest";
import { compile } from "../../src/compile.ts";
import * as F from "../../src/nn/functional/index.ts";
import * as nn from "../../src/nn/index.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import { record } from "./recording.ts";

const indices = tensor([[0, 2]], { dtype: "int32" });
const table = () => tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2] });

describe("Embedding", () => {
  it("begins with normal random numbers and zeros in the padding's row", async () => {
    manualSeed(1);
    const layer = new nn.Embedding(200, 50, { paddingIdx: -1 });
    const numbers = [...(await layer.weight.data())];
    expect(numbers.slice(199 * 50)).toEqual(new Array(50).fill(0));
    const drawn = numbers.slice(0, 199 * 50);
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const variance = drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length;
    // Five standard errors of the mean and variance of 9950 normal numbers.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(drawn.length));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / drawn.length));
    expect(layer.paddingIdx).toBe(199);
  });

  it("takes its arguments by position and by name", () => {
    const text = "Embedding(4, 2, padding_idx=1, scale_grad_by_freq=True)";
    expect(String(new nn.Embedding(4, 2, 1, { scaleGradByFreq: true }))).toBe(text);
    const named = { numEmbeddings: 4, embeddingDim: 2, paddingIdx: -3, scaleGradByFreq: true };
    expect(String(new nn.Embedding(named))).toBe(text);
    const plain = new nn.Embedding(4, 2, null);
    expect(record(() => plain.forward(indices)).ops).toMatchObject([
      { op: "embedding", attrs: { scaleGradByFreq: false } },
    ]);
  });

  it("is learned or kept over a table of one's own", async () => {
    const kept = nn.Embedding.fromPretrained(table());
    expect([kept.numEmbeddings, kept.embeddingDim, kept.weight.requiresGrad]).toEqual([3, 2, false]);
    expect(nn.Embedding.fromPretrained(table(), false).weight.requiresGrad).toBe(true);
    const own = new nn.Embedding(3, 2, { _weight: table() });
    expect([...(await own.weight.data())]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("refuses an index outside of the table", async () => {
    const layer = nn.Embedding.fromPretrained(table());
    const program = await compile(layer, { inputs: [{ shape: [4], dtype: "int32" }], backend: "js" });
    await expect(program.run(tensor(Int32Array.of(1, 3, -1, 2)))).rejects.toThrow(
      "the index 3 at position 1 of the input [4] is outside of the embedding's 3 rows 0..2",
    );
  });

  it.each<[() => unknown, string]>([
    [() => new nn.Embedding(0, 3), "Embedding's numEmbeddings must be a whole number of at least 1, not 0"],
    [
      () => new nn.Embedding(3, 1.5),
      "Embedding's embeddingDim must be a whole number of at least 1, not 1.5",
    ],
    [() => new nn.Embedding(3, 2, 3), "Embedding's paddingIdx 3 must be one of its 3 rows"],
    [() => new nn.Embedding(3, 2, -4), "Embedding's paddingIdx -4 must be one of its 3 rows"],
    [
      () => new nn.Embedding(3, 2, { sparse: true } as never),
      "Embedding has no option sparse; its options are numEmbeddings, embeddingDim, paddingIdx, maxNorm, normType, scaleGradByFreq",
    ],
    [
      () => new nn.Embedding(3, 2, { _weight: zeros(2, 3) }),
      "Embedding's _weight must have the shape [3,2], not [2,3]",
    ],
    [
      () => new nn.Embedding(3, 2, { _weight: [1] as never }),
      "Embedding's _weight must be a tensor, not [1]",
    ],
    [
      () => nn.Embedding.fromPretrained(zeros(3)),
      "Embedding.fromPretrained needs a table [rows, columns] but got [3]",
    ],
    [
      () => nn.Embedding.fromPretrained(table(), { paddingIdx: 9 }),
      "Embedding.fromPretrained's paddingIdx 9 must be one of its 3 rows",
    ],
    [
      () => {
        const layer = new nn.Embedding(3, 2);
        record(() => layer.forward(zeros(2)));
      },
      'embedding expects int32 indices but got float32[2]: make them with tensor(values, { dtype: "int32" })',
    ],
    [
      () => record(() => F.embedding(indices, zeros(3))),
      "embedding expects a table [rows, columns] but got float32[3]",
    ],
  ])("refuses what cannot be: %#", (call, message) => {
    expect(call).toThrow(message);
  });
});

describe("Unflatten", () => {
  it.each<[() => unknown, string]>([
    [() => new nn.Unflatten(1, []), "Unflatten's unflattenedSize must be a list of whole numbers, not []"],
    [
      () => new nn.Unflatten(1, 5 as never),
      "Unflatten's unflattenedSize must be a list of whole numbers, not 5",
    ],
    [() => new nn.Unflatten({ dim: 1 } as never), "Unflatten needs unflattenedSize"],
    [
      () => record(() => new nn.Unflatten(1, [2, 5]).forward(zeros(1, 9))),
      "unflatten cannot split axis 1 of [1,9] into [2,5]",
    ],
    [
      () => record(() => F.unflatten(zeros(1, 9), 1, [-1, -1])),
      "unflatten cannot split axis 1 of [1,9] into [-1,-1]",
    ],
    [
      () => record(() => F.unflatten(zeros(1, 9), 2, [9])),
      "axis 2 is out of range for a tensor of 2 dimensions",
    ],
  ])("refuses what cannot be: %#", (call, message) => {
    expect(call).toThrow(message);
  });
});
