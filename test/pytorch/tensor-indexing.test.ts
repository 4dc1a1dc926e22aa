/** Reading and writing at positions against PyTorch: values, gradients and three training steps. */

import {
  bucketize,
  F,
  gather,
  indexAdd,
  indexCopy,
  indexFill,
  indexSelect,
  scatter,
  scatterAdd,
  searchsorted,
  type Tensor,
  take,
  takeAlongDim,
  tensor,
} from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const int32 = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "int32" });
const ROWS = int32([2, 0]);
const TWICE = int32([1, 1, 0, 1]);
const COLUMNS = int32([
  [3, 0],
  [1, 2],
  [0, 3],
]);
const SORTED = int32([
  [0, 1, 1, 2],
  [-1, 0, 1, 1],
]);

/** What an operation in place makes of a copy. */
function filled(x: Tensor, f: (copy: Tensor) => unknown): Tensor {
  const copy = x.mul(1);
  f(copy);
  return copy;
}

const CASES: Record<string, (...inputs: Tensor[]) => Tensor> = {
  "gather of classes": (x, c) => gather(c, 1, c).float().mul(x),
  index_select: (x, c) => x.indexSelect(1, c).mul(indexSelect(x, -1, TWICE).slice(1, 0, 3)),
  "index_select of rows": (x, c) => x.indexSelect(0, c).cumsum(0),
  take: (x, c) => x.take(c).mul(take(x, c.add(int32([-12])))),
  take_along_dim: (x, c) =>
    takeAlongDim(x, c, 1).mul(
      x.takeAlongDim(
        c
          .slice(0, 0, 1)
          .slice(1, 0, 1)
          .add(int32([1])),
        1,
      ),
    ),
  "take_along_dim of all": (x, c) => x.takeAlongDim(c),
  scatter: (x, y) => x.scatter(1, COLUMNS, y).mul(scatter(x, 0, ROWS.unsqueeze(0), y.slice(0, 1, 2))),
  "scatter of a number": (x, c) => x.scatter(0, c, 2.5).mul(x),
  scatter_add: (x, y, c) => x.scatterAdd(0, c, y).mul(scatterAdd(x, 1, c, y)),
  index_add: (x, y) => x.indexAdd(0, TWICE, y).mul(indexAdd(x, 0, TWICE, y, { alpha: -0.5 })),
  "index_add of columns": (x, y, c) => x.indexAdd(2, c, y),
  index_copy: (x, y) => x.indexCopy(0, ROWS, y).mul(indexCopy(x, 0, ROWS, y.mul(2))),
  index_fill: (x) => x.indexFill(1, ROWS, -3).mul(indexFill(x, 0, int32([2]), x.sum())),
  "in place": (x, y) =>
    filled(x, (z) => z.scatter_(1, COLUMNS, y).indexAdd_(0, ROWS, y.repeat(1, 2).slice(0, 1)))
      .mul(
        filled(x, (z) =>
          z
            .indexFill_(0, ROWS.slice(0, 0, 1), 2)
            .scatterAdd_(1, COLUMNS, y)
            .indexCopy_(1, ROWS, y),
        ),
      )
      .add(filled(x, (z) => z.maskedFill_(z.gt(0.5), 2).tril_(1).triu_(-1))),
  one_hot: (x, c) =>
    F.oneHot(c, 4)
      .float()
      .mul(x)
      .add(F.oneHot(int32([3, 1, 0])).float()),
  searchsorted: (x, c) => {
    const left = searchsorted(SORTED, c).float();
    return x.mul(left.add(searchsorted(SORTED.select(0, 0), c, { right: true }).float().mul(2)));
  },
  bucketize: (x) => {
    const buckets = bucketize(x.int(), SORTED.select(0, 0), { right: true });
    return x.mul(x.bucketize(SORTED.select(0, 1).float()).add(buckets).float());
  },
};

testModuleCases(
  "tensor_indexing",
  Object.fromEntries(Object.entries(CASES).map(([name, computation]) => [name, () => computation])),
);
