/**
 * Signals, images and volumes in other sizes, with PyTorch's modes; along each axis a product with a matrix of weights.
 */

import { KilnError } from "../../core/errors.ts";
import { describe } from "../../ops/definition.ts";
import { requireFloats } from "../../tensor/arguments.ts";
import { tensor } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";
import { Arguments, extentsOf, type Size } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";

/**
 * How elements between the given ones are made; "linear" is of signals, "trilinear" of volumes, the two others of
 * images.
 */
export type InterpolationMode =
  | "nearest"
  | "nearest-exact"
  | "linear"
  | "bilinear"
  | "bicubic"
  | "trilinear"
  | "area";

/** One size or factor for all axes, or one for each. */
type PerAxis = number | readonly number[];

/** How a size is changed, by layers and functions; either `size` or `scaleFactor` is given. */
export interface UpsampleOptions {
  /** The size of the output along each axis. */
  readonly size?: PerAxis | null;
  /** What the extents are multiplied by; what is left of a fraction is cut off. */
  readonly scaleFactor?: PerAxis | null;
  /** Default: "nearest". */
  readonly mode?: InterpolationMode;
  /**
   * Whether the first and last elements are aligned, not the edges; for the modes that end in "linear" and "bicubic".
   */
  readonly alignCorners?: boolean | null;
  /** Whether the factor that is computed with is that of the extents, not the one given (default: false). */
  readonly recomputeScaleFactor?: boolean | null;
}

/** The named arguments of {@link interpolate}. */
export interface InterpolateOptions extends UpsampleOptions {
  /**
   * Whether smaller images are averaged over all that falls together, for "bilinear" and "bicubic" (default: false).
   */
  readonly antialias?: boolean;
}

/** The options as they are computed with. */
export interface InterpolationSettings {
  readonly size: PerAxis | undefined;
  readonly scaleFactor: PerAxis | undefined;
  readonly mode: InterpolationMode;
  readonly alignCorners: boolean;
  readonly recomputeScaleFactor: boolean;
  /** Of the function alone. */
  readonly antialias?: boolean;
}

const NAMES = ["size", "scaleFactor", "mode", "alignCorners", "recomputeScaleFactor"];
const MODES: readonly InterpolationMode[] = [
  "nearest",
  "nearest-exact",
  "linear",
  "bilinear",
  "bicubic",
  "trilinear",
  "area",
];
/** How many axes the modes that have their own are for. */
const RANKS: Readonly<Partial<Record<InterpolationMode, number>>> = {
  linear: 1,
  bilinear: 2,
  bicubic: 2,
  trilinear: 3,
};

/** Reads the options of an interpolation, layer or function. */
export function readInterpolation(
  callee: string,
  given: readonly unknown[],
  names: readonly string[] = NAMES,
): InterpolationSettings {
  const options = new Arguments(callee, given, names);
  const antialias = options.flag("antialias", false);
  const mode = options.choice("mode", MODES, "nearest");
  if (options.has("size") === options.has("scaleFactor"))
    refuse(`${callee} needs either size or scaleFactor${options.has("size") ? ", not both" : ""}`);
  if (options.has("alignCorners") && RANKS[mode] === undefined)
    refuse(`${callee}'s alignCorners is for the modes linear, bilinear, bicubic and trilinear, not ${mode}`);
  if (antialias && mode !== "bilinear" && mode !== "bicubic")
    refuse(`${callee}'s antialias is for the modes bilinear and bicubic, not ${mode}`);
  return {
    size: options.has("size")
      ? options.perAxis("size", (n) => Number.isSafeInteger(n) && n > 0, "a positive whole number")
      : undefined,
    scaleFactor: options.has("scaleFactor")
      ? options.perAxis("scaleFactor", (n) => Number.isFinite(n) && n > 0, "a finite number above 0")
      : undefined,
    mode,
    alignCorners: options.flag("alignCorners", false),
    recomputeScaleFactor: options.flag("recomputeScaleFactor", false),
    antialias,
  };
}

