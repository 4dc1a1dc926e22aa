/** What reads and writes tensors at positions that other tensors name, as methods with PyTorch's names and defaults. */

import type { AlphaOptions } from "./arguments.ts";
import { ArrangementMethods } from "./arrangement-methods.ts";
import * as dependent from "./data-dependent.ts";
import { type IndexItem, index } from "./indexing.ts";
import * as lookup from "./lookup.ts";
import * as writing from "./scatter.ts";
import { bucketize, type SearchOptions } from "./search.ts";
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
  /** Which bucket between sorted boundaries each element lies in. */
  bucketize(this: Tensor, boundaries: Tensor, options?: SearchOptions): Tensor {
    return bucketize(this, boundaries, options);
  }
}
