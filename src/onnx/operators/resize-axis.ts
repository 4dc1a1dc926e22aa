/** Resizes one axis of an image: which elements contribute to each new one, and with which weights. */

import { tensor } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkCount } from "../most-numbers.ts";

export type Coordinates =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "align_corners"
  | "asymmetric"
  | "tf_crop_and_resize";

export interface AxisResize {
  readonly extent: number;
  readonly size: number;
  readonly scale: number;
  readonly coordinates: Coordinates;
  /** The part of the axis that is used, from 0 to 1. */
  readonly region: readonly number[];
  readonly mode: "nearest" | "linear" | "cubic";
  readonly rounding: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
  /** The coefficient of cubic interpolation. */
  readonly cubic: number;
  readonly excludesOutside: boolean;
  readonly antialias: boolean;
}

/** The resized image, and the positions along the axis that are outside of the original. */
export interface Resized {
  readonly image: Tensor;
  readonly isOutside: Tensor | undefined;
}

export function resizedAlong(x: Tensor, axis: number, along: AxisResize): Resized {
  const { extent, size, scale, region } = along;
  if (size === extent && scale === 1 && region[0] === 0 && region[1] === 1)
    return { image: x, isOutside: undefined };
  checkCount(size, "places along an axis");
  const places = Array.from({ length: size }, (_, at) => placeOf(at, along));
  const taps = places.map((place) => tapsAt(place, along));
  const flags = places.map((place) => place < 0 || place > extent - 1);
  const isOutside =
    along.coordinates === "tf_crop_and_resize" && flags.includes(true)
      ? tensor(flags).reshape(x.shape.map((_, k) => (k === axis ? size : 1)))
      : undefined;
  const image =
    along.mode === "nearest"
      ? picked(
          x,
          axis,
          taps.map(([[at]]) => at),
        )
      : mixed(x, axis, taps);
  return { image, isOutside };
}

/** The coordinate of a new element among the old ones. */
function placeOf(at: number, { extent, size, scale, coordinates, region: [start, end] }: AxisResize): number {
  const width = scale * extent;
  switch (coordinates) {
    case "align_corners":
      return width === 1 ? 0 : (at * (extent - 1)) / (width - 1);
    case "asymmetric":
      return at / scale;
    case "tf_crop_and_resize": {
      const span = (end - start) * (extent - 1);
      return start * (extent - 1) + (width === 1 ? span / 2 : (at * span) / (width - 1));
    }
    case "pytorch_half_pixel":
      return width === 1 ? -0.5 : (at + 0.5) / scale - 0.5;
    case "half_pixel":
      return (at + 0.5) / scale - 0.5;
    case "half_pixel_symmetric":
      return (extent / 2) * (1 - size / width) + (at + 0.5) / scale - 0.5;
    default:
      return coordinates satisfies never;
  }
}

type Tap = readonly [position: number, weight: number];

/** The elements at a position; beyond the ends, the outermost ones. */
function tapsAt(
  place: number,
  { extent, scale, mode, rounding, cubic, excludesOutside, antialias }: AxisResize,
): readonly Tap[] {
  const clamped = (position: number): number => Math.min(Math.max(position, 0), extent - 1);
  if (mode === "nearest") return [[clamped(rounded(place, rounding)), 1]];
  // Averages over all elements that are merged if the image becomes smaller.
  const stretch = antialias ? Math.min(scale, 1) : 1;
  const reach = (mode === "linear" ? 1 : 2) / stretch;
  const curve =
    mode === "linear" ? (t: number) => Math.max(0, 1 - Math.abs(t)) : (t: number) => cubicAt(t, cubic);
  const [first, last] = [Math.ceil(place - reach), Math.floor(place + reach)];
  const all = Array.from({ length: last - first + 1 }, (_, k): Tap => {
    const position = first + k;
    return [position, curve((position - place) * stretch)];
  });
  const used = excludesOutside ? all.filter(([position]) => position >= 0 && position < extent) : all;
  const total = used.reduce((sum, [, weight]) => sum + weight, 0);
  return used.map(([position, weight]) => [clamped(position), weight / total]);
}

function rounded(place: number, rounding: AxisResize["rounding"]): number {
  switch (rounding) {
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    case "round_prefer_floor":
      return Math.ceil(place - 0.5);
    case "round_prefer_ceil":
      return Math.floor(place + 0.5);
    default:
      return rounding satisfies never;
  }
}

/** Keys' cubic convolution. */
function cubicAt(t: number, a: number): number {
  const x = Math.abs(t);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
}

/** The elements at positions along an axis: each in turn several times, or those that are listed. */
function picked(x: Tensor, axis: number, positions: readonly number[]): Tensor {
  const extent = x.shape[axis];
  const times = positions.length / extent;
  if (Number.isInteger(times) && positions.every((at, k) => at === Math.floor(k / times))) {
    const [before, after] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)];
    return x
      .unsqueeze(axis + 1)
      .expand(...before, times, ...after)
      .reshape([...before.slice(0, -1), positions.length, ...after]);
  }
  return x.indexSelect(axis, tensor(Int32Array.from(positions)));
}

/** The weighted sums of the taps over an axis, as a product with a matrix. */
function mixed(x: Tensor, axis: number, taps: readonly (readonly Tap[])[]): Tensor {
  const [extent, size] = [x.shape[axis], taps.length];
  const weights = new Float32Array(extent * size);
  for (const [k, list] of taps.entries()) for (const [at, weight] of list) weights[at * size + k] += weight;
  const matrix = tensor(weights, { shape: [extent, size] });
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const product =
    count(inner) === 1
      ? x.reshape([count(outer), extent]).matmul(matrix)
      : matrix.t().matmul(x.reshape([count(outer), extent, count(inner)]));
  return product.reshape([...outer, size, ...inner]);
}
