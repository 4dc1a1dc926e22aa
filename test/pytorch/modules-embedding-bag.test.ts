/** Bags of embeddings against PyTorch. */

import { F, nn, type Tensor, tensor } from "kiln";
import { expect, it } from "vitest";
import { testModuleCases } from "../support/module-cases.ts";

const offsets = (...starts: number[]): Tensor => tensor(Int32Array.from(starts));

testModuleCases(
  "modules_embedding_bag",
  {
    EmbeddingBag: () => new nn.EmbeddingBag(5, 3),
    "EmbeddingBag of sums": () => new nn.EmbeddingBag(5, 2, { mode: "sum", paddingIdx: 1 }),
    "EmbeddingBag of maxima": () =>
      new nn.EmbeddingBag({ numEmbeddings: 5, embeddingDim: 2, mode: "max", paddingIdx: 0 }),
    "means of a list": () => (x, w) => F.embeddingBag(x, w, offsets(0, 2, 2, 5)),
    "weighted sums of a list": () => (x, w, perSampleWeights) =>
      F.embeddingBag(x, w, offsets(0, 3, 7), { mode: "sum", perSampleWeights, includeLastOffset: true }),
    "maxima of a list": () => (x, w) => F.embeddingBag(x, w, offsets(0, 2, 2, 5), { mode: "max" }),
  },
  ["wasm"],
);

it("refuses bags without a beginning, in one clear line", () => {
  const [list, table] = [offsets(1, 2, 0), tensor([[1], [2], [3]])];
  expect(() => F.embeddingBag(list, table)).toThrow(/needs int32 offsets \[B\] for the bags of int32\[3\]/);
  expect(() => F.embeddingBag(list, table, offsets(1))).toThrow(/first offset must be 0/);
  expect(() => F.embeddingBag(list.reshape(1, 3), table, offsets(0))).toThrow(
    /offsets for a list of indices/,
  );
  expect(() => F.embeddingBag(list, table, offsets(0), { perSampleWeights: table })).toThrow(/mode "sum"/);
});
