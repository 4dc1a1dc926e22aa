/** Reading at positions that int32 tensors name, with PyTorch's names, argument order and defaults. */

import { broadcastShapes, formatShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { refuse, requireTensor } from "./arguments.ts";
import { axisOf, ownAxisOf } from "./axes.ts";
import { apply } from "./operation.ts";
import { expand } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The row-major position that indices name, one for each of `extents`; with `fromEnd` negative ones count from the end.
 */
export const flatIndex = (
  callee: string,
  indices: readonly Tensor[],
  extents: readonly number[],
  fromEnd: boolean,
): Tensor => apply("flat_index", indices, { extents, fromEnd, callee });

/**
 * The same int32 numbers, for which there is an error, wherever they come from, unless they lie from `least` to `most`.
 */
export const bounded = (what: string, x: Tensor, least: number, most: number): Tensor =>
  apply("bounded", [x], { least, most, what });

/**
 * The same int32 numbers, with the error `message` if a program finds that `isLost` is true for one, which then differs
 * from the number it represents.
 */
export const exact = (message: string, x: Tensor, isLost: Tensor): Tensor =>
  x.add(apply("bounded", [isLost.int()], { least: 0, most: 0, what: message, of: "overflow" }));

/** Throws unless `index` is a list, or a single number, of int32. */
export function requireIndexList(callee: string, index: Tensor): void {
  requireTensor(callee, index);
  if (index.dtype !== "int32" || index.ndim > 1)
    refuse(
      `${callee} expects a list of int32 as index but got ${describe(index)}: make it with tensor(values, { dtype: "int32" })`,
    );
}

/** The elements at the positions that the int32 `index` gives along `dim`. */
export function gather(input: Tensor, dim: number, index: Tensor): Tensor {
  requireTensor("gather", index);
  const axis = axisOf(input, dim);
  if (input.ndim > 0) return apply("gather", [input, index], { axis });
  const [only, list] = [input, index].map((x) => (x.ndim === 0 ? x.reshape(1) : x));
  return apply("gather", [only, list], { axis }).reshape(index.shape);
}

/** The parts along `dim` that a list of int32 names, in its order. */
export function indexSelect(input: Tensor, dim: number, index: Tensor): Tensor {
  requireTensor("indexSelect", input);
  requireIndexList("indexSelect", index);
  if (input.ndim === 0) return indexSelect(input.reshape(1), dim, index.reshape(-1)).reshape([]);
  const axis = ownAxisOf("indexSelect", input, dim);
  return apply("index_select", [input, index.ndim === 0 ? index.reshape(1) : index], { axis });
}

/**
 * The elements at row-major positions of the input, in the shape of the int32 `index`; negative ones count from the
 * end.
 */
export function take(input: Tensor, index: Tensor): Tensor {
  requireTensor("take", input);
  requireTensor("take", index);
  const position = flatIndex("take", [index], [input.numel()], true);
  return apply("index_select", [input.reshape(-1), position], { axis: 0 });
}

/**
 * The elements at the int32 positions `indices` along `dim`, such as the results of argmax, argsort or topk; indices
 * and input are broadcast along all other axes. Without `dim`, positions count all elements in row-major order.
 */
export function takeAlongDim(input: Tensor, indices: Tensor, dim?: number): Tensor {
  requireTensor("takeAlongDim", input);
  requireTensor("takeAlongDim", indices);
  if (dim === undefined) return gather(input.reshape(-1), 0, indices.reshape(-1));
  const axis = ownAxisOf("takeAlongDim", input, dim);
  const others = (x: Tensor): number[] => x.shape.map((extent, k) => (k === axis ? 1 : extent));
  const common = indices.ndim === input.ndim ? broadcastShapes(others(input), others(indices)) : undefined;
  if (common === undefined)
    return refuse(
      `takeAlongDim along axis ${axis} needs indices that broadcast with ${describe(input)} along all other axes, ` +
        `not ${formatShape(indices.shape)}`,
    );
  const spread = (x: Tensor): Tensor =>
    expand(
      x,
      common.map((extent, k) => (k === axis ? x.shape[k] : extent)),
    );
  return gather(spread(input), axis, spread(indices));
}
