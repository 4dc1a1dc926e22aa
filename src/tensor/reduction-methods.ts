/** The operations of tensors that combine elements along axes, as methods with PyTorch's names and defaults. */

import type { Dims } from "./axes.ts";
import { alongAxis, axesOf } from "./axes.ts";
import { logsumexp, norm } from "./norms.ts";
import { apply } from "./operation.ts";
import { PointwiseMethods } from "./pointwise-methods.ts";
import { bmm, dot, matmul, mm } from "./products.ts";
import * as statistics from "./statistics.ts";
import type { Tensor } from "./tensor.ts";

export abstract class ReductionMethods extends PointwiseMethods {
  /** The sum over `dim`, or of all; of truths it is their number, int32. */
  sum(this: Tensor, dim?: Dims, keepdim = false): Tensor {
    if (this.dtype === "bool") return this.float().sum(dim, keepdim).int();
    return apply("sum", [this], { axes: axesOf(this, dim), keepdim });
  }
  mean(this: Tensor, dim?: Dims, keepdim = false): Tensor {
    return apply("mean", [this], { axes: axesOf(this, dim), keepdim });
  }
  prod(this: Tensor, dim?: Dims, keepdim?: boolean): Tensor {
    return statistics.prod(this, dim, keepdim);
  }
  var(this: Tensor, dim?: Dims, options?: statistics.VarianceOptions): Tensor {
    return statistics.variance(this, dim, options);
  }
  std(this: Tensor, dim?: Dims, options?: statistics.VarianceOptions): Tensor {
    return statistics.std(this, dim, options);
  }
  /** The p-norm over `dim`, or of all elements. */
  norm(this: Tensor, p?: number | "fro", dim?: Dims, keepdim?: boolean): Tensor {
    return norm(this, p, dim, keepdim);
  }
  /** The largest element over `dim`, or of all; equal ones share the gradient evenly. */
  amax(this: Tensor, dim?: Dims, keepdim = false): Tensor {
    return apply("max", [this], { axes: axesOf(this, dim), keepdim });
  }
  /** The smallest element over `dim`, or of all; equal ones share the gradient evenly. */
  amin(this: Tensor, dim?: Dims, keepdim?: boolean): Tensor {
    return statistics.amin(this, dim, keepdim);
  }
  /** The largest element; along an axis also where it stands; with another tensor the larger of each two. */
  max(this: Tensor): Tensor;
  max(this: Tensor, dim: number, keepdim?: boolean): statistics.Extremes;
  max(this: Tensor, other: Tensor): Tensor;
  max(this: Tensor, by?: number | Tensor, keepdim?: boolean): Tensor | statistics.Extremes {
    if (by === undefined) return this.amax();
    return typeof by === "number" ? statistics.maxAlong(this, by, keepdim) : this.maximum(by);
  }
  /** The smallest element; along an axis also where it stands; with another tensor the smaller of each two. */
  min(this: Tensor): Tensor;
  min(this: Tensor, dim: number, keepdim?: boolean): statistics.Extremes;
  min(this: Tensor, other: Tensor): Tensor;
  min(this: Tensor, by?: number | Tensor, keepdim?: boolean): Tensor | statistics.Extremes {
    if (by === undefined) return this.amin();
    return typeof by === "number" ? statistics.minAlong(this, by, keepdim) : this.minimum(by);
  }
  argmax(this: Tensor, dim?: number, keepdim?: boolean): Tensor {
    return statistics.argmax(this, dim, keepdim);
  }
  argmin(this: Tensor, dim?: number, keepdim?: boolean): Tensor {
    return statistics.argmin(this, dim, keepdim);
  }
  any(this: Tensor, dim?: Dims, keepdim?: boolean): Tensor {
    return statistics.any(this, dim, keepdim);
  }
  all(this: Tensor, dim?: Dims, keepdim?: boolean): Tensor {
    return statistics.all(this, dim, keepdim);
  }
  logsumexp(this: Tensor, dim: Dims, keepdim?: boolean): Tensor {
    return logsumexp(this, dim, keepdim);
  }
  softmax(this: Tensor, dim: number): Tensor {
    return alongAxis("softmax", this, dim, (x, axis) => apply("softmax", [x], { axis }));
  }
  logSoftmax(this: Tensor, dim: number): Tensor {
    return alongAxis("logSoftmax", this, dim, (x, axis) => apply("log_softmax", [x], { axis }));
  }
  cumsum(this: Tensor, dim: number): Tensor {
    return statistics.cumsum(this, dim);
  }
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
}
