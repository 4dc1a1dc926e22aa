/** Sorting, what it is made for, and sliding windows against PyTorch: values, gradients and three training steps. */

import { argsort, kthvalue, slice, sort, type Tensor, takeAlongDim, topk } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

/** Values, and among them where they stood, so that one output tells both. */
const both = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor =>
  values.float().mul(indices.float().add(1));

const CASES: Record<string, (...inputs: Tensor[]) => Tensor> = {
  sort: (x) => both(x.sort()).add(both(sort(x, 1, true))),
  "sort of another axis": (x) => both(x.sort(1)).sub(both(sort(x, { dim: 0, descending: true }))),
  "sort of equal numbers": (x, c) =>
    both(x.mul(0).add(c.float()).sort({ stable: true }))
      .mul(x)
      .add(both(sort(c, { dim: 1, descending: true, stable: true }))),
  argsort: (x) => x.mul(x.argsort(1).float()).add(argsort(x, 0, true).float()),
  "argsort and take_along_dim": (x, y) => takeAlongDim(y, x.argsort(-1), 1),
  topk: (x) => both(x.topk(3)).mul(both(topk(x, 3, 1, false))),
  "topk of another axis": (x) =>
    both(x.topk(2, 1))
      .sum(1)
      .sub(both(x.topk(1, { dim: 1, largest: false })).select(1, 0)),
  kthvalue: (x) => both(x.kthvalue(2)).mul(both(kthvalue(x, 5, 1, true))),
  "kthvalue of another axis": (x) => both(x.kthvalue(4, 1)),
  unfold: (x) =>
    x
      .unfold(0, 2, 1)
      .index(slice(), slice(0, 3))
      .mul(x.unfold(1, 3, 2).index(slice(0, 2), slice(), slice(0, 2)))
      .add(x.unfold(-1, 5, 1).index(slice(0, 2), slice(), slice(0, 2))),
  "unfold of another axis": (x) =>
    x.unfold(1, 2, 3).mul(x.unfold(1, 3, 1).index(slice(), slice(0, 2), slice(), slice(0, 2))),
};

testModuleCases(
  "tensor_order",
  Object.fromEntries(Object.entries(CASES).map(([name, computation]) => [name, () => computation])),
);
