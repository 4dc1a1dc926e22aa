/** What brackets read and write against PyTorch: values, gradients and three training steps. */

import { type IndexItem, slice, type Tensor, tensor } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const int32 = (values: number | number[] | number[][]): Tensor => tensor(values, { dtype: "int32" });
const plus = (x: Tensor, by: number): Tensor => x.add(int32(by));
const ROWS = int32([2, 0]);
const GRID = int32([
  [0, 1, 1],
  [-1, 0, 1],
]);
const ONE = int32(1);
const MASK = tensor(
  [
    [1, 0, 1],
    [0, 0, 1],
  ],
  { dtype: "bool" },
);
const ALL = slice();

/** A copy to which a value is written, in place or not. */
function put(x: Tensor, items: IndexItem[], value: Tensor | number, accumulate = false): Tensor {
  if (accumulate) return x.indexPut(items, value, true);
  return x.mul(1).indexPut_(items, value);
}

const CASES: Record<string, (...inputs: Tensor[]) => Tensor> = {
  "numbers, slices and new axes": (x) => {
    const first = x.index(1, ALL, slice(1, -1)).mul(x.index(-2, "...", slice(null, null, 2)));
    const second = x.index(ALL, 0, null, slice(1, null, 2)).sum(0);
    return first.add(second.mul(x.index("...", -1, null, slice(0, 2)).sum([0, 1])));
  },
  ellipses: (x) =>
    x
      .index("...", 1)
      .mul(x.index(0, "...", 1))
      .add(x.index("...").sum(2)),
  "one index": (x, c) =>
    x
      .index(c)
      .mul(x.index(ALL, plus(c, -2)).sum())
      .add(x.index("...", c).sum([0, 1, 2])),
  "indices together": (x) =>
    x.index(GRID, ROWS.unsqueeze(1)).mul(x.index(plus(GRID, -1), ROWS.select(0, 1), slice(1)).sum()),
  "indices apart": (x) =>
    x
      .index(GRID.select(0, 1), ALL, ROWS.slice(0, 0, 1))
      .mul(x.index(ALL, GRID.select(0, 0), null, GRID.select(0, 1)).sum([1, 2])),
  "indices among numbers": (x) =>
    x.index(ROWS, 1, ALL, GRID.slice(1, 0, 2)).mul(x.index(2, ALL, ROWS, 0, null).sum()),
  "indices of single numbers": (x) =>
    x.index(ONE, ALL, ROWS).mul(x.index(ROWS, ALL, ONE, 0).sum(0).index(null, null, slice(0, 1))),
  "writing to slices": (x, y) =>
    put(x, [1, ALL, slice(1, 3)], y)
      .mul(put(x, ["...", 0], y.select(1, 0)))
      .add(put(x, [0, 1, 2], 5)),
  "writing to an index": (x, y) =>
    put(x, [ALL, ROWS], y)
      .mul(put(x, [ALL, ROWS, slice(2)], y.slice(2, 0, 2)))
      .add(put(x, [1, ROWS, -1], 7)),
  "writing to indices": (x, y) =>
    put(x, [ROWS, ALL, ROWS], y).mul(put(x, [slice(0, 1), int32([0, 1]), plus(ROWS, -2)], y.index(ALL, 1))),
  "writing to indices of single numbers": (x, y) =>
    put(x, [ONE, ALL, ROWS], y).mul(put(x, [ALL, ONE, plus(ONE, -2)], y.index(0, 0, 0))),
  "adding to indices": (x, y) =>
    put(x, [GRID, ROWS.unsqueeze(1)], y, true).mul(put(x, [ONE, GRID], y.select(0, 0), true)),
  "writing by masks": (x, y) =>
    put(x, [MASK], y)
      .mul(put(x, [1, MASK.select(0, 0), slice(0, 2)], y.slice(0, 0, 2)))
      .add(put(x, [ALL, MASK.select(0, 1)], 3))
      .add(put(x, [x.gt(0)], 0.5)),
};

testModuleCases(
  "tensor_brackets",
  Object.fromEntries(Object.entries(CASES).map(([name, computation]) => [name, () => computation])),
);
