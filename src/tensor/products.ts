/** Products of vectors, matrices and batches of matrices, with PyTorch's names. */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { broadcastShapes, formatShape, sizeOf } from "../core/shape.ts";
import { requireTensor } from "./arguments.ts";
import { axisOf } from "./axes.ts";
import { apply } from "./operation.ts";
import { roll } from "./repetition.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/**
 * torch.matmul: a matrix product over the last two axes with leading axes broadcast. A vector on the left counts as a
 * row, one on the right as a column, and that axis is gone again in the result.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireTensor("matmul", a);
  requireTensor("matmul", b);
  if (a.ndim === 0 || b.ndim === 0)
    return refuse("matmul", a, b, "both need at least one dimension; mul multiplies by a single number");
  const left = a.ndim === 1 ? a.unsqueeze(0) : a;
  const right = b.ndim === 1 ? b.unsqueeze(1) : b;
  const product = apply("matmul", [left, right], { transposeA: false, transposeB: false });
  const batch = product.shape.slice(0, -2);
  const [rows, columns] = product.shape.slice(-2);
  if (a.ndim > 1 && b.ndim > 1) return product;
  return product.reshape([...batch, ...(a.ndim === 1 ? [] : [rows]), ...(b.ndim === 1 ? [] : [columns])]);
}

/** The product of two matrices (torch.mm). */
export function mm(a: Tensor, b: Tensor): Tensor {
  requireTensor("mm", a);
  requireTensor("mm", b);
  return a.ndim === 2 && b.ndim === 2 ? matmul(a, b) : refuse("mm", a, b, "both must be matrices");
}

/** The products of two batches of matrices, one by one (torch.bmm). */
export function bmm(a: Tensor, b: Tensor): Tensor {
  requireTensor("bmm", a);
  requireTensor("bmm", b);
  return a.ndim === 3 && b.ndim === 3 && a.shape[0] === b.shape[0]
    ? matmul(a, b)
    : refuse("bmm", a, b, "both must be batches [B,n,m] and [B,m,p] of one size");
}

/** The sum of products of two vectors (torch.dot). */
export function dot(a: Tensor, b: Tensor): Tensor {
  requireTensor("dot", a);
  requireTensor("dot", b);
  return a.ndim === 1 && b.ndim === 1 && a.shape[0] === b.shape[0]
    ? matmul(a, b)
    : refuse("dot", a, b, "both must be vectors of one length");
}

/** A matrix times a vector (torch.mv). */
export function mv(a: Tensor, b: Tensor): Tensor {
  requireTensor("mv", a);
  requireTensor("mv", b);
  return a.ndim === 2 && b.ndim === 1
    ? matmul(a, b)
    : refuse("mv", a, b, "a matrix and a vector are multiplied");
}

/** All products of the elements of two vectors (torch.outer). */
export function outer(a: Tensor, b: Tensor): Tensor {
  requireTensor("outer", a);
  requireTensor("outer", b);
  return a.ndim === 1 && b.ndim === 1
    ? a.unsqueeze(1).mul(b.unsqueeze(0))
    : refuse("outer", a, b, "both must be vectors");
}

/** What the summand and the product of `addmm` and its like are multiplied by. */
export interface ScaledSumOptions {
  /** The factor of the first operand (default: 1). */
  readonly beta?: number;
  /** The factor of the product (default: 1). */
  readonly alpha?: number;
}

const SCALED_SUM = { beta: true, alpha: true } satisfies OptionNames<ScaledSumOptions>;

/** `beta·input + alpha·product`; with a `beta` of 0 nothing of the input arrives, whatever it is. */
function scaledSum(callee: string, input: Tensor, product: Tensor, options: ScaledSumOptions = {}): Tensor {
  requireTensor(callee, input);
  withOrigin(() => checkOptionNames(callee, options, SCALED_SUM));
  const { beta = 1, alpha = 1 } = options;
  const scaled = alpha === 1 ? product : product.mul(alpha);
  if (beta === 0) return scaled;
  return (beta === 1 ? input : input.mul(beta)).add(scaled);
}

/** `beta·input + alpha·(a·b)` of matrices (torch.addmm). */
export const addmm = (input: Tensor, a: Tensor, b: Tensor, options?: ScaledSumOptions): Tensor =>
  scaledSum("addmm", input, mm(a, b), options);

/** `beta·input + alpha·(a·b)` of a matrix and a vector (torch.addmv). */
export const addmv = (input: Tensor, a: Tensor, b: Tensor, options?: ScaledSumOptions): Tensor =>
  scaledSum("addmv", input, mv(a, b), options);

/** `beta·input + alpha·(a ⊗ b)` of vectors (torch.addr). */
export const addr = (input: Tensor, a: Tensor, b: Tensor, options?: ScaledSumOptions): Tensor =>
  scaledSum("addr", input, outer(a, b), options);

/** `beta·input + alpha·(a·b)` of batches of matrices (torch.baddbmm). */
export const baddbmm = (input: Tensor, a: Tensor, b: Tensor, options?: ScaledSumOptions): Tensor =>
  scaledSum("baddbmm", input, bmm(a, b), options);

