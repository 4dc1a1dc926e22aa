/** Reading and writing at positions that other tensors name, as methods with PyTorch's names and defaults. */

import type { AlphaOptions, Keepdim } from "./arguments.ts";
import { ArrangementMethods } from "./arrangement-methods.ts";
import * as dependent from "./data-dependent.ts";
import { type IndexItem, index } from "./indexing.ts";
import * as lookup from "./lookup.ts";
import * as statistical from "./order-statistics.ts";
import * as sampling from "./sampling.ts";
import * as writing from "./scatter.ts";
import { indexReduce, type ReduceOptions, type ScatterReduction, scatterReduce } from "./scatter-reduce.ts";
import { bucketize, type SearchOptions } from "./search.ts";
import * as sorting from "./sorting.ts";
import type { Tensor } from "./tensor.ts";

export abstract class IndexingMethods extends ArrangementMethods {
  /**
   * PyTorch's indexing: `x.index(0, slice(1, 3), "...", null, rows)` is `x[0, 1:3, ..., None, rows]`. A view of the
   * same memory, unless tensors are among the items.
   */
  index(this: Tensor, ...items: readonly IndexItem[]): Tensor {
    return index(this, items);
  }
  /** The elements at the positions along `dim` that the int32 `index` gives. */
  gather(this: Tensor, dim: number, index: Tensor): Tensor {
    return lookup.gather(this, dim, index);
  }
  /** Throws: the shape of its result would depend on data. */
  maskedSelect(this: Tensor, mask: Tensor): never {
    return dependent.maskedSelect(this, mask);
  }
  /** Throws: the shape of its result would depend on data. */
  nonzero(this: Tensor): never {
    return dependent.nonzero(this);
  }
  /** Throws: the shape of its result would depend on data. */
  unique(this: Tensor): never {
    return dependent.unique(this);
  }
  /** The slices along `dim` at a list of int32 indices. */
  indexSelect(this: Tensor, dim: number, index: Tensor): Tensor {
    return lookup.indexSelect(this, dim, index);
  }
  /** The elements at row-major positions. */
  take(this: Tensor, index: Tensor): Tensor {
    return lookup.take(this, index);
  }
  /** The elements at positions along `dim`, such as those of argsort. */
  takeAlongDim(this: Tensor, indices: Tensor, dim?: number): Tensor {
    return lookup.takeAlongDim(this, indices, dim);
  }
  /** A copy with `src`, or a number, written at the positions along `dim` that `index` gives. */
  scatter(this: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
    return writing.scatter(this, dim, index, src);
  }
  /** A copy with `src` added at the positions along `dim` that `index` gives. */
  scatterAdd(this: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
    return writing.scatterAdd(this, dim, index, src);
  }
  /** A copy with the slices of `source` added to those along `dim` at a list of indices. */
  indexAdd(this: Tensor, dim: number, index: Tensor, source: Tensor, options?: AlphaOptions): Tensor {
    return writing.indexAdd(this, dim, index, source, options);
  }
  /** A copy with the slices of `source` written over those along `dim` at a list of indices. */
  indexCopy(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return writing.indexCopy(this, dim, index, source);
  }
  /** A copy with `value` written to the slices along `dim` at a list of indices. */
  indexFill(this: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
    return writing.indexFill(this, dim, index, value);
  }
  /** A copy with `src` combined with the elements at positions along `dim`. */
  scatterReduce(
    this: Tensor,
    dim: number,
    index: Tensor,
    src: Tensor,
    reduce: ScatterReduction,
    options?: ReduceOptions,
  ): Tensor {
    return scatterReduce(this, dim, index, src, reduce, options);
  }
  /** A copy with the slices of `source` combined with those along `dim` at a list of indices. */
  indexReduce(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    reduce: Exclude<ScatterReduction, "sum">,
    options?: ReduceOptions,
  ): Tensor {
    return indexReduce(this, dim, index, source, reduce, options);
  }
  /** The elements sorted along an axis, the last one by default, and their positions. */
  sort(this: Tensor, dim?: number | sorting.SortOptions, descending?: boolean): sorting.Sorted {
    return sorting.sort(this, dim, descending);
  }
  /** The positions of the sorted elements along an axis; int32. */
  argsort(this: Tensor, dim?: number | sorting.SortOptions, descending?: boolean): Tensor {
    return sorting.argsort(this, dim, descending);
  }
  /** The `k` largest elements along an axis, or the smallest, and their positions. */
  topk(this: Tensor, k: number, dim?: number | sorting.TopkOptions, largest?: boolean): sorting.Sorted {
    return sorting.topk(this, k, dim, largest);
  }
  /** The `k`-th smallest element along an axis, and its position. */
  kthvalue(this: Tensor, k: number, dim?: number, keepdim?: Keepdim): sorting.Sorted {
    return sorting.kthvalue(this, k, dim, keepdim);
  }
  /** The elements sorted along the first axis. */
  msort(this: Tensor): Tensor {
    return sorting.msort(this);
  }
  /** The median of all elements, the lower of two middle ones; along an axis with its position. */
  median(this: Tensor): Tensor;
  median(this: Tensor, dim: number, keepdim?: Keepdim): sorting.Sorted;
  median(this: Tensor, dim?: number, keepdim?: Keepdim): Tensor | sorting.Sorted {
    return dim === undefined ? statistical.median(this) : statistical.median(this, dim, keepdim);
  }
  /** Like {@link median}, without NaN. */
  nanmedian(this: Tensor): Tensor;
  nanmedian(this: Tensor, dim: number, keepdim?: Keepdim): sorting.Sorted;
  nanmedian(this: Tensor, dim?: number, keepdim?: Keepdim): Tensor | sorting.Sorted {
    return dim === undefined ? statistical.nanmedian(this) : statistical.nanmedian(this, dim, keepdim);
  }
  /** The quantile `q`, interpolated between two elements; several ones along a new first axis. */
  quantile(
    this: Tensor,
    q: number | Tensor,
    dim?: number | null | statistical.QuantileOptions,
    keepdim?: boolean,
    options?: statistical.InterpolationOptions,
  ): Tensor {
    return statistical.quantile(this, q, dim, keepdim, options);
  }
  /** Like {@link quantile}, without NaN. */
  nanquantile(
    this: Tensor,
    q: number | Tensor,
    dim?: number | null | statistical.QuantileOptions,
    keepdim?: boolean,
    options?: statistical.InterpolationOptions,
  ): Tensor {
    return statistical.nanquantile(this, q, dim, keepdim, options);
  }
  /** 1 with the probability that each element gives, or `p` for all, else 0. */
  bernoulli(this: Tensor, p?: number): Tensor {
    return sampling.bernoulli(this, p);
  }
  /** Positions drawn by weights along the last axis, each at most once without `replacement`. */
  multinomial(this: Tensor, numSamples: number, replacement?: boolean): Tensor {
    return sampling.multinomial(this, numSamples, replacement);
  }
  /** The bucket between sorted boundaries that each element belongs to. */
  bucketize(this: Tensor, boundaries: Tensor, options?: SearchOptions): Tensor {
    return bucketize(this, boundaries, options);
  }
}
