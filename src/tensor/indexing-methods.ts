/** What reads and writes tensors at positions that other tensors name, as methods with PyTorch's names and defaults. */

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
   * What brackets give in PyTorch: `x.index(0, slice(1, 3), "...", null, rows)` is `x[0, 1:3, ..., None, rows]`. A view of
   * the same memory, unless tensors are among the items.
   */
  index(this: Tensor, ...items: readonly IndexItem[]): Tensor {
    return index(this, items);
  }
  /** The elements at the positions along `dim` that the int32 `index` gives. */
  gather(this: Tensor, dim: number, index: Tensor): Tensor {
    return lookup.gather(this, dim, index);
  }
  /** An error: its shape would depend on data. */
  maskedSelect(this: Tensor, mask: Tensor): never {
    return dependent.maskedSelect(this, mask);
  }
  /** An error: its shape would depend on data. */
  nonzero(this: Tensor): never {
    return dependent.nonzero(this);
  }
  /** An error: its shape would depend on data. */
  unique(this: Tensor): never {
    return dependent.unique(this);
  }
  /** The parts along `dim` that a list of int32 names. */
  indexSelect(this: Tensor, dim: number, index: Tensor): Tensor {
    return lookup.indexSelect(this, dim, index);
  }
  /** The elements at row-major positions. */
  take(this: Tensor, index: Tensor): Tensor {
    return lookup.take(this, index);
  }
  /** The elements at positions along `dim`, such as argsort gives. */
  takeAlongDim(this: Tensor, indices: Tensor, dim?: number): Tensor {
    return lookup.takeAlongDim(this, indices, dim);
  }
  /** With `src`, or a number, at the positions along `dim` that `index` gives. */
  scatter(this: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
    return writing.scatter(this, dim, index, src);
  }
  /** With `src` added at the positions along `dim` that `index` gives. */
  scatterAdd(this: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
    return writing.scatterAdd(this, dim, index, src);
  }
  /** With the parts of `source` added to those along `dim` that a list names. */
  indexAdd(this: Tensor, dim: number, index: Tensor, source: Tensor, options?: AlphaOptions): Tensor {
    return writing.indexAdd(this, dim, index, source, options);
  }
  /** With the parts of `source` in place of those along `dim` that a list names. */
  indexCopy(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return writing.indexCopy(this, dim, index, source);
  }
  /** With `value` in the parts along `dim` that a list names. */
  indexFill(this: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
    return writing.indexFill(this, dim, index, value);
  }
  /** With what `src` has for the positions along `dim` combined with what is there. */
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
  /** With the parts of `source` combined with those along `dim` that a list names. */
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
  /** The elements in order along an axis, the last one by default, and where they stood. */
  sort(this: Tensor, dim?: number | sorting.SortOptions, descending?: boolean): sorting.Sorted {
    return sorting.sort(this, dim, descending);
  }
  /** Where the elements in order along an axis stand; int32. */
  argsort(this: Tensor, dim?: number | sorting.SortOptions, descending?: boolean): Tensor {
    return sorting.argsort(this, dim, descending);
  }
  /** The `k` largest elements along an axis, or the smallest, and where they stood. */
  topk(this: Tensor, k: number, dim?: number | sorting.TopkOptions, largest?: boolean): sorting.Sorted {
    return sorting.topk(this, k, dim, largest);
  }
  /** The `k`-th smallest element along an axis, and where it stood. */
  kthvalue(this: Tensor, k: number, dim?: number, keepdim?: Keepdim): sorting.Sorted {
    return sorting.kthvalue(this, k, dim, keepdim);
  }
  /** The elements in order along the first axis. */
  msort(this: Tensor): Tensor {
    return sorting.msort(this);
  }
  /** The middle element of all, of an even number the lower of the two; along an axis also where it stands. */
  median(this: Tensor): Tensor;
  median(this: Tensor, dim: number, keepdim?: Keepdim): sorting.Sorted;
  median(this: Tensor, dim?: number, keepdim?: Keepdim): Tensor | sorting.Sorted {
    return dim === undefined ? statistical.median(this) : statistical.median(this, dim, keepdim);
  }
  /** As {@link median}, of what is a number. */
  nanmedian(this: Tensor): Tensor;
  nanmedian(this: Tensor, dim: number, keepdim?: Keepdim): sorting.Sorted;
  nanmedian(this: Tensor, dim?: number, keepdim?: Keepdim): Tensor | sorting.Sorted {
    return dim === undefined ? statistical.nanmedian(this) : statistical.nanmedian(this, dim, keepdim);
  }
  /** The element below which the part `q` of the others lies; of a list of parts along a new first axis. */
  quantile(
    this: Tensor,
    q: number | Tensor,
    dim?: number | null | statistical.QuantileOptions,
    keepdim?: boolean,
    options?: statistical.InterpolationOptions,
  ): Tensor {
    return statistical.quantile(this, q, dim, keepdim, options);
  }
  /** As {@link quantile}, of what is a number. */
  nanquantile(
    this: Tensor,
    q: number | Tensor,
    dim?: number | null | statistical.QuantileOptions,
    keepdim?: boolean,
    options?: statistical.InterpolationOptions,
  ): Tensor {
    return statistical.nanquantile(this, q, dim, keepdim, options);
  }
  /** 1 with the probability that the element is, else 0, or with probability `p` for all. */
  bernoulli(this: Tensor, p?: number): Tensor {
    return sampling.bernoulli(this, p);
  }
  /** Positions drawn by weights along the last axis; without `replacement` none twice. */
  multinomial(this: Tensor, numSamples: number, replacement?: boolean): Tensor {
    return sampling.multinomial(this, numSamples, replacement);
  }
  /** Which bucket between sorted boundaries each element lies in. */
  bucketize(this: Tensor, boundaries: Tensor, options?: SearchOptions): Tensor {
    return bucketize(this, boundaries, options);
  }
}
