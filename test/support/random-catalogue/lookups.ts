/** Indexing, sorting, searching, writing into parts and in place, as steps of random models. */

import { arange, cat, F, searchsorted, slice, type Tensor, tensor } from "kiln-js";
import { beside, type FunctionTable, OFF, wholeOf } from "./entry.ts";

/** As many positions along an axis as it has, some of them twice. */
const list = (x: Tensor, axis: number, a: number): Tensor =>
  arange(x.shape[axis], { dtype: "int32" })
    .mul(1 + (a % 3))
    .add(a)
    .remainder(x.shape[axis]);

/** The same, for each element of `x`. */
const places = (x: Tensor, axis: number, a: number): Tensor =>
  list(x, axis, a)
    .reshape(x.shape.map((extent, k) => (k === axis ? extent : 1)))
    .expand(x.shape);

/** Each position along an axis once, in another order. */
const shifted = (x: Tensor, axis: number, a: number): Tensor =>
  arange(x.shape[axis], { dtype: "int32" }).add(a).remainder(x.shape[axis]);

const all = (axis: number): ReturnType<typeof slice>[] => Array.from({ length: axis }, () => slice());

export const LOOKUPS: FunctionTable = {
  index: (x, { axis, a }) =>
    a % 3 === 0
      ? x.index(...all(axis), list(x, axis, a))
      : a % 3 === 1
        ? x.index("...", slice(a % 2, undefined, 1), null)
        : x.index(slice(), list(x, 1, a), "..."),
  gather: (x, { axis, a }) => x.gather(axis, places(x, axis, a)),
  indexSelect: (x, { axis, a }) => x.indexSelect(axis, list(x, axis, a)),
  take: (x, { a }) =>
    x.take(arange(x.numel(), { dtype: "int32" }).mul(3).add(a).remainder(x.numel()).reshape(x.shape)),
  takeAlongDim: (x, { y, axis }) => x.takeAlongDim(y.argsort(axis), axis),
  scatter: (x, { y, axis }) => x.scatter(axis, x.argsort(axis), y.tanh()),
  scatterAdd: (x, { y, axis, a }) => x.scatterAdd(axis, places(x, axis, a), y.tanh()),
  indexAdd: (x, { y, axis, a }) => x.indexAdd(axis, list(x, axis, a), y.tanh(), { alpha: 0.5 }),
  indexCopy: (x, { y, axis, a }) => x.indexCopy(axis, shifted(x, axis, a), y.tanh()),
  indexFill: (x, { y, axis, a }) =>
    x.indexFill(axis, list(x, axis, a).narrow(0, 0, 1), a % 2 === 0 ? 0.3 : y.mean()),
  indexPut: (x, { y, a }) => x.indexPut([list(x, 0, a)], y.tanh(), true),
  sort: (x, { axis, a }) => x.sort(axis, a % 2 === 0).values,
  argsort: (x, { y, axis }) => beside(y, x.argsort(axis)),
  topk: (x, { axis, a }) => x.topk(1 + (a % x.shape[axis]), axis, a % 2 === 0).values,
  median: (x, { axis, a }) => (a % 2 === 0 ? x.median(axis, true).values : x.sub(x.median())),
  nanmedian: (x, { y, axis }) =>
    cat([x.maskedFill(y.gt(OFF), Number.NaN), y.narrow(axis, 0, 1)], axis).nanmedian(axis, true).values,
  quantile: (x, { axis, a }) => x.quantile((a % 9) / 8, axis, true),
  nanquantile: (x, { y, axis, a }) =>
    cat([x.maskedFill(y.gt(OFF), Number.NaN), y.narrow(axis, 0, 1)], axis).nanquantile(
      (a % 5) / 4,
      axis,
      true,
    ),
  msort: (x) => x.msort(),
  scatterReduce: (x, { y, axis, a, b }) =>
    x.scatterReduce(
      axis,
      places(x, axis, a),
      y.tanh(),
      (["sum", "prod", "mean", "amax", "amin"] as const)[b % 5],
      {
        includeSelf: b % 2 === 0,
      },
    ),
  indexReduce: (x, { y, axis, a, b }) =>
    x.indexReduce(axis, list(x, axis, a), y.tanh(), (["prod", "mean", "amax", "amin"] as const)[b % 4]),
  kthvalue: (x, { axis, a }) => x.kthvalue(1 + (a % x.shape[axis]), axis, true).values,
  searchsorted: (x, { y }) => beside(x, searchsorted(y.sort(-1).values, x.add(OFF))),
  oneHot: (x, { a }) => {
    const classes = 2 + (a % 3);
    return F.oneHot(wholeOf(x).remainder(classes), classes).float().mul(x.unsqueeze(-1));
  },
};

