/** Losses with margins and the distances between vectors against PyTorch. */

import { F, nn, type Tensor, tensor } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";
import { eachReduction } from "../support/reductions.ts";

const weights = (count: number): Tensor => tensor([0.5, 1, 2, 0.25, 1.5].slice(0, count));

testModuleCases(
  "losses_margin",
  {
    ...eachReduction("SoftMarginLoss", (o) => new nn.SoftMarginLoss(o), ["mean", "none"]),
    ...eachReduction("MultiMarginLoss", (o) => new nn.MultiMarginLoss(o), ["mean", "none"]),
    ...eachReduction("MultiMarginLoss squared", (o) => new nn.MultiMarginLoss(2, 0.7, o), ["mean"]),
    ...eachReduction(
      "MultiMarginLoss weighted",
      (o) => (x, t) => F.multiMarginLoss(x, t, { ...o, p: 2, margin: 2, weight: weights(5) }),
      ["sum"],
    ),
    ...eachReduction("MultiMarginLoss of one sample", (o) => new nn.MultiMarginLoss(o), ["none"]),
    ...eachReduction(
      "MultiLabelMarginLoss",
      (o) => (x, t) => new nn.MultiLabelMarginLoss(o).forward(x, t.add(-1)),
      ["mean", "none"],
    ),
    ...eachReduction(
      "MultiLabelMarginLoss of one sample",
      (o) => (x, t) => F.multilabelMarginLoss(x, t.add(-1), o),
      ["none"],
    ),
    ...eachReduction(
      "MultiLabelSoftMarginLoss",
      (o) => (x, t) => new nn.MultiLabelSoftMarginLoss(o).forward(x, t.gt(0).float()),
      ["mean"],
    ),
    ...eachReduction(
      "MultiLabelSoftMarginLoss weighted",
      (o) => (x, t) => F.multilabelSoftMarginLoss(x, t.sigmoid(), { ...o, weight: weights(4) }),
      ["sum", "none"],
    ),
    ...eachReduction("TripletMarginLoss", (o) => new nn.TripletMarginLoss(o), ["mean", "none"]),
    ...eachReduction(
      "TripletMarginLoss of degree 1, swapped",
      (o) => new nn.TripletMarginLoss(0.5, { ...o, p: 1, eps: 1e-3, swap: true }),
      ["sum"],
    ),
    ...eachReduction("TripletMarginLoss of single vectors", (o) => new nn.TripletMarginLoss(2, 3, o), [
      "mean",
    ]),
    ...eachReduction("TripletMarginWithDistanceLoss", (o) => new nn.TripletMarginWithDistanceLoss(o), [
      "mean",
    ]),
    ...eachReduction(
      "TripletMarginWithDistanceLoss of cosines",
      (o) =>
        new nn.TripletMarginWithDistanceLoss({
          ...o,
          distanceFunction: (a, b) => F.cosineSimilarity(a, b).rsub(1),
          margin: 0.6,
          swap: true,
        }),
      ["none"],
    ),
    PairwiseDistance: () => new nn.PairwiseDistance(),
    "PairwiseDistance of degree 1": () => new nn.PairwiseDistance(1, { keepdim: true }),
    "PairwiseDistance of degree 3": () => new nn.PairwiseDistance(3, 1e-2),
    "PairwiseDistance, the largest": () => new nn.PairwiseDistance({ p: Number.POSITIVE_INFINITY, eps: 0 }),
    CosineSimilarity: () => new nn.CosineSimilarity(),
    "CosineSimilarity of axis 0": () => new nn.CosineSimilarity({ dim: 0, eps: 0.9 }),
    "CosineSimilarity, broadcast": () => new nn.CosineSimilarity(2),
  },
  ["wasm"],
);
