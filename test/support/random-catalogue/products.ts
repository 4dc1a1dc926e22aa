/** Sums, statistics and products, as steps of random models. */

import * as kiln from "kiln-js";
import { cat, einsum, stack, type Tensor } from "kiln-js";
import { beside, type FunctionTable, OFF, seen, wholeOf } from "./entry.ts";

/** Along `axis` never constant, so that a deviation can be differentiated. */
const spread = (x: Tensor, axis: number): Tensor => cat([x, x.tanh().add(1.3)], axis);

/** Numbers whose products stay near 1. */
const nearOne = (x: Tensor): Tensor => x.tanh().mul(0.2).add(1);

/** Rows of features [N,F], and several matrices [N,R,C]. */
const rows = (x: Tensor): Tensor => x.flatten(1);
const matrices = (x: Tensor): Tensor => (x.ndim === 2 ? x.unsqueeze(1) : x.flatten(2));

/** The first row: one vector. */
const vector = (x: Tensor): Tensor => rows(x).select(0, 0);

export const REDUCTIONS: FunctionTable = {
  sum: (x, { axis, a }) => x.mul(0.3).sum(a % 2 === 0 ? axis : [axis, -1], true),
  mean: (x, { axis }) => x.mean(axis, true),
  prod: (x, { axis }) => nearOne(x).prod(axis, true),
  var: (x, { axis, a }) => spread(x, axis).var(axis, { correction: a % 2, keepdim: true }),
  std: (x, { axis, a }) => spread(x, axis).std(axis, { correction: a % 2, keepdim: true }),
  varMean: (x, { axis }) => kiln.varMean(spread(x, axis), axis, { keepdim: true }).reduce((v, m) => v.add(m)),
  stdMean: (x, { axis }) => kiln.stdMean(spread(x, axis), axis, { keepdim: true }).reduce((s, m) => s.mul(m)),
  norm: (x, { axis, a }) =>
    x
      .square()
      .add(0.3)
      .norm(1 + (a % 3), axis, true),
  amax: (x, { axis }) => x.sub(x.amax(axis, true)),
  amin: (x, { axis }) => x.sub(x.amin(axis, true)),
  max: (x, { axis }) => {
    const { values, indices } = x.max(axis, true);
    return x.mul(values.tanh()).add(indices.float().mul(0.1));
  },
  min: (x, { axis }) => {
    const { values, indices } = x.min(axis, true);
    return x.mul(values.tanh()).sub(indices.float().mul(0.1));
  },
  argmax: (x, { axis }) => beside(x, x.argmax(axis, true)),
  argmin: (x, { axis }) => beside(x, x.argmin(axis, true)),
  aminmax: (x, { axis }) => {
    const { min, max } = x.aminmax({ dim: axis, keepdim: true });
    return x.sub(min).div(max.sub(min).add(1));
  },
  any: (x, { axis }) => beside(x, x.gt(OFF).any(axis, true)),
  all: (x, { axis }) => beside(x, x.lt(OFF).all(axis, true)),
  countNonzero: (x, { axis }) => beside(x, wholeOf(x).countNonzero(axis).unsqueeze(axis)),
  nansum: (x, { y, axis }) => x.mul(0.5).maskedFill(y.gt(OFF), Number.NaN).nansum(axis, true),
  nanmean: (x, { y, axis }) =>
    cat([x.maskedFill(y.gt(OFF), Number.NaN), y.narrow(axis, 0, 1)], axis).nanmean(axis, true),
  logsumexp: (x, { axis }) => x.logsumexp(axis, true),
  softmax: (x, { axis }) => x.softmax(axis),
  logSoftmax: (x, { axis }) => x.logSoftmax(axis),
  cumprod: (x, { axis }) => nearOne(x).cumprod(axis),
  logcumsumexp: (x, { axis }) => x.logcumsumexp(axis),
  cummax: (x, { axis }) => x.sub(x.cummax(axis).values),
  cummin: (x, { axis }) => {
    const { values, indices } = x.cummin(axis);
    return x.sub(values).add(indices.float().mul(0.1));
  },
  diff: (x, { axis }) => cat([x, x.narrow(axis, 0, 1).tanh()], axis).diff(1, axis),
  cumsum: (x, { axis }) => x.mul(0.4).cumsum(axis),
  "int sum": (x, { axis, a }) =>
    beside(x, a % 2 === 0 ? wholeOf(x).sum(axis, true) : x.gt(OFF).sum(axis, true)),
  "int prod": (x, { axis }) => beside(x, wholeOf(x).remainder(3).sub(1).prod(axis, true)),
  "int amax": (x, { axis, a }) =>
    beside(x, a % 2 === 0 ? wholeOf(x).amax(axis, true) : wholeOf(x).amin(axis, true)),
};

const GRID_MODES = ["bilinear", "nearest", "bicubic"] as const;
const GRID_PADDINGS = ["zeros", "border", "reflection"] as const;

