/** Triangles and diagonals of matrices, with PyTorch's names, argument order and defaults. */

import { KilnError } from "../core/errors.ts";
import { normalizeAxis } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { onDiagonal } from "../ops/diagonal.ts";
import { refuse, requireTensor } from "./arguments.ts";
import { apply, constant } from "./operation.ts";
import { movedim, permute } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { view } from "./view.ts";
import { withOrigin } from "./with-origin.ts";

/** The elements on and below the diagonal of the matrices on the last two axes, zeros above it. */
export const tril = (input: Tensor, diagonal = 0): Tensor => triangle("tril", input, diagonal, "ge");

/** The elements on and above the diagonal of the matrices on the last two axes, zeros below it. */
export const triu = (input: Tensor, diagonal = 0): Tensor => triangle("triu", input, diagonal, "le");

function triangle(callee: string, input: Tensor, diagonal: number, relation: "ge" | "le"): Tensor {
  requireTensor(callee, input);
  requireOffset(callee, diagonal);
  if (input.ndim < 2) return refuse(`${callee} needs a tensor of matrices, not ${describe(input)}`);
  const [rows, columns] = input.shape.slice(-2);
  const row = apply("iota", [], { shape: [rows, 1], axis: 0, start: diagonal, step: 1 });
  const column = apply("iota", [], { shape: [columns], axis: 0, start: 0, step: 1 });
  const isKept = apply("compare", [row, column], { relation });
  return apply("where", [isKept, input, constant(0, input.dtype)]);
}

/**
 * The diagonals of the matrices on the axes `dim1` and `dim2`, which the last axis of the result replaces; a positive
 * `offset` is to the right of the main one. A view, as in PyTorch.
 */
export function diagonal(input: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
  requireTensor("diagonal", input);
  requireOffset("diagonal", offset);
  const last = withOrigin(() => {
    if (input.ndim < 2) throw new KilnError(`diagonal needs a tensor of matrices, not ${describe(input)}`);
    return twoAxes("diagonal", input.ndim, dim1, dim2);
  });
  const others = input.shape.map((_, axis) => axis).filter((axis) => !last.includes(axis));
  return view("diagonal", permute(input, [...others, ...last]), { offset });
}

/** Matrices of zeros, on the axes `dim1` and `dim2` of the result, with the input's last axis on their diagonals. */
export function diagEmbed(input: Tensor, offset = 0, dim1 = -2, dim2 = -1): Tensor {
  requireTensor("diagEmbed", input);
  requireOffset("diagEmbed", offset);
  if (input.ndim < 1) return refuse("diagEmbed needs a tensor with an axis, not a single number");
  const places = withOrigin(() => twoAxes("diagEmbed", input.ndim + 1, dim1, dim2));
  const size = input.shape[input.ndim - 1] + Math.abs(offset);
  const { shape, dtype } = input;
  const own = { value: input, shape, dtype };
  const matrices = onDiagonal<Tensor>(apply, own, [size, size], offset, constant(0, dtype));
  return movedim(matrices, [-2, -1], places);
}

/** A square matrix of zeros with a list on its diagonal; of a matrix, a copy of its diagonal. */
export function diag(input: Tensor, diagonal = 0): Tensor {
  requireTensor("diag", input);
  requireOffset("diag", diagonal);
  if (input.ndim === 1) return diagEmbed(input, diagonal);
  if (input.ndim === 2) return apply("diagonal", [input], { offset: diagonal });
  return refuse(`diag needs a list or a matrix, not ${describe(input)}; diagonal and diagEmbed take batches`);
}

/** A square matrix of zeros with all elements of the input, in row-major order, on its diagonal. */
export const diagflat = (input: Tensor, offset = 0): Tensor => diagEmbed(input.reshape(-1), offset);

function twoAxes(callee: string, rank: number, dim1: number, dim2: number): readonly [number, number] {
  const [a, b] = [normalizeAxis(dim1, rank), normalizeAxis(dim2, rank)];
  if (a === b) throw new KilnError(`${callee} needs two different axes, not ${dim1} and ${dim2}`);
  return [a, b];
}

function requireOffset(callee: string, offset: number): void {
  if (!Number.isInteger(offset)) refuse(`${callee} needs a whole number of diagonals, not ${offset}`);
}