/** `beta·input + alpha·Σ(a·b)`, all products of batches of matrices added up (torch.addbmm): one product of longer rows. */
export function addbmm(input: Tensor, a: Tensor, b: Tensor, options?: ScaledSumOptions): Tensor {
  requireTensor("addbmm", a);
  requireTensor("addbmm", b);
  if (a.ndim !== 3 || b.ndim !== 3 || a.shape[0] !== b.shape[0] || a.shape[2] !== b.shape[1])
    return refuse("addbmm", a, b, "both must be batches [B,n,m] and [B,m,p] of one size");
  const [batch, rows, inner] = a.shape;
  const joined = a.permute(1, 0, 2).reshape(rows, batch * inner);
  return scaledSum("addbmm", input, matmul(joined, b.reshape(batch * inner, b.shape[2])), options);
}

/** The sum of products of two vectors (torch.vdot, of real numbers). */
export const vdot = (a: Tensor, b: Tensor): Tensor => dot(a, b);

/** The sums of products over the last axes of both, each row with each (torch.inner); a single number multiplies. */
export function inner(a: Tensor, b: Tensor): Tensor {
  requireTensor("inner", a);
  requireTensor("inner", b);
  return a.ndim === 0 || b.ndim === 0 ? a.mul(b) : tensordot(a, b, [[-1], [-1]]);
}

/** The vectors at right angles to those along `dim`, of three elements each; the first such axis by default (torch.cross). */
export function cross(a: Tensor, b: Tensor, dim?: number): Tensor {
  requireTensor("cross", a);
  requireTensor("cross", b);
  const shape = broadcastShapes(a.shape, b.shape);
  const axis = dim === undefined ? (shape ?? []).indexOf(3) : axisOf(a, dim);
  if (shape === undefined || a.ndim !== b.ndim || a.shape[axis] !== 3 || b.shape[axis] !== 3)
    return refuse(
      "cross",
      a,
      b,
      "both must have the same number of axes and three elements along one of them",
    );
  const [x, y] = [a, b].map((v) => (turn: number) => roll(v, -turn, axis));
  return x(1)
    .mul(y(2))
    .sub(x(2).mul(y(1)));
}

/** The sum of the diagonal of a matrix (torch.trace). */
export function trace(input: Tensor): Tensor {
  requireTensor("trace", input);
  return input.ndim === 2 ? input.diagonal().sum() : refuse("trace", input, input, "it is of one matrix");
}

/**
 * Sums of products over several axes at once (torch.tensordot): over the last `dims` axes of `a` and the first of `b`, or
 * over the pairs of axes that two lists name.
 */
export function tensordot(
  a: Tensor,
  b: Tensor,
  dims: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  requireTensor("tensordot", a);
  requireTensor("tensordot", b);
  const count = (n: number): number[] => Array.from({ length: n }, (_, k) => k);
  const lists = typeof dims === "number" ? [count(dims).map((k) => a.ndim - dims + k), count(dims)] : dims;
  const [own, other] = [lists[0].map((dim) => axisOf(a, dim)), lists[1].map((dim) => axisOf(b, dim))];
  if (own.length !== other.length || own.some((axis, k) => a.shape[axis] !== b.shape[other[k]]))
    return refuse("tensordot", a, b, "the axes that are summed over must have equal extents");
  const rows = count(a.ndim).filter((axis) => !own.includes(axis));
  const columns = count(b.ndim).filter((axis) => !other.includes(axis));
  const size = (x: Tensor, axes: readonly number[]): number => sizeOf(axes.map((axis) => x.shape[axis]));
  const left = a.permute([...rows, ...own]).reshape([size(a, rows), size(a, own)]);
  const right = b.permute([...other, ...columns]).reshape([size(b, other), size(b, columns)]);
  const shape = [...rows.map((axis) => a.shape[axis]), ...columns.map((axis) => b.shape[axis])];
  return matmul(left, right).reshape(shape);
}

/** Each element of `a` times all of `b`, block by block (torch.kron). */
export function kron(a: Tensor, b: Tensor): Tensor {
  requireTensor("kron", a);
  requireTensor("kron", b);
  const rank = Math.max(a.ndim, b.ndim);
  const padded = (x: Tensor): number[] => [...Array(rank - x.ndim).fill(1), ...x.shape];
  const [own, other] = [padded(a), padded(b)];
  const blocks = a.reshape(own.flatMap((extent) => [extent, 1]));
  const inner = b.reshape(other.flatMap((extent) => [1, extent]));
  return blocks.mul(inner).reshape(own.map((extent, axis) => extent * other[axis]));
}

function refuse(name: string, a: Tensor, b: Tensor, rule: string): never {
  return withOrigin(() => {
    throw new KilnError(
      `${name} cannot multiply ${formatShape(a.shape)} by ${formatShape(b.shape)}: ${rule}`,
    );
  });
}