export const PRODUCTS: FunctionTable = {
  matmul: (x, { y }) => matrices(x).matmul(matrices(y).transpose(1, 2)).mul(0.3),
  mm: (x, { y }) => rows(x).mm(rows(y).t()).mul(0.3),
  bmm: (x, { y }) => matrices(x).transpose(1, 2).bmm(matrices(y)).mul(0.3),
  dot: (x, { y }) => seen(x, vector(x).tanh().dot(vector(y).tanh()).div(vector(x).numel())),
  inner: (x, { y }) => rows(x).inner(rows(y)).mul(0.3),
  vdot: (x, { y }) => seen(x, vector(x).tanh().vdot(vector(y).tanh()).div(vector(x).numel())),
  cross: (x, { y }) => {
    const [u, v] = [rows(x), rows(y).tanh()].map((own) => cat([own, own, own], 1).narrow(1, 0, 3));
    return u.cross(v, 1);
  },
  addbmm: (x, { y }) =>
    rows(x).addbmm(rows(x).mm(rows(y).t()).tanh().unsqueeze(0), rows(y).unsqueeze(0), { alpha: 0.3 }),
  cdist: (x, { y, a }) => kiln.cdist(matrices(x), matrices(y).square().add(1.7), 1 + (a % 2)).mul(0.3),
  pdist: (x) => {
    const apart = kiln
      .arange(x.shape[0] + 1)
      .mul(3)
      .unsqueeze(1);
    const points = cat([rows(x).tanh(), rows(x).narrow(0, 0, 1).sin()], 0).add(apart);
    return seen(x, kiln.pdist(points).mul(0.1));
  },
  mv: (x, { y }) => rows(x).mv(vector(y).tanh()).unsqueeze(1).mul(0.3),
  outer: (x, { y }) => seen(x, vector(x).outer(rows(y).select(1, 0)).tanh()),
  addmm: (x, { y }) => rows(x).addmm(rows(x).mm(rows(y).t()).tanh(), rows(y), { beta: 0.5, alpha: 0.4 }),
  addmv: (x, { y }) => rows(x).select(1, 0).addmv(rows(x), vector(y).tanh(), { alpha: 0.3 }).unsqueeze(1),
  addr: (x, { y }) => rows(x).addr(rows(y).select(1, 0).tanh(), vector(x).tanh(), { beta: 0.7 }),
  baddbmm: (x, { y }) => {
    const [m, n] = [matrices(x), matrices(y)];
    return m.baddbmm(m.bmm(n.transpose(1, 2)).tanh(), n, { beta: 0.5, alpha: 0.3 });
  },
  trace: (x) => seen(x, rows(x).trace().tanh()),
  kron: (x, { y }) => rows(x).kron(vector(y).tanh().narrow(0, 0, 1).add(1).reshape(1, 1)),
  tensordot: (x, { y }) => kiln.tensordot(rows(x), rows(y), [[1], [1]]).mul(0.3),
  einsum: (x, { y, a }) => {
    const [m, n] = [matrices(x), matrices(y).tanh()];
    switch (a % 4) {
      case 0:
        return einsum("nij,nkj->nik", m, n).mul(0.3);
      case 1:
        return einsum("nij,nij->ni", m, n).mul(0.3);
      case 2:
        return einsum("nij,mij,mkj->nk", m, n, n).mul(0.1);
      default:
        return einsum(
          "...j,j->...j",
          x,
          vector(n)
            .narrow(0, 0, 1)
            .expand(x.shape[x.ndim - 1]),
        );
    }
  },
  affineGrid: (x, { a }) => {
    const images = x.flatten(1).unsqueeze(1).unsqueeze(1);
    const theta = cat([images.narrow(3, 0, 1), images.tanh().narrow(3, -1, 1), images.narrow(3, 0, 1)], 3);
    const grids = kiln.F.affineGrid(
      cat([theta, theta.neg()], 2).squeeze(1),
      [x.shape[0], 1, 2, 3],
      a % 2 === 0,
    );
    return grids.flatten(1);
  },
  gridSample: (x, { y, a, b, c }) => {
    const images = matrices(x).unsqueeze(1);
    // Away from positions between which the result jumps or has a kink.
    const grid = stack([matrices(y).tanh().add(0.037), matrices(y).sin().sub(0.041)], -1);
    const [mode, paddingMode] = [GRID_MODES[a % 3], GRID_PADDINGS[b % 3]];
    return kiln.F.gridSample(images, grid, { mode, paddingMode, alignCorners: c % 2 === 0 });
  },
  scaledDotProductAttention: (x, { y, a }) => {
    const [q, k] = [stack([matrices(x), matrices(y)], 1), matrices(y).unsqueeze(1)];
    switch (a % 3) {
      case 0:
        return kiln.F.scaledDotProductAttention(q, k, k.tanh(), { enableGqa: true, isCausal: a % 2 === 0 });
      case 1:
        return kiln.F.scaledDotProductAttention(q, q, q, { isCausal: true, scale: 0.4 });
      default:
        return kiln.F.scaledDotProductAttention(q, q.tanh(), q, { attnMask: q.mean(-1, true).tanh() });
    }
  },
};
