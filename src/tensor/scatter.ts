/**
 * Writes at positions in int32 tensors, with PyTorch's names and argument order. Functions return a new tensor; methods
 * with `_` change their own. If several elements are written to one position the last one wins, and only it gets the
 * gradient (PyTorch does not specify which).
 */

import { formatShape, sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import {
  type AlphaOptions,
  asOperand,
  readAlpha,
  refuse,
  requireFloats,
  requireTensor,
} from "./arguments.ts";
import { ownAxisOf } from "./axes.ts";
import { flatIndex, gather, requireIndexList } from "./lookup.ts";
import { apply, constant } from "./operation.ts";
import { filling, to } from "./promotion.ts";
import { slice } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The input with `src`, or a number, written to the positions along `dim` in `index`: element [i,j] of src, for a `dim`
 * of 0, is written to [index[i,j],j].
 */
export function scatter(input: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
  requireTensor("scatter", input);
  requireTensor("scatter", index);
  if (input.ndim === 0) return scatter(input.reshape(1), dim, index.reshape(-1), src).reshape([]);
  const axis = ownAxisOf("scatter", input, dim);
  requireScattered("scatter", input, axis, index, src);
  if (index.numel() === 0) return input.clone();
  const extent = input.shape[axis];
  const winner = lastPosition(flatIndex("scatter", [index], [extent], false), axis, extent);
  const written = asOperand("scatter", src, (value) => filling("scatter", value, input.dtype));
  const values = written.ndim === 0 ? written : gather(within(written, index.shape), axis, found(winner));
  const reached = index.shape.map((own, k) => (k === axis ? extent : own));
  return partly(input, apply("where", [isFound(winner), to(values, input.dtype), within(input, reached)]));
}

/**
 * The input with `changed` in place of its first elements along every axis: beyond an index's extents nothing is
 * written.
 */
export function partly(input: Tensor, changed: Tensor): Tensor {
  const { shape } = changed;
  if (sameShape(shape, input.shape)) return changed;
  const [starts, steps] = [0, 1].map((value) => shape.map(() => value));
  return apply("slice_scatter", [input, changed], { starts, stops: shape, steps });
}

/** The input to which the elements of `src` are added at the positions along `dim` that `index` gives. */
export function scatterAdd(input: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  for (const x of [input, src]) requireFloats("scatterAdd", x);
  requireTensor("scatterAdd", index);
  if (input.ndim === 0)
    return scatterAdd(input.reshape(1), dim, index.reshape(-1), src.reshape(-1)).reshape([]);
  const axis = ownAxisOf("scatterAdd", input, dim);
  requireScattered("scatterAdd", input, axis, index, src);
  if (index.numel() === 0) return input.clone();
  const { shape } = input;
  return input.add(apply("scatter_add", [within(src, index.shape), index], { axis, shape }));
}

/** Throws unless `index`, and `src` if it is a tensor, suit an input. */
export function requireScattered(
  callee: string,
  input: Tensor,
  axis: number,
  index: Tensor,
  src: Tensor | number,
): void {
  const isNumber = typeof src === "number" || typeof src === "boolean";
  if (!isNumber) requireTensor(callee, src);
  const fits = (x: Tensor, isFree: boolean): boolean =>
    x.ndim === index.ndim && x.shape.every((extent, k) => index.shape[k] <= extent || (isFree && k === axis));
  if (index.dtype !== "int32" || !fits(input, true) || !(isNumber || fits(src, false)))
    refuse(
      `${callee} along axis ${axis} of ${describe(input)} needs an int32 index of the same rank, no larger along the other ` +
        `axes, and a src at least as large as the index, not ${describe(index)}${isNumber ? "" : ` and ${describe(src)}`}`,
    );
}

/** The first elements of `x` along every axis. */
export const within = (x: Tensor, shape: readonly number[]): Tensor =>
  shape.reduce((part, extent, k) => (extent === part.shape[k] ? part : slice(part, k, 0, extent)), x);

/** Which element of a list, or of an axis, is written to each position: -1 if none is. */
export const lastPosition = (index: Tensor, axis: number, extent: number): Tensor =>
  apply("last_position", [index], { axis, extent, absent: -1 });

export const isFound = (winner: Tensor): Tensor =>
  apply("compare", [winner, constant(0, "int32")], { relation: "ge" });

/** A position to read at in any case. */
export const found = (winner: Tensor): Tensor => apply("clamp", [winner], { min: 0 });

/** The input to whose part at position `index[k]` along `dim` the k-th part of `source` is added. */
export function indexAdd(
  input: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  options?: AlphaOptions,
): Tensor {
  const alpha = readAlpha("indexAdd", options);
  for (const x of [input, source]) requireFloats("indexAdd", x);
  const { axis, list } = partsOf("indexAdd", input, dim, index, source);
  if (input.ndim === 0) return indexAdd(input.reshape(1), 0, list, source.reshape(1), options).reshape([]);
  if (list.numel() === 0) return input.clone();
  const sum = apply("index_add", [source, list], { axis, shape: input.shape });
  return input.add(alpha === 1 ? sum : sum.mul(alpha));
}

/** The input with the k-th part of `source` in place of the part at position `index[k]` along `dim`. */
export function indexCopy(input: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  const { axis, list } = partsOf("indexCopy", input, dim, index, source);
  if (source.dtype !== input.dtype)
    return refuse(
      `indexCopy needs a source of the input's dtype, not ${describe(source)} for ${describe(input)}`,
    );
  if (input.ndim === 0) return indexCopy(input.reshape(1), 0, list, source.reshape(1)).reshape([]);
  if (list.numel() === 0) return input.clone();
  const position = flatIndex("indexCopy", [list], [input.shape[axis]], false);
  return withParts(input, axis, position, (winner) => apply("index_select", [source, winner], { axis }));
}

/** The input with `value` in the parts along `dim` that a list of int32 names; negative ones count from the end. */
export function indexFill(input: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
  const { axis, list } = partsOf("indexFill", input, dim, index);
  const filled = asOperand("indexFill", value, (number) => filling("indexFill", number, input.dtype));
  if (filled.ndim > 0) return refuse(`indexFill needs a single number, not ${describe(filled)}`);
  if (input.ndim === 0) return indexFill(input.reshape(1), 0, list, value).reshape([]);
  if (list.numel() === 0) return input.clone();
  const position = flatIndex("indexFill", [list], [input.shape[axis]], true);
  return withParts(input, axis, position, () => to(filled, input.dtype));
}

/** The input with other parts along an axis, where a list of positions names it: `part` gets the index that wins. */
export function withParts(
  input: Tensor,
  axis: number,
  positions: Tensor,
  part: (winner: Tensor) => Tensor,
): Tensor {
  const winner = lastPosition(positions, 0, input.shape[axis]);
  const along = input.shape.map((extent, k) => (k === axis ? extent : 1));
  return apply("where", [isFound(winner).reshape(along), part(found(winner)), input]);
}

function partsOf(callee: string, input: Tensor, dim: number, index: Tensor, source?: Tensor) {
  requireTensor(callee, input);
  requireIndexList(callee, index);
  const list = index.ndim === 0 ? index.reshape(1) : index;
  if (source !== undefined) requireTensor(callee, source);
  if (input.ndim === 0) return { axis: 0, list };
  const axis = ownAxisOf(callee, input, dim);
  const expected = input.shape.map((extent, k) => (k === axis ? list.numel() : extent));
  if (source !== undefined && !sameShape(source.shape, expected))
    return refuse(
      `${callee} along axis ${axis} of ${describe(input)} at ${list.numel()} positions needs a source of the shape ` +
        `${formatShape(expected)}, not ${describe(source)}`,
    );
  return { axis, list };
}