/** Changes to a tensor that forward has created, directly or through a view of it. */
export const IN_PLACE: FunctionTable = {
  add_: (x, { y, a }) => x.mul(0.5).add_(y, { alpha: (a % 3) / 2 }),
  sub_: (x, { y }) => x.mul(0.5).sub_(y.tanh()),
  mul_: (x, { y }) => x.tanh().mul_(y.sigmoid()),
  div_: (x, { y }) => x.tanh().div_(y.square().add(0.5)),
  neg_: (x) => x.tanh().neg_(),
  exp_: (x) => x.tanh().exp_(),
  sqrt_: (x) => x.square().add(0.5).sqrt_(),
  sin_: (x) => x.mul(2).sin_(),
  cos_: (x) => x.mul(2).cos_(),
  tanh_: (x) => x.mul(2).tanh_(),
  sigmoid_: (x) => x.mul(2).sigmoid_(),
  abs_: (x) => x.mul(2).abs_(),
  relu_: (x) => x.mul(2).relu_(),
  floor_: (x) => beside(x, x.add(OFF).floor_()),
  ceil_: (x) => beside(x, x.add(OFF).ceil_()),
  round_: (x) => beside(x, x.add(OFF).round_()),
  trunc_: (x) => beside(x, x.add(OFF).trunc_()),
  fmod_: (x) => x.mul(2).fmod_(1.3),
  remainder_: (x) => x.add(OFF).remainder_(1.3),
  clamp_: (x) => x.mul(2).clamp_(-0.6, 0.8),
  lerp_: (x, { y }) => x.mul(2).lerp_(y, 0.4),
  addcmul_: (x, { y }) => x.mul(2).addcmul_(y, x.tanh(), { value: 0.2 }),
  addcdiv_: (x, { y }) => x.mul(2).addcdiv_(y, x.square().add(1), { value: 0.2 }),
  copy_: (x, { y, axis }) => inPart(x, axis, (part) => part.copy_(y.select(axis, 0).tanh())),
  fill_: (x, { axis, a }) => inPart(x, axis, (part) => part.fill_((a % 5) / 5)),
  zero_: (x, { axis }) => inPart(x, axis, (part) => part.zero_()),
  indexPut_: (x, { y, a }) => x.mul(0.5).indexPut_([slice(), list(x, 1, a)], y.tanh(), true),
  maskedFill_: (x, { y }) => x.mul(2).maskedFill_(y.gt(OFF), 0.2),
  tril_: (x) => x.mul(2).tril_(),
  triu_: (x) => x.mul(2).triu_(),
  scatter_: (x, { y, axis }) => x.mul(2).scatter_(axis, x.argsort(axis), y),
  scatterAdd_: (x, { y, axis, a }) => x.mul(0.5).scatterAdd_(axis, places(x, axis, a), y),
  indexAdd_: (x, { y, axis, a }) => x.mul(0.5).indexAdd_(axis, list(x, axis, a), y),
  indexCopy_: (x, { y, axis, a }) => x.mul(0.5).indexCopy_(axis, shifted(x, axis, a), y),
  indexFill_: (x, { axis }) => x.mul(0.5).indexFill_(axis, tensor([0], { dtype: "int32" }), 0.4),
};

/** `x` with one part changed through a view. */
function inPart(x: Tensor, axis: number, change: (part: Tensor) => void): Tensor {
  const own = x.mul(0.5);
  change(own.select(axis, x.shape[axis] - 1));
  return own;
}
