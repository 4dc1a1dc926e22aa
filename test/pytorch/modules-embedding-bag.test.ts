/** Bags of embeddings against PyTorch. */

import { compile, F, nn, type Tensor, tensor } from "kiln-js";
import { expect, it } from "vitest";
import { testModuleCases } from "../support/module-cases.ts";

const offsets = (...starts: number[]): Tensor => tensor(Int32Array.from(starts));

testModuleCases(
  "modules_embedding_bag",
  {
    EmbeddingBag: () => new nn.EmbeddingBag(5, 3),
    "EmbeddingBag of sums": () => new nn.EmbeddingBag(5, 2, { mode: "sum", paddingIdx: 1 }),
    "EmbeddingBag of short rows": () => new nn.EmbeddingBag(6, 3, { maxNorm: 0.4, normType: 1, mode: "sum" }),
    "Embedding of short rows": () => new nn.Embedding(6, 3, 1, { maxNorm: 0.4 }),
    "EmbeddingBag of maxima": () =>
      new nn.EmbeddingBag({ numEmbeddings: 5, embeddingDim: 2, mode: "max", paddingIdx: 0 }),
    "means of a list": () => (x, w) => F.embeddingBag(x, w, offsets(0, 2, 2, 5)),
    "weighted sums of a list": () => (x, w, perSampleWeights) =>
      F.embeddingBag(x, w, offsets(0, 3, 7), { mode: "sum", perSampleWeights, includeLastOffset: true }),
    "maxima of a list": () => (x, w) => F.embeddingBag(x, w, offsets(0, 2, 2, 5), { mode: "max" }),
  },
  ["wasm"],
);

it("keeps rows short interactively, and in an evaluated program, as when training", async () => {
  const table = () =>
    tensor(
      [
        [3, 4],
        [0.3, 0.4],
        [6, 8],
      ],
      { requiresGrad: true },
    );
  const shortened = [
    [3, 4],
    [0.3, 0.4],
    [Math.fround(0.6), Math.fround(0.8)],
  ];
  const closeTo = async (actual: Tensor, expected: number[][]): Promise<void> => {
    const values = await actual.data();
    for (const [k, value] of expected.flat().entries()) expect(values[k]).toBeCloseTo(value, 6);
  };
  const weight = table();
  const looked = F.embedding(offsets(2, 1), weight, { maxNorm: 1 });
  await closeTo(looked, [shortened[2], shortened[1]]);
  await closeTo(weight, shortened);
  looked.sum().backward();
  expect(await weight.grad!.array()).toEqual([
    [0, 0],
    [1, 1],
    [1, 1],
  ]);
  const layer = nn.Embedding.fromPretrained(table().detach(), { freeze: false, maxNorm: 1 });
  const program = await compile(layer, { inputs: [{ shape: [2], dtype: "int32" }], backend: "js" });
  await closeTo(await program.run(offsets(2, 1)), [shortened[2], shortened[1]]);
  await closeTo(layer.weight, shortened);
  expect(() => F.embedding(offsets(3), weight, { maxNorm: 1 })).toThrow("embedding");
});

it("refuses bags without a beginning, in one clear line", () => {
  const [list, table] = [offsets(1, 2, 0), tensor([[1], [2], [3]])];
  expect(() => F.embeddingBag(list, table)).toThrow(/needs int32 offsets \[B\] for the bags of int32\[3\]/);
  expect(() => F.embeddingBag(list, table, offsets(1))).toThrow(/first offset must be 0/);
  expect(() => F.embeddingBag(list.reshape(1, 3), table, offsets(0))).toThrow(
    /offsets for a list of indices/,
  );
  expect(() => F.embeddingBag(list, table, offsets(0), { perSampleWeights: table })).toThrow(/mode "sum"/);
});
