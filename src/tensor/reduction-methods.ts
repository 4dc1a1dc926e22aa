/** The operations of tensors that combine elements along axes, as methods with PyTorch's names and defaults. */

import { requireExtents } from "../ops/reduction.ts";
import { type Keepdim, readKeepdim, refuse, requireFloats, requireTensor } from "./arguments.ts";
import type { Dims } from "./axes.ts";
import { alongAxis, axesOf } from "./axes.ts";
import * as cumulative from "./cumulative.ts";
import type { NamedTuple } from "./named-tuple.ts";
import { logsumexp, norm } from "./norms.ts";
import { apply } from "./operation.ts";
import { PointwiseMethods } from "./pointwise-methods.ts";
import * as products from "./products.ts";
import { bmm, dot, matmul, mm } from "./products.ts";
import { where } from "./rearrange.ts";
import * as statistics from "./statistics.ts";
import type { Tensor } from "./tensor.ts";
import * as whole from "./whole-reductions.ts";
import { withOrigin } from "./with-origin.ts";

/** The checked `keepdim` of a method that computes with floats. */
function floatsAnd(callee: string, input: Tensor, keepdim: Keepdim | undefined): boolean {
  requireFloats(callee, input);
  return readKeepdim(callee, keepdim);
}

/** The checked `keepdim` of a method that selects one of the elements over `dim`, which must not be empty. */
function choiceAnd(
  callee: string,
  input: Tensor,
  dim: Dims | undefined,
  keepdim: Keepdim | undefined,
): boolean {
  const isKept = readKeepdim(callee, keepdim);
  const axes = axesOf(input, dim);
  withOrigin(() => requireExtents(callee, input, axes));
  return isKept;
}

/** Throws for booleans, which have no largest element. */
function requireNumbers(callee: string, input: Tensor): void {
  if (input.dtype === "bool") refuse(`${callee} does not take bool tensors: use .int()`);
}