/** Signals [N,C,L], images [N,C,H,W] or volumes [N,C,D,H,W] in another size (torch.nn.functional.interpolate). */
export function interpolate(
  input: Tensor,
  size?: PerAxis | null | InterpolateOptions,
  scaleFactor?: PerAxis | null | InterpolateOptions,
  mode?: InterpolationMode | InterpolateOptions,
  alignCorners?: boolean | null | InterpolateOptions,
  recomputeScaleFactor?: boolean | null | InterpolateOptions,
  antialias?: boolean | InterpolateOptions,
): Tensor {
  requireTensors("interpolate", { input });
  requireFloats("interpolate", input);
  const given = [size, scaleFactor, mode, alignCorners, recomputeScaleFactor, antialias];
  const settings = readInterpolation("interpolate", given, [...NAMES, "antialias"]);
  return interpolated("interpolate", input, settings);
}

/** {@link interpolate} with options that are read already. */
export function interpolated(callee: string, input: Tensor, settings: InterpolationSettings): Tensor {
  const rank = input.ndim - 2;
  const wanted = RANKS[settings.mode];
  if (rank < 1 || rank > 3 || (wanted !== undefined && wanted !== rank)) {
    const shapes = ["[N,C,L]", "[N,C,H,W]", "[N,C,D,H,W]"];
    const expected = wanted === undefined ? shapes.join(", ") : shapes[wanted - 1];
    refuse(`${callee} in mode ${settings.mode} expects ${expected} but got ${describe(input)}`);
  }
  const extents = input.shape.slice(2);
  const listed = (value: PerAxis, name: string): readonly number[] =>
    typeof value === "number" || value.length === rank
      ? extentsOf(value as Size<3>, rank as 3)
      : refuse(
          `${callee}'s ${name} [${value}] must have one number for each of the ${rank} axes of ${describe(input)}`,
        );
  const factors =
    settings.scaleFactor === undefined ? undefined : listed(settings.scaleFactor, "scaleFactor");
  const sizes =
    settings.size === undefined
      ? extents.map((extent, axis) => Math.floor(extent * (factors as readonly number[])[axis]))
      : listed(settings.size, "size");
  if ([...sizes, ...extents].some((extent) => extent < 1))
    refuse(`${callee} cannot make [${sizes}] of ${describe(input)}: there must be elements along each axis`);
  const isKept = factors !== undefined && !settings.recomputeScaleFactor && settings.mode !== "area";
  return sizes.reduce((x, size, k) => {
    const step = isKept ? 1 / factors[k] : extents[k] / size;
    return resized(x, k + 2, size, step, settings);
  }, input);
}

/** One axis in another size; neighbouring elements of the result are `step` apart in the input. */
function resized(
  x: Tensor,
  axis: number,
  size: number,
  step: number,
  { mode, alignCorners, antialias = false }: InterpolationSettings,
): Tensor {
  const extent = x.shape[axis];
  if (size === extent && (step === 1 || alignCorners)) return x;
  const isNearest = mode === "nearest" || mode === "nearest-exact";
  if (isNearest && size % extent === 0 && step === extent / size) return repeated(x, axis, size / extent);
  const weights = new Float32Array(extent * size);
  const taps = antialias
    ? (o: number) => smoothTaps(o, extent, alignCorners ? cornerStep(extent, size) : step, mode === "bicubic")
    : (o: number) => tapsOf(o, extent, size, step, mode, alignCorners);
  for (let o = 0; o < size; o++) for (const [at, weight] of taps(o)) weights[at * size + o] += weight;
  return product(x, axis, tensor(weights, { shape: [extent, size] }));
}

/** Each element along `axis` several times: no sums at all, whatever the numbers. */
function repeated(x: Tensor, axis: number, times: number): Tensor {
  const [before, after] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)];
  return x
    .unsqueeze(axis + 1)
    .expand(...before, times, ...after)
    .reshape([...before.slice(0, -1), before[axis] * times, ...after]);
}

