/** Taking tensors apart along an axis and putting them together, with PyTorch's names, argument order and defaults. */

import { describeValue } from "../core/describe-value.ts";
import { describe } from "../ops/definition.ts";
import { refuse, requireTensor } from "./arguments.ts";
import { ownAxisOf } from "./axes.ts";
import { apply } from "./operation.ts";
import { cat, select, slice, split } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

/** All parts along `dim`, each without that axis. */
export function unbind(input: Tensor, dim = 0): Tensor[] {
  const axis = ownAxisOf("unbind", input, dim);
  return Array.from({ length: input.shape[axis] }, (_, k) => select(input, axis, k));
}

/** Windows of `size` elements, one each `step` elements along `dimension`; what a window holds is the last axis. */
export function unfold(input: Tensor, dimension: number, size: number, step: number): Tensor {
  const axis = ownAxisOf("unfold", input, dimension);
  const extent = input.shape[axis];
  if (!Number.isSafeInteger(size) || size < 0 || size > extent)
    return refuse(
      `unfold needs windows of at most the ${extent} elements along axis ${axis}, not of ${size}`,
    );
  if (!Number.isSafeInteger(step) || step < 1) return refuse(`unfold needs a positive step, not ${step}`);
  return apply("unfold", [input], { axis, size, step });
}

/**
 * A given number of parts along `dim`, of which the first ones are larger by one if the division has a remainder; or
 * parts that begin at the positions of a list, like slices.
 */
export function tensorSplit(input: Tensor, indicesOrSections: number | readonly number[], dim = 0): Tensor[] {
  return cutAt("tensorSplit", input, indicesOrSections, ownAxisOf("tensorSplit", input, dim));
}

function cutAt(callee: string, input: Tensor, places: number | readonly number[], axis: number): Tensor[] {
  const extent = input.shape[axis];
  if (typeof places === "number") {
    if (!Number.isSafeInteger(places) || places < 1)
      return refuse(`${callee} needs a positive number of parts, not ${places}`);
    const size = (k: number): number => Math.floor(extent / places) + (k < extent % places ? 1 : 0);
    return split(
      input,
      Array.from({ length: places }, (_, k) => size(k)),
      axis,
    );
  }
  if (!Array.isArray(places) || !places.every((place) => Number.isSafeInteger(place)))
    return refuse(`${callee} needs a number of parts or a list of positions, not ${describeValue(places)}`);
  return [0, ...places].map((start, k) => slice(input, axis, start, places[k]));
}

/** Splits along the second axis, or the only one, which a number of parts must divide. */
export function hsplit(input: Tensor, indicesOrSections: number | readonly number[]): Tensor[] {
  requireTensor("hsplit", input);
  return evenly("hsplit", input, indicesOrSections, 1, input.ndim === 1 ? 0 : 1);
}

/** Splits along the first of at least two axes, which a number of parts must divide. */
export const vsplit = (input: Tensor, indicesOrSections: number | readonly number[]): Tensor[] =>
  evenly("vsplit", input, indicesOrSections, 2, 0);

/** Splits along the third of at least three axes, which a number of parts must divide. */
export const dsplit = (input: Tensor, indicesOrSections: number | readonly number[]): Tensor[] =>
  evenly("dsplit", input, indicesOrSections, 3, 2);

function evenly(
  callee: string,
  input: Tensor,
  places: number | readonly number[],
  least: number,
  axis: number,
): Tensor[] {
  requireTensor(callee, input);
  if (input.ndim < least)
    return refuse(
      `${callee} needs a tensor of at least ${least === 1 ? "1 axis" : `${least} axes`}, not ${describe(input)}`,
    );
  if (typeof places === "number" && input.shape[axis] % places !== 0)
    return refuse(`${callee} cannot cut axis ${axis} of ${describe(input)} into ${places} equal parts`);
  return cutAt(callee, input, places, axis);
}

/** At least one axis: a single number becomes a list. */
export const atleast1d = (input: Tensor): Tensor => (input.ndim === 0 ? input.reshape(1) : input);

/** At least two axes: a list becomes the only row. */
export const atleast2d = (input: Tensor): Tensor => (input.ndim < 2 ? atleast1d(input).unsqueeze(0) : input);

/** At least three axes: a matrix gets a last axis of extent 1, a list one on both sides. */
export const atleast3d = (input: Tensor): Tensor => (input.ndim < 3 ? atleast2d(input).unsqueeze(-1) : input);

/** Joins tensors along the second axis, or the only one. */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const listed = eachOf("hstack", tensors, atleast1d);
  return cat(listed, listed[0].ndim === 1 ? 0 : 1);
}

/** Joins tensors along the first axis, lists as rows. */
export const vstack = (tensors: readonly Tensor[]): Tensor => cat(eachOf("vstack", tensors, atleast2d), 0);

/** Lists as the columns of a matrix, behind those of matrices. */
export const columnStack = (tensors: readonly Tensor[]): Tensor =>
  cat(
    eachOf("columnStack", tensors, (x) => (x.ndim < 2 ? x.reshape(-1, 1) : x)),
    1,
  );

/** Joins tensors along the third axis. */
export const dstack = (tensors: readonly Tensor[]): Tensor => cat(eachOf("dstack", tensors, atleast3d), 2);

function eachOf(
  callee: string,
  tensors: readonly Tensor[],
  shaped: (x: Tensor) => Tensor,
): readonly Tensor[] {
  if (!Array.isArray(tensors) || tensors.length === 0)
    return refuse(`${callee} takes one list of tensors: write ${callee}([a, b])`);
  return tensors.map((x: Tensor) => {
    requireTensor(callee, x);
    return shaped(x);
  });
}
