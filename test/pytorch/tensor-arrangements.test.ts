/** What moves, repeats and cuts the elements of tensors against PyTorch: values, gradients and three training steps. */

import {
  atleast1d,
  atleast2d,
  atleast3d,
  cat,
  diag,
  diagEmbed,
  diagflat,
  dstack,
  hstack,
  movedim,
  roll,
  rot90,
  type Tensor,
  tensorSplit,
  tile,
  unbind,
  unflatten,
  vsplit,
  vstack,
} from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

/** Parts of any sizes as one list, the k-th times k + 1. */
const joined = (parts: readonly Tensor[]): Tensor => cat(parts.map((part, k) => part.reshape(-1).mul(k + 1)));

const CASES: Record<string, (...inputs: Tensor[]) => Tensor> = {
  "tril and triu": (x) => x.tril().mul(2).sub(x.triu()),
  "tril and triu of batches": (x) =>
    x
      .tril(-1)
      .mul(2)
      .sub(x.triu(2))
      .add(x.tril(1).mul(x.triu(-1))),
  "diag of a list": (x) =>
    x
      .diag()
      .add(x.diag(1).slice(0, 0, 4).slice(1, 0, 4).mul(3))
      .sub(diag(x, -2).slice(0, 2).slice(1, 2)),
  "diag of a matrix": (x) => joined([x.diag(), x.diag(2), x.diag(-1)]),
  diagonal: (x) => joined([x.diagonal(), x.diagonal(1, 1, 2), x.diagonal(-1, 0, 2), x.diagonal(0, 2, 0)]),
  diag_embed: (x) =>
    x
      .diagEmbed()
      .add(x.diagEmbed(1).slice(1, 0, 4).slice(2, 1).mul(3))
      .sub(diagEmbed(x, -2).slice(1, 2).slice(2, 0, 4)),
  "diag_embed on other axes": (x) => diagEmbed(x, 1, 0, 2).mul(x.diagEmbed(-1, 2, 0)),
  diagflat: (x) => diagflat(x).add(x.diagflat(1).slice(0, 1).slice(1, 1)),
  repeat: (x) =>
    x
      .repeat(2, 3)
      .sum(0)
      .mul(x.repeat(1, 2, 1, 3).select(0, 0).select(0, 1)),
  tile: (x) =>
    tile(x, [2])
      .sum(0)
      .add(x.tile(2, 1, 2).sum([0, 1])),
  repeat_interleave: (x) =>
    joined([x.repeatInterleave(2), x.repeatInterleave(3, 0), x.repeatInterleave(2, -1)]),
  "repeat_interleave by a list": (x) => x.repeatInterleave([2, 0, 1], 0),
  roll: (x) =>
    x
      .roll(1)
      .mul(x.roll(-2, 0))
      .add(x.roll([1, 5], [0, 1]).mul(roll(x, 3, -1))),
  rot90: (x) => joined([x.rot90(), x.rot90(2, [1, 2]), x.rot90(-1, [0, 2]), rot90(x, 4, [0, 1])]),
  "flipud and fliplr": (x) => x.flipud().mul(2).add(x.fliplr()),
  movedim: (x) =>
    movedim(x, 0, -1)
      .mul(x.movedim([1, 2], [0, 1]))
      .add(x.moveaxis([2, 0], [1, 2])),
  swapaxes: (x) => x.swapaxes(0, 1).mul(x.swapdims(-2, 0)),
  unflatten: (x) =>
    x
      .unflatten(1, [2, 2])
      .sum(2)
      .mul(unflatten(x, -1, [-1, 2]).select(2, 0)),
  expansions: (x, y) => x.broadcastTo([2, 3, 4]).mul(y).add(x.expandAs(y)),
  "view_as and reshape_as": (x, y) => x.viewAs(y).mul(y).add(x.reshapeAs(y)),
  unbind: (x) =>
    joined(x.unbind())
      .mul(2)
      .add(joined(unbind(x, 0)).mul(joined(x.unbind(1)).slice(0, 0, 24))),
  tensor_split: (x) => joined(x.tensorSplit(3, 1)).sub(joined(tensorSplit(x, [1, 3, 9], -1))),
  "hsplit, vsplit and dsplit": (x) =>
    joined(x.hsplit([1, 2]))
      .mul(joined(vsplit(x, 2)))
      .add(joined(x.dsplit(2))),
  "hstack, vstack and dstack": (x, y) => joined([hstack([x, y]), vstack([x, y, x]), dstack([y, x])]),
  "stacks of lists": (x, y) => joined([hstack([x, y]), vstack([x, y]), dstack([y, x])]),
  "at least so many axes": (x) => atleast3d(x.select(0, 0)).mul(atleast2d(x.sum())).add(atleast1d(x.sum())),
};

testModuleCases(
  "tensor_arrangements",
  Object.fromEntries(Object.entries(CASES).map(([name, computation]) => [name, () => computation])),
);