export abstract class ReductionMethods extends PointwiseMethods {
  /** The sum over `dim`, or of all; for bool the number of true elements, int32. */
  sum(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    if (this.dtype === "bool") return this.float().sum(dim, keepdim).int();
    if (this.dtype === "int32") return whole.wholeSum(this, dim, readKeepdim("sum", keepdim));
    return apply("sum", [this], { keepdim: floatsAnd("sum", this, keepdim), axes: axesOf(this, dim) });
  }
  /**
   * The mean over `dim`, or of all; float32.
   *
   * ```ts
   * const perSample = x.mean([1, 2]); // float32[N] of x [N,H,W]
   * ```
   */
  mean(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    return apply("mean", [this], { keepdim: floatsAnd("mean", this, keepdim), axes: axesOf(this, dim) });
  }
  /** The product over `dim`, or of all. */
  prod(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    if (this.dtype !== "float32") return whole.wholeProduct(this.int(), dim, readKeepdim("prod", keepdim));
    return statistics.prod(this, dim, floatsAnd("prod", this, keepdim));
  }
  /** The variance over `dim`, or of all; divided by the count minus `correction`, 1 by default. */
  var(this: Tensor, dim?: Dims, options?: statistics.VarianceOptions): Tensor {
    return statistics.variance(this, dim, statistics.readVariance("var", this, options));
  }
  /** The square root of {@link var}. */
  std(this: Tensor, dim?: Dims, options?: statistics.VarianceOptions): Tensor {
    return statistics.std(this, dim, statistics.readVariance("std", this, options));
  }
  /** The p-norm over `dim`, or of all elements. */
  norm(this: Tensor, p?: number | "fro", dim?: Dims, keepdim?: Keepdim): Tensor {
    return norm(this, p, dim, floatsAnd("norm", this, keepdim));
  }
  /** The largest element over `dim`, or of all; equal ones share the gradient evenly. */
  amax(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    const isKept = choiceAnd("amax", this, dim, keepdim);
    if (this.dtype !== "float32") return whole.wholeMax(this, dim, isKept);
    return apply("max", [this], { keepdim: isKept, axes: axesOf(this, dim) });
  }
  /** The smallest element over `dim`, or of all; equal ones share the gradient evenly. */
  amin(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    const isKept = choiceAnd("amin", this, dim, keepdim);
    if (this.dtype !== "float32") return whole.wholeMin(this, dim, isKept);
    return statistics.amin(this, dim, isKept);
  }
  /** The largest element; along an axis with its position; with another tensor the larger of two elements. */
  max(this: Tensor): Tensor;
  max(this: Tensor, dim: number, keepdim?: Keepdim): statistics.Extremes;
  max(this: Tensor, other: Tensor): Tensor;
  max(this: Tensor, by?: number | Tensor, keepdim?: Keepdim): Tensor | statistics.Extremes {
    if (by === undefined || typeof by === "number") {
      const isKept = choiceAnd("max", this, by, keepdim);
      return by === undefined ? this.amax() : statistics.maxOver(this, by, isKept);
    }
    requireTensor("max", by);
    return this.maximum(by);
  }
  /** The smallest element; along an axis with its position; with another tensor the smaller of two elements. */
  min(this: Tensor): Tensor;
  min(this: Tensor, dim: number, keepdim?: Keepdim): statistics.Extremes;
  min(this: Tensor, other: Tensor): Tensor;
  min(this: Tensor, by?: number | Tensor, keepdim?: Keepdim): Tensor | statistics.Extremes {
    if (by === undefined || typeof by === "number") {
      const isKept = choiceAnd("min", this, by, keepdim);
      return by === undefined ? this.amin() : statistics.minOver(this, by, isKept);
    }
    requireTensor("min", by);
    return this.minimum(by);
  }
  /**
   * The position of the largest element over `dim`, or of all in row-major order, the first of equal ones; int32.
   *
   * ```ts
   * const classes = scores.argmax(1); // int32[N] of scores [N,C]
   * ```
   */
  argmax(this: Tensor, dim?: number, keepdim?: Keepdim): Tensor {
    requireNumbers("argmax", this);
    return statistics.argmax(this, dim, choiceAnd("argmax", this, dim, keepdim));
  }
  /** The position of the smallest element over `dim`, or of all in row-major order, the first of equal ones; int32. */
  argmin(this: Tensor, dim?: number, keepdim?: Keepdim): Tensor {
    requireNumbers("argmin", this);
    return statistics.argmin(this, dim, choiceAnd("argmin", this, dim, keepdim));
  }
  /** The smallest and the largest element along `dim`, or of all; equal ones share the gradient evenly. */
  aminmax(this: Tensor, options?: statistics.AminmaxOptions): NamedTuple<{ min: Tensor; max: Tensor }> {
    return statistics.aminmax(this, options);
  }
  /** Whether any element over `dim`, or of all, is not 0; bool. */
  any(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    return statistics.any(this, dim, readKeepdim("any", keepdim));
  }
  /** Whether all elements over `dim`, or of all, are not 0; bool. */
  all(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    return statistics.all(this, dim, readKeepdim("all", keepdim));
  }
  /** The sum over `dim`, or of all, without NaN. */
  nansum(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    floatsAnd("nansum", this, keepdim);
    return where(this.isnan(), 0, this).sum(dim, keepdim);
  }
  /** The mean over `dim`, or of all, without NaN. */
  nanmean(this: Tensor, dim?: Dims, keepdim?: Keepdim): Tensor {
    floatsAnd("nanmean", this, keepdim);
    return this.nansum(dim, keepdim).div(this.isnan().logicalNot().float().sum(dim, keepdim));
  }
  /** The number of elements over `dim`, or of all, that are not 0; int32. */
  countNonzero(this: Tensor, dim?: Dims): Tensor {
    return this.ne(0).sum(dim);
  }
  /** The norm of the difference. */
  dist(this: Tensor, other: Tensor, p?: number): Tensor {
    return this.sub(other).norm(p);
  }
  /** `log Σ eˣ` over `dim`, computed without overflow. */
  logsumexp(this: Tensor, dim: Dims, keepdim?: Keepdim): Tensor {
    return logsumexp(this, dim, floatsAnd("logsumexp", this, keepdim));
  }
  /** `eˣ / Σ eˣ` along `dim`, which sums up to 1. */
  softmax(this: Tensor, dim: number): Tensor {
    requireFloats("softmax", this);
    return alongAxis(this, dim, (x, axis) => apply("softmax", [x], { axis }));
  }
  /** The logarithm of {@link softmax} along `dim`, accurate even if that is tiny. */
  logSoftmax(this: Tensor, dim: number): Tensor {
    requireFloats("logSoftmax", this);
    return alongAxis(this, dim, (x, axis) => apply("log_softmax", [x], { axis }));
  }
  /** The sum of all elements up to each one along `dim`. */
  cumsum(this: Tensor, dim: number): Tensor {
    return cumulative.cumsum(this, dim);
  }
  /** The product of all elements up to each one along `dim`. */
  cumprod(this: Tensor, dim: number): Tensor {
    return cumulative.cumprod(this, dim);
  }
  /** `log Σ eˣ` of all elements up to each one along `dim`. */
  logcumsumexp(this: Tensor, dim: number): Tensor {
    return cumulative.logcumsumexp(this, dim);
  }
  /** The largest of all elements up to each one along `dim`, and its position. */
  cummax(this: Tensor, dim: number): cumulative.CumulativeExtremes {
    return cumulative.cummax(this, dim);
  }
  /** The smallest of all elements up to each one along `dim`, and its position. */
  cummin(this: Tensor, dim: number): cumulative.CumulativeExtremes {
    return cumulative.cummin(this, dim);
  }
  /** The differences of neighbours along `dim`, taken `n` times. */
  diff(this: Tensor, n?: number, dim?: number, options?: cumulative.DiffOptions): Tensor {
    return cumulative.diff(this, n, dim, options);
  }
  /**
   * The matrix product over the last two axes, with leading axes broadcast; a vector is a row on the left and a column
   * on the right.
   *
   * ```ts
   * randn(8, 3, 4).matmul(randn(4, 5)); // float32[8,3,5]
   * ```
   */
  matmul(this: Tensor, other: Tensor): Tensor {
    return matmul(this, other);
  }
  /** The product of two matrices. */
  mm(this: Tensor, other: Tensor): Tensor {
    return mm(this, other);
  }
  /** The products of two batches of matrices. */
  bmm(this: Tensor, other: Tensor): Tensor {
    return bmm(this, other);
  }
  /** The sum of products of two vectors. */
  dot(this: Tensor, other: Tensor): Tensor {
    return dot(this, other);
  }
  /** This matrix times a vector. */
  mv(this: Tensor, vector: Tensor): Tensor {
    return products.mv(this, vector);
  }
  /** All products of the elements of two vectors. */
  outer(this: Tensor, other: Tensor): Tensor {
    return products.outer(this, other);
  }
  /** `beta·this + alpha·a·b` of matrices; both factors are 1 by default. */
  addmm(this: Tensor, a: Tensor, b: Tensor, options?: products.ScaledSumOptions): Tensor {
    return products.addmm(this, a, b, options);
  }
  /** `beta·this + alpha·a·b` of a matrix a and a vector b; both factors are 1 by default. */
  addmv(this: Tensor, a: Tensor, b: Tensor, options?: products.ScaledSumOptions): Tensor {
    return products.addmv(this, a, b, options);
  }
  /** `beta·this + alpha·a·bᵀ` of vectors; both factors are 1 by default. */
  addr(this: Tensor, a: Tensor, b: Tensor, options?: products.ScaledSumOptions): Tensor {
    return products.addr(this, a, b, options);
  }
  /** `beta·this + alpha·a·b` for each matrix of a batch; both factors are 1 by default. */
  baddbmm(this: Tensor, a: Tensor, b: Tensor, options?: products.ScaledSumOptions): Tensor {
    return products.baddbmm(this, a, b, options);
  }
  /** The sum of the diagonal of a matrix. */
  trace(this: Tensor): Tensor {
    return products.trace(this);
  }
  /** The Kronecker product: each element times all of `other`, laid out side by side. */
  kron(this: Tensor, other: Tensor): Tensor {
    return products.kron(this, other);
  }
  /** `beta·this + alpha·Σ a·b` over a batch of matrices; both factors are 1 by default. */
  addbmm(this: Tensor, a: Tensor, b: Tensor, options?: products.ScaledSumOptions): Tensor {
    return products.addbmm(this, a, b, options);
  }
  /** The sum of products of two vectors, as {@link dot}. */
  vdot(this: Tensor, other: Tensor): Tensor {
    return products.vdot(this, other);
  }
  /** The sums of products over the last axes of both. */
  inner(this: Tensor, other: Tensor): Tensor {
    return products.inner(this, other);
  }
  /** The cross product of vectors of three elements along `dim`. */
  cross(this: Tensor, other: Tensor, dim?: number): Tensor {
    return products.cross(this, other, dim);
  }
}
