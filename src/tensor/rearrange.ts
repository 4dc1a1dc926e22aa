/** Functions that rearrange tensors, with PyTorch's names, argument order and defaults; each is made of few ops. */

import { elementOf } from "../core/conversion.ts";
import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import {
  broadcastShapes as commonShape,
  formatShape,
  inferReshape,
  normalizeAxis,
  type Shape,
} from "../core/shape.ts";
import { asOperand, refuse, requireTensor } from "./arguments.ts";
import { axesOf, axisOf, type Dims, ownAxisOf } from "./axes.ts";
import { apply, constant } from "./operation.ts";
import { filling, promoted, scalarLike, to } from "./promotion.ts";
import type { Tensor } from "./tensor.ts";
import { view } from "./view.ts";
import { withOrigin } from "./with-origin.ts";

/** A list with one item replaced. */
const withItem = (list: Shape, at: number, item: number): number[] =>
  list.map((own, k) => (k === at ? item : own));

/** The axes in another order: axis k of the result is axis `dims[k]` of the input. */
export function permute(input: Tensor, dims: readonly number[]): Tensor {
  const axes = input.ndim === 0 ? dims : dims.map((dim) => axisOf(input, dim));
  return view("permute", input, { dims: axes });
}

/** Two axes exchanged. */
export function transpose(input: Tensor, dim0: number, dim1: number): Tensor {
  const [a, b] = [axisOf(input, dim0), axisOf(input, dim1)];
  if (a === b) return input;
  return permute(
    input,
    input.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis)),
  );
}

/** The axes `source` at the places `destination`; the others keep their order. */
export function movedim(input: Tensor, source: Dims, destination: Dims): Tensor {
  const [from, to] = [source, destination].map((dims) =>
    (typeof dims === "number" ? [dims] : dims).map((dim) => axisOf(input, dim)),
  );
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
    const [given, wanted] = [[source].flat(), [destination].flat()];
    refuse(`movedim needs as many different places as axes, but was asked to move [${given}] to [${wanted}]`);
  }
  const others = input.shape.map((_, axis) => axis).filter((axis) => !from.includes(axis));
  const dims = input.shape.map((_, axis) => (to.includes(axis) ? from[to.indexOf(axis)] : others.shift()!));
  return permute(input, dims);
}

/** The input repeated along axes of extent 1 and new axes in front; -1 keeps an extent. */
export function expand(input: Tensor, sizes: readonly number[]): Tensor {
  const added = sizes.length - input.ndim;
  const shape = sizes.map((size, axis) => (size === -1 && axis >= added ? input.shape[axis - added] : size));
  return withOrigin(() => {
    if (added < 0 || shape.some((extent) => !Number.isInteger(extent) || extent < 0)) {
      throw new KilnError(`expand cannot give ${formatShape(input.shape)} the shape ${formatShape(sizes)}`);
    }
    return view("broadcast_to", input, { shape });
  });
}

/** The shape that tensors of these shapes are broadcast to together. */
export function broadcastShapes(...shapes: readonly Shape[]): number[] {
  return shapes.reduce<number[]>((common, shape) => {
    const list = typeof shape === "number" ? [shape] : shape;
    return (
      commonShape(common, list) ??
      refuse(
        `broadcastShapes cannot combine ${shapes.map((own) => formatShape([own].flat())).join(", ")}: aligned from the ` +
          "right, extents must be equal or 1",
      )
    );
  }, []);
}

/** The tensors in the shape that they are broadcast to together; views of them. */
export function broadcastTensors(...tensors: readonly Tensor[]): Tensor[] {
  for (const x of tensors) requireTensor("broadcastTensors", x);
  const shape = broadcastShapes(...tensors.map((x) => x.shape));
  return tensors.map((x) => expand(x, shape));
}

/** The elements in reverse order along `dims`. */
export const flip = (input: Tensor, dims: number | readonly number[]): Tensor =>
  apply("flip", [input], { axes: axesOf(input, dims) });

/**
 * `input[start:stop:step]` along one axis. As in Python, negative bounds count from the end and bounds outside
 * are cut off; the step is positive. Where nothing lies between the bounds the result is empty.
 */
export function slice(
  input: Tensor,
  dim: number,
  start = 0,
  stop = Number.POSITIVE_INFINITY,
  step = 1,
): Tensor {
  const axis = ownAxisOf("slice", input, dim);
  const extent = input.shape[axis];
  const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + extent : at, 0), extent);
  const first = bound(start);
  return view("slice", input, {
    starts: withItem(zerosLike(input), axis, first),
    stops: withItem(input.shape, axis, Math.max(first, bound(stop))),
    steps: withItem(
      input.shape.map(() => 1),
      axis,
      step,
    ),
  });
}

const zerosLike = (input: Tensor): number[] => input.shape.map(() => 0);

