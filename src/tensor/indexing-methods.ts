/** What reads and writes tensors at positions that other tensors name, as methods with PyTorch's names and defaults. */

import type { AlphaOptions, Keepdim } from "./arguments.ts";
import { ArrangementMethods } from "./arrangement-methods.ts";
import * as dependent from "./data-dependent.ts";
import { type IndexItem, index } from "./indexing.ts";
import * as lookup from "./lookup.ts";
import * as writing from "./scatter.ts";
import { bucketize, type SearchOptions } from "./search.ts";
import * as sorting from "./sorting.ts";
import * as statistics from "./statistics.ts";
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
    return statistics.gather(this, dim, index);
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
  /** The elements in order along an axis, the last one unless told, and where they stood. */
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
  /** Which bucket between sorted boundaries each element lies in. */
  bucketize(this: Tensor, boundaries: Tensor, options?: SearchOptions): Tensor {
    return bucketize(this, boundaries, options);
  }
}
