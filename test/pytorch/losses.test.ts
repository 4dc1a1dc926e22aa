/** Every loss with its options and reductions against PyTorch. */

import { F, nn, type Tensor, tensor } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const REDUCTIONS = ["mean", "sum", "none"] as const;
type Option = { readonly reduction: nn.Reduction };
type Twin = ReturnType<Parameters<typeof testModuleCases>[1][string]>;
type Twins = Record<string, () => Twin>;

const WEIGHT = tensor([0.5, 1, 2, 0.25, 1.5]);
const firstWeights = (count: number): Tensor => tensor([0.5, 1, 2, 0.25].slice(0, count));

/** One twin for each reduction. */
function each(
  name: string,
  make: (option: Option) => Twin,
  reductions: readonly nn.Reduction[] = REDUCTIONS,
): Twins {
  return Object.fromEntries(
    reductions.map((reduction) => [`${name} ${reduction}`, () => make({ reduction })]),
  );
}

const divergence = (name: string, prepare: (t: Tensor) => Tensor, logTarget: boolean): Twins =>
  Object.fromEntries(
    ([...REDUCTIONS, "batchmean"] as const).map((reduction) => [
      `${name} ${reduction}`,
      () => (x: Tensor, t: Tensor) => F.klDiv(x.logSoftmax(1), prepare(t), { reduction, logTarget }),
    ]),
  );

testModuleCases("losses", {
  ...each("MSELoss", (o) => new nn.MSELoss(o)),
  ...each("L1Loss", (o) => new nn.L1Loss(o)),
  ...each("SmoothL1Loss", (o) => new nn.SmoothL1Loss(o)),
  ...each("SmoothL1Loss beta 0.5", (o) => new nn.SmoothL1Loss({ ...o, beta: 0.5 })),
  ...each("SmoothL1Loss beta 0", (o) => new nn.SmoothL1Loss({ ...o, beta: 0 }), ["sum"]),
  ...each("HuberLoss", (o) => new nn.HuberLoss(o)),
  ...each("HuberLoss delta 0.5", ({ reduction }) => new nn.HuberLoss(reduction, 0.5)),

  ...each("CrossEntropyLoss", (o) => new nn.CrossEntropyLoss(o)),
  ...each("CrossEntropyLoss of one sample", (o) => new nn.CrossEntropyLoss(o), ["mean"]),
  ...each("CrossEntropyLoss of images", (o) => new nn.CrossEntropyLoss({ ...o, ignoreIndex: 1 })),
  ...each(
    "CrossEntropyLoss smoothed",
    (o) => new nn.CrossEntropyLoss({ ...o, ignoreIndex: 2, labelSmoothing: 0.1 }),
  ),
  ...each("CrossEntropyLoss weighted", (o) => (x, t) => F.crossEntropy(x, t, { ...o, weight: WEIGHT })),
  ...each("CrossEntropyLoss of images, weighted and smoothed", (o) => (x, t) => {
    const weight = firstWeights(3);
    return new nn.CrossEntropyLoss({ ...o, weight, ignoreIndex: 0, labelSmoothing: 0.2 }).forward(x, t);
  }),
  ...each(
    "CrossEntropyLoss of probabilities",
    (o) => (x, t) => new nn.CrossEntropyLoss(o).forward(x, t.softmax(1)),
  ),
  ...each(
    "CrossEntropyLoss of probabilities, weighted and smoothed",
    (o) => (x, t) => F.crossEntropy(x, t.softmax(1), { ...o, weight: firstWeights(3), labelSmoothing: 0.2 }),
  ),
  ...each(
    "CrossEntropyLoss of one sample's probabilities",
    (o) => (x, t) => F.crossEntropy(x, t.softmax(0), o),
    ["mean"],
  ),

  ...each("NLLLoss", (o) => new nn.NLLLoss(o)),
  ...each("NLLLoss of images", (o) => new nn.NLLLoss({ ...o, ignoreIndex: 2 })),
  ...each("NLLLoss weighted", (o) => (x, t) => F.nllLoss(x, t, { ...o, weight: WEIGHT, ignoreIndex: 4 })),

  ...each("BCELoss", (o) => (x, t) => new nn.BCELoss(o).forward(x.sigmoid(), t.sigmoid())),
  ...each(
    "BCELoss weighted",
    (o) => (x, t) => new nn.BCELoss({ ...o, weight: firstWeights(4) }).forward(x.sigmoid(), t.gt(0).float()),
  ),
  ...each("BCEWithLogitsLoss", (o) => (x, t) => new nn.BCEWithLogitsLoss(o).forward(x, t.sigmoid())),
  ...each("BCEWithLogitsLoss weighted", (o) => (x, t) => {
    const weight = tensor([[1], [0.5], [2]]);
    const loss = new nn.BCEWithLogitsLoss({ ...o, weight, posWeight: firstWeights(4) });
    return loss.forward(x, t.gt(0).float());
  }),

  ...divergence("KLDivLoss", (t) => t.relu(), false),
  ...divergence("KLDivLoss of logarithms", (t) => t.logSoftmax(1), true),

  ...each("HingeEmbeddingLoss", (o) => new nn.HingeEmbeddingLoss(o)),
  ...each("HingeEmbeddingLoss margin 0.5", (o) => new nn.HingeEmbeddingLoss(0.5, o)),
  ...each("MarginRankingLoss", (o) => new nn.MarginRankingLoss(o)),
  ...each("MarginRankingLoss margin 0.5", (o) => new nn.MarginRankingLoss({ ...o, margin: 0.5 })),
  ...each("CosineEmbeddingLoss", (o) => new nn.CosineEmbeddingLoss(o)),
  ...each("CosineEmbeddingLoss margin 0.3", (o) => new nn.CosineEmbeddingLoss(0.3, o)),
  ...each("CosineEmbeddingLoss of one pair", (o) => new nn.CosineEmbeddingLoss(o), ["sum"]),
});