/** The `length` elements from `start` on along one axis. */
export function narrow(input: Tensor, dim: number, start: number, length: number): Tensor {
  const axis = ownAxisOf("narrow", input, dim);
  const extent = input.shape[axis];
  const from = start < 0 ? start + extent : start;
  return withOrigin(() => {
    if (from < 0 || length < 0 || from + length > extent) {
      throw new KilnError(
        `narrow cannot take ${length} elements from ${start} on along axis ${axis} of ${formatShape(input.shape)}`,
      );
    }
    return slice(input, axis, from, from + length);
  });
}

/** The part at `index` along `dim`, without that axis. */
export function select(input: Tensor, dim: number, index: number): Tensor {
  const axis = ownAxisOf("select", input, dim);
  return narrow(input, axis, index, 1).reshape(input.shape.filter((_, k) => k !== axis));
}

/** Tensors one after the other along `dim`. As in PyTorch, empty lists fit any others. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  requireList("cat", tensors);
  const first = tensors.find((t) => !isEmptyList(t)) ?? tensors[0];
  if (first === undefined) return withOrigin(() => fail("cat needs at least one tensor"));
  const axis = ownAxisOf("cat", first, dim);
  const alike = tensors.map((t) => (isEmptyList(t) ? t.reshape(withItem(first.shape, axis, 0)) : t));
  return apply("cat", alike, { axis });
}

/** A user's list may contain anything. */
const isEmptyList = (input: Tensor | undefined): boolean => input?.ndim === 1 && input.shape[0] === 0;

/** Tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  requireList("stack", tensors);
  const [first] = tensors;
  if (first === undefined) return withOrigin(() => fail("stack needs at least one tensor"));
  const axis = withOrigin(() => normalizeAxis(dim, first.ndim + 1));
  const different = tensors.find((t) => String(t.shape) !== String(first.shape));
  if (different !== undefined) {
    const shapes = `${formatShape(first.shape)} and ${formatShape(different.shape)}`;
    return withOrigin(() => fail(`stack needs tensors of one shape but got ${shapes}`));
  }
  return cat(
    tensors.map((t) => t.unsqueeze(axis)),
    axis,
  );
}

/** Tensors come as one list, whose items the operation checks. */
function requireList(callee: string, tensors: unknown): void {
  if (!Array.isArray(tensors))
    withOrigin(() =>
      fail(`${callee} takes one list of tensors: write ${callee}([a, b]) or ${callee}([a, b], dim)`),
    );
}

function fail(message: string): never {
  throw new KilnError(message);
}

/** Parts of `size` elements along `dim`, the last one smaller if they do not fit; or parts of the given sizes. */
export function split(input: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  const axis = ownAxisOf("split", input, dim);
  const extent = input.shape[axis];
  if (typeof size !== "number" && !Array.isArray(size))
    return withOrigin(() => fail(`split needs a size or a list of sizes, not ${describeValue(size)}`));
  const sizes = typeof size === "number" ? evenSizes(extent, size) : size;
  const total = sizes.reduce((sum, part) => sum + part, 0);
  if (total !== extent || sizes.some((part) => !Number.isInteger(part) || part < 0)) {
    return withOrigin(() =>
      fail(
        `split cannot cut axis ${axis} of ${formatShape(input.shape)} into parts of ${formatShape(sizes)}`,
      ),
    );
  }
  let start = 0;
  return sizes.map((part) => {
    start += part;
    return narrow(input, axis, start - part, part);
  });
}

function evenSizes(extent: number, size: number): number[] {
  if (!Number.isInteger(size) || size < 1) return [size];
  if (extent === 0) return [0];
  return Array.from({ length: Math.ceil(extent / size) }, (_, k) => Math.min(size, extent - k * size));
}

/** At most `chunks` parts along `dim`, all of one size but the last. */
export function chunk(input: Tensor, chunks: number, dim = 0): Tensor[] {
  if (!Number.isInteger(chunks) || chunks < 1)
    return withOrigin(() => fail(`chunk needs a positive number of parts, not ${chunks}`));
  const extent = input.shape[ownAxisOf("chunk", input, dim)];
  return split(input, extent === 0 ? Array(chunks).fill(0) : Math.ceil(extent / chunks), dim);
}

/** What {@link pad} puts around: one value, or what lies inside, mirrored, at the edge, or from the other side. */
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

const PAD_MODES: readonly string[] = ["constant", "reflect", "replicate", "circular"];

/**
 * `padding` lists [before, after] of the last axis, then of the one before it, and so on
 * (torch.nn.functional.pad); a negative number of the mode `constant` removes elements.
 */
