/** Functions that rearrange and join, as steps of random models. */

import * as kiln from "kiln-js";
import { cat, F, stack, type Tensor } from "kiln-js";
import { type FunctionTable, seen } from "./entry.ts";

/** Two parts of a tensor's axis; one and the whole where it is too short. */
const halves = (x: Tensor, axis: number): number => Math.max(1, Math.ceil(x.shape[axis] / 2));

/** Another axis than the batch's and `axis`, or that same one. */
const other = (x: Tensor, axis: number): number => (axis === x.ndim - 1 ? 1 : axis + 1);

const backwards = (parts: readonly Tensor[], axis: number): Tensor => cat([...parts].reverse(), axis);

/** A tensor of three axes, which depth wants. */
const deep = (x: Tensor): Tensor => (x.ndim < 3 ? x.unsqueeze(-1) : x);

export const ARRANGEMENTS: FunctionTable = {
  reshape: (x) => x.reshape(x.shape[0], -1),
  view: (x) => x.view(x.shape[0], 1, -1),
  viewAs: (x, { y }) => x.flatten(1).viewAs(y),
  reshapeAs: (x, { y }) => x.transpose(1, -1).reshapeAs(y),
  flatten: (x, { axis }) => x.flatten(axis),
  unflatten: (x, { axis }) =>
    x.unflatten(axis, x.shape[axis] % 2 === 0 ? [2, x.shape[axis] / 2] : [x.shape[axis], 1]),
  unsqueeze: (x, { axis }) => x.unsqueeze(axis),
  squeeze: (x, { axis }) => (x.ndim > 2 ? x.squeeze(axis) : x.unsqueeze(1).squeeze(1)),
  permute: (x) => x.permute(0, ...x.shape.slice(1).map((_, k) => x.ndim - 1 - k)),
  transpose: (x, { axis }) => x.transpose(axis, -1),
  swapaxes: (x, { axis }) => x.swapaxes(axis, 1),
  swapdims: (x, { axis }) => x.swapdims(1, axis),
  movedim: (x, { axis }) => x.movedim(axis, 1),
  moveaxis: (x, { axis }) => x.moveaxis(1, axis),
  t: (x) =>
    x.ndim === 2 ? x.t().matmul(x).mul(0.3).add(x.mean(0)).t().matmul(x.t()).t() : x.transpose(1, 2),
  expand: (x, { axis, a }) => x.unsqueeze(axis).expand(x.shape.toSpliced(axis, 0, 1 + (a % 3))),
  expandAs: (x, { y }) => x.mean(-1, true).expandAs(y),
  broadcastTo: (x, { y, axis }) => y.mean(axis, true).broadcastTo(x.shape).mul(x),
  repeat: (x, { a }) => x.repeat(1, ...x.shape.slice(1).map((_, k) => 1 + ((a >> k) % 2))),
  tile: (x, { a }) => x.tile(1 + (a % 2)),
  repeatInterleave: (x, { axis, a, b }) =>
    x.repeatInterleave(a % 2 === 0 ? 2 : x.shape.slice(axis, axis + 1).flatMap((n) => counts(n, b)), axis),
  roll: (x, { axis, a, b }) => (a % 2 === 0 ? x.roll(b, axis) : x.roll([a, b], [axis, -1])),
  rot90: (x, { axis, a }) => (x.ndim > 2 ? x.rot90(a % 4, [axis, other(x, axis)]) : x.flip(1)),
  flip: (x, { axis }) => x.flip(axis),
  flipud: (x) => x.flipud(),
  fliplr: (x) => x.fliplr(),
  unfold: (x, { axis, a, b }) => x.unfold(axis, 1 + (a % Math.min(3, x.shape[axis])), 1 + (b % 2)),
  narrow: (x, { axis, a }) => x.narrow(axis, a % x.shape[axis], 1),
  slice: (x, { axis, a }) => x.slice(axis, a % 2 === 0 ? 0 : -2, undefined, 1 + (a % 3)),
  select: (x, { axis, a }) => (x.ndim > 2 ? x.select(axis, a % x.shape[axis]) : x.select(1, 0).unsqueeze(1)),
  split: (x, { axis }) => backwards(x.split(halves(x, axis), axis), axis),
  chunk: (x, { axis }) => backwards(x.chunk(2, axis), axis),
  tensorSplit: (x, { axis, a }) => backwards(x.tensorSplit(a % 2 === 0 ? 2 : [1], axis), axis),
  unbind: (x, { axis }) => stack(x.unbind(axis), -1),
  hsplit: (x) => backwards(x.hsplit([1]), 1),
  vsplit: (x) => backwards(x.vsplit([1]), 0),
  dsplit: (x) => backwards(deep(x).dsplit([1]), 2),
  cat: (x, { y, axis }) => cat([x, y.tanh(), x.narrow(axis, 0, 1)], axis),
  stack: (x, { y, axis }) => stack([x, y], axis),
  hstack: (x, { y }) => kiln.hstack([x, y]),
  vstack: (x, { y }) => kiln.vstack([x, y]).narrow(0, 1, x.shape[0]),
  dstack: (x, { y }) => kiln.dstack([x, y]),
  columnStack: (x, { y }) => kiln.columnStack([x, y]),
  rowStack: (x, { y }) => kiln.rowStack([y, x]).narrow(0, 1, x.shape[0]),
  broadcastTensors: (x, { y, axis }) => {
    const [u, v] = kiln.broadcastTensors(x, y.mean(axis, true));
    return u.mul(v);
  },
  atleast1d: (x) => seen(x, kiln.atleast1d(x.mean())),
  atleast2d: (x) => kiln.atleast2d(x).mul(0.5),
  atleast3d: (x) => kiln.atleast3d(x),
  pad: (x, { a, b }) =>
    x.ndim > 2 && b % 2 === 0
      ? F.pad(x, [0, Math.min(1, x.shape[x.ndim - 1] - 1)], "reflect")
      : F.pad(x, [a % 2, (a >> 1) % 2, 1, 0].slice(0, x.ndim > 2 ? 4 : 2), "constant", 0.2),
  tril: (x, { a }) => x.tril((a % 3) - 1),
  triu: (x, { a }) => x.triu((a % 3) - 1),
  diag: (x) => (x.ndim === 2 ? seen(x, x.diag()) : seen(x, x.select(1, 0).flatten(1).diag())),
  diagonal: (x) => (x.ndim > 2 ? x.diagonal(0, 1, -1).unsqueeze(1) : seen(x, x.diagonal())),
  diagEmbed: (x, { a }) => (x.numel() * x.shape[x.ndim - 1] > 300 ? x : x.diagEmbed(a % 2)),
  diagflat: (x) => seen(x, x.flatten().narrow(0, 0, Math.min(5, x.numel())).diagflat(1)),
  meshgrid: (x) => {
    const [u, v] = [x.flatten().narrow(0, 0, 1), x.mean(0).flatten().narrow(0, 0, 1)];
    return kiln.meshgrid([u, v], { indexing: "ij" }).reduce((sum, grid) => seen(sum, grid), x);
  },
};

/** How often each of `n` elements is repeated. */
const counts = (n: number, b: number): number[] => Array.from({ length: n }, (_, k) => 1 + ((b >> k) % 2));
