/** Tensors in the shape and dtype of another one, and numbers evenly spaced. */

import { KilnError } from "../core/errors.ts";
import { requireTensor } from "./arguments.ts";
import { type CreationOptions, full, ones, tensor, zeros } from "./creation.ts";
import { to } from "./promotion.ts";
import { rand, randint, randn } from "./random.ts";
import type { Tensor } from "./tensor.ts";

/** `make` of the shape of `like`, in its dtype by default. */
function alike(
  callee: string,
  like: Tensor,
  options: CreationOptions,
  make: (shape: readonly number[], options: CreationOptions) => Tensor,
): Tensor {
  requireTensor(callee, like);
  return make(like.shape, { dtype: like.dtype, ...options });
}

/** Zeros in the shape and dtype of another tensor; options say otherwise. */
export const zerosLike = (like: Tensor, options: CreationOptions = {}): Tensor =>
  alike("zerosLike", like, options, (shape, own) => zeros(shape, own));
/** Ones in the shape and dtype of another tensor; options say otherwise. */
export const onesLike = (like: Tensor, options: CreationOptions = {}): Tensor =>
  alike("onesLike", like, options, (shape, own) => ones(shape, own));
/** `value` everywhere, in the shape and dtype of another tensor; options say otherwise. */
export const fullLike = (like: Tensor, value: number, options: CreationOptions = {}): Tensor =>
  alike("fullLike", like, options, (shape, own) => full(shape, value, own));
/** Uniform numbers from [0, 1) in the shape of another tensor. */
export const randLike = (like: Tensor, options: CreationOptions = {}): Tensor =>
  alike("randLike", like, options, (shape, own) => rand(shape, own));
/** Normally distributed numbers in the shape of another tensor. */
export const randnLike = (like: Tensor, options: CreationOptions = {}): Tensor =>
  alike("randnLike", like, options, (shape, own) => randn(shape, own));

/** Whole numbers from `low` (default: 0), up to but not including `high`, in the shape and dtype of `like`. */
export function randintLike(like: Tensor, high: number, options?: CreationOptions): Tensor;
export function randintLike(like: Tensor, low: number, high: number, options?: CreationOptions): Tensor;
export function randintLike(
  like: Tensor,
  first: number,
  second?: number | CreationOptions,
  last: CreationOptions = {},
): Tensor {
  const [low, high, options] =
    typeof second === "number" ? [first, second, last] : [0, first, second ?? last];
  return alike("randintLike", like, options, (shape, { dtype = "float32", requiresGrad = false }) =>
    to(randint(low, high, shape), dtype).requiresGrad_(requiresGrad),
  );
}

/** Zeros, since tensors are always initialised here. */
export const empty = zeros;
/** Zeros in the shape and dtype of another tensor, since tensors are always initialised here. */
export const emptyLike = zerosLike;

/** The distance between `steps` numbers from `start` to `end`. */
function spacing(callee: string, start: number, end: number, steps: number): number {
  if (!(Number.isFinite(start) && Number.isFinite(end) && Number.isSafeInteger(steps) && steps >= 0))
    throw new KilnError(
      `${callee} takes a finite start and end and a number of steps, not ${start}, ${end} and ${steps}`,
    );
  return steps > 1 ? (end - start) / (steps - 1) : 0;
}

/** `steps` numbers, the first `start` and the last `end`, evenly spaced (torch.linspace): counted from the nearer end. */
export function linspace(start: number, end: number, steps: number, options: CreationOptions = {}): Tensor {
  const step = spacing("linspace", start, end, steps);
  const numbers = Array.from({ length: steps }, (_, k) =>
    k < steps / 2 ? start + k * step : end - (steps - 1 - k) * step,
  );
  const isWhole = options.dtype !== undefined && options.dtype !== "float32";
  return tensor(isWhole ? numbers.map(Math.trunc) : numbers, { ...options, shape: [steps] });
}

/** `steps` numbers from `base^start` to `base^end`, whose logarithms are evenly spaced (torch.logspace). */
export function logspace(
  start: number,
  end: number,
  steps: number,
  options: CreationOptions & { readonly base?: number } = {},
): Tensor {
  const { base = 10, ...rest } = options;
  const step = spacing("logspace", start, end, steps);
  const numbers = Array.from({ length: steps }, (_, k) => base ** (start + k * step));
  return tensor(numbers, { ...rest, shape: [steps] });
}

/** Ones on the diagonal of a matrix of `rows` and `columns`, as many as rows by default (torch.eye). */
export function eye(rows: number, columns: number = rows, options: CreationOptions = {}): Tensor {
  if (![rows, columns].every((extent) => Number.isSafeInteger(extent) && extent >= 0))
    throw new KilnError(`eye takes the number of rows and of columns, not ${rows} and ${columns}`);
  const numbers = new Float32Array(rows * columns);
  for (let k = 0; k < Math.min(rows, columns); k++) numbers[k * columns + k] = 1;
  return tensor(numbers, { dtype: "float32", ...options, shape: [rows, columns] });
}

/**
 * Coordinates of a grid from those along its axes (torch.meshgrid): with "ij" the first list runs along the first axis,
 * with "xy" along the second.
 */
export function meshgrid(
  lists: readonly Tensor[],
  { indexing = "ij" }: { readonly indexing?: "ij" | "xy" } = {},
): Tensor[] {
  for (const list of lists) requireTensor("meshgrid", list);
  if (lists.length === 0 || lists.some(({ ndim }) => ndim > 1))
    throw new KilnError("meshgrid takes a list of vectors, one for each axis of the grid");
  if (indexing !== "ij" && indexing !== "xy")
    throw new KilnError(`meshgrid's indexing is "ij" or "xy", not ${String(indexing)}`);
  const shape = lists.map((list) => list.numel());
  const grids = lists.map((list, axis) =>
    list.reshape(shape.map((_, k) => (k === axis ? -1 : 1))).expand(shape),
  );
  return indexing === "xy" && lists.length > 1 ? grids.map((grid) => grid.transpose(0, 1)) : grids;
}

/** The positions of the elements on and below the diagonal of a matrix, row by row: [rows; columns], int32. */
export const trilIndices = (rows: number, columns: number, offset = 0): Tensor =>
  triangleIndices("trilIndices", rows, columns, offset, (row, column) => column <= row + offset);

/** The positions of the elements on and above the diagonal of a matrix, row by row: [rows; columns], int32. */
export const triuIndices = (rows: number, columns: number, offset = 0): Tensor =>
  triangleIndices("triuIndices", rows, columns, offset, (row, column) => column >= row + offset);

function triangleIndices(
  callee: string,
  rows: number,
  columns: number,
  offset: number,
  isWithin: (row: number, column: number) => boolean,
): Tensor {
  if (
    ![rows, columns].every((extent) => Number.isSafeInteger(extent) && extent >= 0) ||
    !Number.isInteger(offset)
  )
    throw new KilnError(
      `${callee} takes the numbers of rows and columns and a whole offset, not ${rows}, ${columns} and ${offset}`,
    );
  const found = Array.from({ length: rows * columns }, (_, k) => [
    Math.floor(k / columns),
    k % columns,
  ]).filter(([row, column]) => isWithin(row, column));
  const list = [0, 1].flatMap((which) => found.map((place) => place[which]));
  return tensor(Int32Array.from(list), { shape: [2, found.length] });
}
