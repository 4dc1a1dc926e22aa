/**
 * The operations of tensors as methods, with PyTorch's names and defaults: rearranging ones here, computing ones in the
 * base classes. Tensor extends this class; it is separate so that the state of a tensor and its operations can be read
 * separately.
 */

import { KilnError } from "../core/errors.ts";
import { inferReshape, normalizeAxis, reducedShape, sizeOf } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { refuse } from "./arguments.ts";
import { axisOf } from "./axes.ts";
import { IndexingMethods } from "./indexing-methods.ts";
import { apply } from "./operation.ts";
import * as rearrange from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { view } from "./view.ts";
import { withOrigin } from "./with-origin.ts";

export abstract class TensorMethods extends IndexingMethods {
  /** A copy in memory of its own, through which gradients flow. */
  clone(this: Tensor): Tensor {
    return apply("clone", [this]);
  }
  /**
   * The same elements, in row-major order, in another shape; one extent may be -1, and follows from the others. A view.
   *
   * ```ts
   * arange(6).reshape(2, -1); // float32[2,3]
   * ```
   */
  reshape(this: Tensor, ...shape: readonly (number | readonly number[])[]): Tensor {
    const requested = shape.flat() as number[];
    return view("reshape", this, { shape: withOrigin(() => inferReshape(this.shape, requested)) });
  }
  /** As {@link reshape}: a view of the same memory. */
  view(this: Tensor, ...shape: readonly (number | readonly number[])[]): Tensor {
    return this.reshape(...shape);
  }
  /** Joins the axes `startDim`…`endDim` into one. */
  flatten(this: Tensor, startDim = 0, endDim = -1): Tensor {
    const rank = this.shape.length;
    if (rank === 0) return this.reshape(1);
    const [start, end] = withOrigin(() => [normalizeAxis(startDim, rank), normalizeAxis(endDim, rank)]);
    if (start > end) throw new KilnError(`flatten's startDim ${startDim} comes after its endDim ${endDim}`);
    const joined = sizeOf(this.shape.slice(start, end + 1));
    return this.reshape([...this.shape.slice(0, start), joined, ...this.shape.slice(end + 1)]);
  }
  /** With a new axis of extent 1 at `dim`: [3,4] becomes [3,1,4] by `unsqueeze(1)`. It shares memory. */
  unsqueeze(this: Tensor, dim: number): Tensor {
    const axis = withOrigin(() => normalizeAxis(dim, this.shape.length + 1));
    return this.reshape([...this.shape.slice(0, axis), 1, ...this.shape.slice(axis)]);
  }
  /** Drops the axis `dim` if its extent is 1, or every such axis. */
  squeeze(this: Tensor, dim?: number): Tensor {
    const axes = dim === undefined ? this.shape.map((_, k) => k) : [axisOf(this, dim)];
    const unit = axes.filter((axis) => this.shape[axis] === 1);
    return this.reshape(reducedShape(this.shape, unit, false));
  }
  /** The axes in another order: [N,H,W,C] becomes [N,C,H,W] by `permute(0, 3, 1, 2)`. It shares memory. */
  permute(this: Tensor, ...dims: readonly (number | readonly number[])[]): Tensor {
    return rearrange.permute(this, dims.flat() as number[]);
  }
  /** Two axes exchanged. It shares memory. */
  transpose(this: Tensor, dim0: number, dim1: number): Tensor {
    return rearrange.transpose(this, dim0, dim1);
  }
  /** A matrix with its axes exchanged. */
  t(this: Tensor): Tensor {
    return this.ndim < 2 ? this : rearrange.transpose(this, 0, 1);
  }
  /** A matrix with its axes exchanged, like {@link t}; for more axes use permute. */
  get T(): Tensor {
    const own = this as unknown as Tensor;
    return own.ndim <= 2
      ? own.t()
      : refuse(`T exchanges the axes of a matrix: permute and transpose those of ${describe(own)}`);
  }
  /** Repeated along axes of extent 1, and along new ones in front, without copying; -1 keeps an extent. */
  expand(this: Tensor, ...sizes: readonly (number | readonly number[])[]): Tensor {
    return rearrange.expand(this, sizes.flat() as number[]);
  }
  /** The elements in reverse order along the given axes; a copy. */
  flip(this: Tensor, ...dims: readonly (number | readonly number[])[]): Tensor {
    return rearrange.flip(this, dims.flat() as number[]);
  }
  /** `t[start:stop:step]` along `dim`. */
  slice(this: Tensor, dim: number, start?: number, stop?: number, step?: number): Tensor {
    return rearrange.slice(this, dim, start, stop, step);
  }
  /** `length` parts along `dim` from `start` on; a view of the same memory. */
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    return rearrange.narrow(this, dim, start, length);
  }
  /**
   * The part at `index` along `dim`, without that axis; negative numbers count from the end. A view of the same memory.
   */
  select(this: Tensor, dim: number, index: number): Tensor {
    return rearrange.select(this, dim, index);
  }
  /**
   * Parts of `size` along `dim` (by default the first axis), of which the last may be smaller, or of the sizes in a
   * list; views of the same memory.
   */
  split(this: Tensor, size: number | readonly number[], dim?: number): Tensor[] {
    return rearrange.split(this, size, dim);
  }
  /** At most `chunks` equal parts along `dim` (by default the first axis), of which the last may be smaller. */
  chunk(this: Tensor, chunks: number, dim?: number): Tensor[] {
    return rearrange.chunk(this, chunks, dim);
  }
}

/**
 * In JavaScript a class cannot define `x[0]` without a proxy around each object. Instead, getters for the first
 * positions throw an error that says what to write: code that counts from 0 meets one of them.
 */
for (const place of [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
  const explain = (): never =>
    refuse(
      `a tensor has no [${place}]: write x.index(${place}) for a part, x.index(slice(start, stop)) for several, and ` +
        "(await x.array())[i] for numbers",
    );
  Object.defineProperty(TensorMethods.prototype, place, { get: explain, set: explain });
}
