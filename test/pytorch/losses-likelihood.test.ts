/** Likelihoods of counts, of measurements and of label sequences against PyTorch. */

import { F, nn, tensor } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";
import { eachReduction } from "../support/reductions.ts";

const int32 = (...values: number[]) => tensor(Int32Array.from(values));

testModuleCases(
  "losses_likelihood",
  {
    ...eachReduction("PoissonNLLLoss", (o) => new nn.PoissonNLLLoss(o), ["mean"]),
    ...eachReduction("PoissonNLLLoss of counts", (o) => new nn.PoissonNLLLoss(false, { ...o, eps: 1e-2 }), [
      "mean",
    ]),
    ...eachReduction("PoissonNLLLoss in full", (o) => new nn.PoissonNLLLoss({ ...o, full: true }), [
      "sum",
      "none",
    ]),
    ...eachReduction(
      "GaussianNLLLoss",
      (o) => (x, t, v) => new nn.GaussianNLLLoss(o).forward(x, t, v.add(0.5)),
      ["mean", "none"],
    ),
    ...eachReduction(
      "GaussianNLLLoss in full",
      (o) => (x, t, v) => new nn.GaussianNLLLoss({ ...o, full: true, eps: 1 }).forward(x, t, v.add(0.5)),
      ["mean"],
    ),
    ...eachReduction(
      "GaussianNLLLoss of one variance per sample",
      (o) => (x, t, v) => F.gaussianNllLoss(x, t, v.add(0.5), o),
      ["mean"],
    ),
    ...eachReduction("GaussianNLLLoss of a number", (o) => (x, t) => F.gaussianNllLoss(x, t, 0.7, o), [
      "mean",
    ]),

    ...eachReduction(
      "CTCLoss",
      (o) => (x, t) => F.ctcLoss(x.logSoftmax(2), t.add(1), [6, 5, 4], [2, 1, 2], o),
      ["mean"],
    ),
    ...eachReduction(
      "CTCLoss of another blank",
      ({ reduction }) =>
        (x, t) =>
          new nn.CTCLoss(3, reduction).forward(x.logSoftmax(2), t, int32(6, 6, 6), int32(2, 0, 2)),
      ["none"],
    ),
    ...eachReduction(
      "CTCLoss of lengths that are inputs",
      (o) => (x, t, i, l) => {
        const frames = i.float().mul(4).int().add(1);
        return new nn.CTCLoss({ ...o, zeroInfinity: true }).forward(
          x.logSoftmax(2),
          t.add(1),
          frames,
          l.add(1),
        );
      },
      ["none"],
    ),
    ...eachReduction(
      "CTCLoss of one list",
      (o) => (x, t) => F.ctcLoss(x.logSoftmax(2), t.add(1), [6, 6, 5], [3, 0, 2], o),
      ["sum"],
    ),
  },
  ["wasm"],
);
