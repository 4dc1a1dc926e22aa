/** Products of vectors, matrices and batches of matrices, with PyTorch's names. */

import { KilnError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { requireTensor } from "./arguments.ts";
import { apply } from "./operation.ts";
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

function refuse(name: string, a: Tensor, b: Tensor, rule: string): never {
  return withOrigin(() => {
    throw new KilnError(
      `${name} cannot multiply ${formatShape(a.shape)} by ${formatShape(b.shape)}: ${rule}`,
    );
  });
}