export function pad(
  input: Tensor,
  padding: readonly number[],
  mode: PadMode = "constant",
  value = 0,
): Tensor {
  const rank = input.ndim;
  return withOrigin(() => {
    if (!PAD_MODES.includes(mode)) fail(`pad's mode must be one of ${PAD_MODES.join(", ")}, not ${mode}`);
    if (padding.length % 2 !== 0 || padding.length > 2 * rank || !padding.every(Number.isInteger)) {
      fail(
        `pad needs pairs of whole numbers for at most ${rank} axes, the last axis first, but got [${padding}]`,
      );
    }
    const side = (axis: number, which: 0 | 1): number => padding[2 * (rank - 1 - axis) + which] ?? 0;
    const sides = input.shape.map((_, axis) => [side(axis, 0), side(axis, 1)] as const);
    if (mode === "constant") return padConstant(input, sides, value);
    return sides.reduce((x, [before, after], axis) => padAxis(x, axis, before, after, mode), input);
  });
}

function padConstant(input: Tensor, sides: readonly (readonly [number, number])[], value: number): Tensor {
  const kept = sides.reduce(
    (x, [before, after], axis) =>
      before < 0 || after < 0 ? slice(x, axis, Math.max(0, -before), x.shape[axis] + Math.min(0, after)) : x,
    input,
  );
  const [before, after] = [0, 1].map((which) => sides.map((pair) => Math.max(0, pair[which])));
  return apply("pad", [kept], { before, after, value: elementOf("pad", value, input.dtype) });
}

/** Puts copies of the input's own edges around it: mirrored, repeated, or from the other side. */
function padAxis(
  x: Tensor,
  axis: number,
  before: number,
  after: number,
  mode: Exclude<PadMode, "constant">,
): Tensor {
  if (before === 0 && after === 0) return x;
  const extent = x.shape[axis];
  const most = { reflect: extent - 1, circular: extent, replicate: Number.POSITIVE_INFINITY }[mode];
  if (Math.min(before, after) < 0 || Math.max(before, after) > most) {
    fail(`pad cannot ${mode} [${before},${after}] elements of axis ${axis} of ${formatShape(x.shape)}`);
  }
  const take = (start: number, count: number): Tensor => narrow(x, axis, start, count);
  const edge = (count: number, isFront: boolean): Tensor => {
    switch (mode) {
      case "reflect":
        return flip(take(isFront ? 1 : extent - 1 - count, count), axis);
      case "circular":
        return take(isFront ? extent - count : 0, count);
      case "replicate":
        return expand(take(isFront ? 0 : extent - 1, 1), withItem(x.shape, axis, count));
      default:
        return mode satisfies never;
    }
  };
  return cat(
    [...(before > 0 ? [edge(before, true)] : []), x, ...(after > 0 ? [edge(after, false)] : [])],
    axis,
  );
}

/** `condition ? input : other`, element by element, with broadcasting. */
export function where(condition: Tensor, input: Tensor | number, other: Tensor | number): Tensor {
  const like = [input, other].find((operand) => typeof operand !== "number");
  const operand = (value: Tensor | number): Tensor =>
    typeof value === "number" && like !== undefined
      ? scalarLike("where", value, like)
      : numberOrTensor("where", value);
  return apply("where", [condition, ...promoted(operand(input), operand(other))]);
}

/** `value`, in the input's dtype, where the bool `mask` is true. */
export function maskedFill(input: Tensor, mask: Tensor, value: Tensor | number): Tensor {
  const filled = asOperand("maskedFill", value, (number) => filling("maskedFill", number, input.dtype));
  return apply("where", [mask, to(filled, input.dtype), input]);
}

/** Joins the axes `startDim`…`endDim` into one (torch.flatten). */
export const flatten = (input: Tensor, startDim = 0, endDim = -1): Tensor => input.flatten(startDim, endDim);

/** Splits the axis `dim` into axes of the given sizes, one of which may be -1 (torch.unflatten). */
export function unflatten(input: Tensor, dim: number, sizes: readonly number[]): Tensor {
  const { shape } = input;
  const parts = withOrigin(() => {
    const axis = ownAxisOf("unflatten", input, dim);
    try {
      return [...shape.slice(0, axis), ...inferReshape([shape[axis]], sizes), ...shape.slice(axis + 1)];
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      throw new KilnError(
        `unflatten cannot split axis ${axis} of ${formatShape(shape)} into ${formatShape(sizes)}`,
      );
    }
  });
  return input.reshape(parts);
}

/** The same elements in row-major order under another shape; one extent may be -1. */
export const reshape = (input: Tensor, shape: readonly number[]): Tensor => input.reshape(shape);

/** A number as a float32 tensor of rank 0. */
export const numberOrTensor = (callee: string, value: Tensor | number): Tensor =>
  asOperand(callee, value, constant);

/** A number as a tensor of rank 0 that `like` can be combined with. */
export const operandLike = (callee: string, value: Tensor | number, like: Tensor): Tensor =>
  asOperand(callee, value, (number) => scalarLike(callee, number, like));