/** The weighted sums over `axis` given by the columns of `weights` [extent, size]. */
function product(x: Tensor, axis: number, weights: Tensor): Tensor {
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const [extent, size] = weights.shape;
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const result =
    count(inner) === 1
      ? x.reshape([count(outer), extent]).matmul(weights)
      : weights.t().matmul(x.reshape([count(outer), extent, count(inner)]));
  return result.reshape([...outer, size, ...inner]);
}

type Tap = readonly [position: number, weight: number];

/** The elements of the input that contribute to an element of the result. */
function tapsOf(
  o: number,
  extent: number,
  size: number,
  step: number,
  mode: InterpolationMode,
  alignCorners: boolean,
): readonly Tap[] {
  const within = (position: number): number => Math.min(Math.max(position, 0), extent - 1);
  switch (mode) {
    // In single precision, as PyTorch: a place that is nearly whole is rounded as it is there.
    case "nearest":
      return [[within(Math.floor(Math.fround(Math.fround(step) * o))), 1]];
    case "nearest-exact":
      return [[within(Math.floor(Math.fround(Math.fround(step) * (o + 0.5)))), 1]];
    case "linear":
    case "bilinear":
    case "trilinear": {
      const place = Math.max(0, placeOf(o, extent, size, step, alignCorners));
      const first = within(Math.floor(place));
      const share = Math.min(place - first, 1);
      return [
        [first, 1 - share],
        [within(first + 1), share],
      ];
    }
    case "bicubic": {
      const place = placeOf(o, extent, size, step, alignCorners);
      const first = Math.floor(place);
      return [-1, 0, 1, 2].map((k): Tap => [within(first + k), cubic(Math.abs(place - first - k))]);
    }
    case "area": {
      const [start, end] = [Math.floor((o * extent) / size), Math.ceil(((o + 1) * extent) / size)];
      return Array.from({ length: end - start }, (_, k): Tap => [start + k, 1 / (end - start)]);
    }
    default:
      return mode satisfies never;
  }
}

/** The position of an element of the result among those of the input. */
function placeOf(o: number, extent: number, size: number, step: number, alignCorners: boolean): number {
  if (alignCorners) return size === 1 ? 0 : (o * (extent - 1)) / (size - 1);
  return (o + 0.5) * step - 0.5;
}

/** The distance between neighbours if the corners are aligned. */
const cornerStep = (extent: number, size: number): number => (size === 1 ? 0 : (extent - 1) / (size - 1));

/**
 * The elements of the input that contribute to an element of the result, if the kernel is widened for downsampling: a
 * triangle, or the cubic one (as in Pillow).
 */
function smoothTaps(o: number, extent: number, step: number, isCubic: boolean): readonly Tap[] {
  const width = Math.max(step, 1);
  const reach = (isCubic ? 2 : 1) * width;
  const center = step * (o + 0.5);
  const first = Math.max(Math.trunc(center - reach + 0.5), 0);
  const end = Math.min(Math.trunc(center + reach + 0.5), extent);
  const weightAt = (at: number): number => {
    const distance = Math.abs((at - center + 0.5) / width);
    if (!isCubic) return Math.max(0, 1 - distance);
    return distance < 2 ? cubic(distance, SMOOTH) : 0;
  };
  const taps = Array.from({ length: end - first }, (_, k): Tap => [first + k, weightAt(first + k)]);
  const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
  return taps.map(([at, weight]): Tap => [at, weight / total]);
}

/** PyTorch's free parameter of the cubic kernel (Keys, 1981), and that of the kernel of antialiased images. */
const SHARP = -0.75;
const SMOOTH = -0.5;

/** The weight of an element at a distance below 2. */
const cubic = (d: number, a = SHARP): number =>
  d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;

/** Throws a KilnError unless the settings of a layer suit its number of axes. */
export function checkUpsampling(callee: string, value: PerAxis | undefined): void {
  if (value === undefined || typeof value === "number" || value.length === 2) return;
  withOrigin(() => {
    throw new KilnError(`${callee} is for images: its size or factor is one number or two, not [${value}]`);
  });
}
