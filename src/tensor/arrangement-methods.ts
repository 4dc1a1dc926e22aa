/**
 * The rest of what rearranges tensors, as methods with PyTorch's names and defaults: made of the ones in methods.ts and
 * few ops.
 */

import { requireTensor } from "./arguments.ts";
import type { Dims } from "./axes.ts";
import * as diagonals from "./diagonals.ts";
import * as parts from "./parts.ts";
import * as rearrange from "./rearrange.ts";
import { ReductionMethods } from "./reduction-methods.ts";
import * as repetition from "./repetition.ts";
import type { Tensor } from "./tensor.ts";

export abstract class ArrangementMethods extends ReductionMethods {
  /** The lower triangles of matrices, zeros above the diagonal. */
  tril(this: Tensor, diagonal?: number): Tensor {
    return diagonals.tril(this, diagonal);
  }
  /** The upper triangles of matrices, zeros below the diagonal. */
  triu(this: Tensor, diagonal?: number): Tensor {
    return diagonals.triu(this, diagonal);
  }
  /** A list as the diagonal of a matrix, or the diagonal of a matrix as a list. */
  diag(this: Tensor, diagonal?: number): Tensor {
    return diagonals.diag(this, diagonal);
  }
  /** The diagonals of matrices, a view of them. */
  diagonal(this: Tensor, offset?: number, dim1?: number, dim2?: number): Tensor {
    return diagonals.diagonal(this, offset, dim1, dim2);
  }
  /** Matrices with the last axis on their diagonals. */
  diagEmbed(this: Tensor, offset?: number, dim1?: number, dim2?: number): Tensor {
    return diagonals.diagEmbed(this, offset, dim1, dim2);
  }
  /** A matrix with all elements, in row-major order, on a diagonal, and zeros elsewhere. */
  diagflat(this: Tensor, offset?: number): Tensor {
    return diagonals.diagflat(this, offset);
  }
  /** The tensor laid out so many times along each axis. */
  repeat(this: Tensor, ...sizes: readonly (number | readonly number[])[]): Tensor {
    return repetition.repeat(this, sizes.flat() as number[]);
  }
  /** As {@link repeat}, but fewer sizes than axes mean the last axes. */
  tile(this: Tensor, ...sizes: readonly (number | readonly number[])[]): Tensor {
    return repetition.tile(this, sizes.flat() as number[]);
  }
  /** Each element several times in a row. */
  repeatInterleave(this: Tensor, repeats: number | readonly number[], dim?: number): Tensor {
    return repetition.repeatInterleave(this, repeats, dim);
  }
  /** The elements moved on along axes; what leaves at the end comes in at the beginning. */
  roll(this: Tensor, shifts: Dims, dims?: Dims): Tensor {
    return repetition.roll(this, shifts, dims);
  }
  /**
   * Turned by `k` quarter turns in the plane of two axes, from the first towards the second (by default once, axes 0
   * and 1).
   */
  rot90(this: Tensor, k?: number, dims?: readonly number[]): Tensor {
    return repetition.rot90(this, k, dims);
  }
  /** The rows in reverse order: {@link flip} along axis 0. */
  flipud(this: Tensor): Tensor {
    return repetition.flipud(this);
  }
  /** The columns in reverse order: {@link flip} along axis 1. */
  fliplr(this: Tensor): Tensor {
    return repetition.fliplr(this);
  }
  /** Axes at other places; those not named keep their order. */
  movedim(this: Tensor, source: Dims, destination: Dims): Tensor {
    return rearrange.movedim(this, source, destination);
  }
  /** As {@link movedim}. */
  moveaxis(this: Tensor, source: Dims, destination: Dims): Tensor {
    return rearrange.movedim(this, source, destination);
  }
  /** As {@link transpose}. */
  swapaxes(this: Tensor, axis0: number, axis1: number): Tensor {
    return rearrange.transpose(this, axis0, axis1);
  }
  /** As {@link transpose}. */
  swapdims(this: Tensor, dim0: number, dim1: number): Tensor {
    return rearrange.transpose(this, dim0, dim1);
  }
  /** Splits the axis `dim` into axes of the given sizes, one of which may be -1. */
  unflatten(this: Tensor, dim: number, sizes: readonly number[]): Tensor {
    return rearrange.unflatten(this, dim, sizes);
  }
  /** As {@link expand}, to a shape. */
  broadcastTo(this: Tensor, shape: readonly number[]): Tensor {
    return rearrange.expand(this, shape);
  }
  /** As {@link expand}, to the shape of `other`. */
  expandAs(this: Tensor, other: Tensor): Tensor {
    requireTensor("expandAs", other);
    return rearrange.expand(this, other.shape);
  }
  /** As {@link view}, in the shape of `other`. */
  viewAs(this: Tensor, other: Tensor): Tensor {
    requireTensor("viewAs", other);
    return this.reshape(other.shape);
  }
  /** As {@link reshape}, in the shape of `other`. */
  reshapeAs(this: Tensor, other: Tensor): Tensor {
    requireTensor("reshapeAs", other);
    return this.reshape(other.shape);
  }
  /**
   * Windows of `size` elements, one every `step` elements along `dimension`; a new last axis holds the elements of each
   * window. A copy (in PyTorch a view).
   */
  unfold(this: Tensor, dimension: number, size: number, step: number): Tensor {
    return parts.unfold(this, dimension, size, step);
  }
  /** All parts along `dim`, each without that axis. */
  unbind(this: Tensor, dim?: number): Tensor[] {
    return parts.unbind(this, dim);
  }
  /** So many parts along `dim`, or parts cut in front of positions. */
  tensorSplit(this: Tensor, indicesOrSections: number | readonly number[], dim?: number): Tensor[] {
    return parts.tensorSplit(this, indicesOrSections, dim);
  }
  /** Parts along the second axis, or of a list along its only one; as {@link tensorSplit}. */
  hsplit(this: Tensor, indicesOrSections: number | readonly number[]): Tensor[] {
    return parts.hsplit(this, indicesOrSections);
  }
  /** Parts along the first axis; as {@link tensorSplit}. */
  vsplit(this: Tensor, indicesOrSections: number | readonly number[]): Tensor[] {
    return parts.vsplit(this, indicesOrSections);
  }
  /** Parts along the third axis; as {@link tensorSplit}. */
  dsplit(this: Tensor, indicesOrSections: number | readonly number[]): Tensor[] {
    return parts.dsplit(this, indicesOrSections);
  }
}
