/**
 * Images and volumes sampled at the positions of a grid, also between their elements (gridSample), and grids of affine
 * maps: the parts of spatial transformers (Jaderberg et al., 2015).
 */

import { describe } from "../../ops/definition.ts";
import { requireFloats } from "../../tensor/arguments.ts";
import { tensor } from "../../tensor/creation.ts";
import { gather } from "../../tensor/lookup.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";

/** How values between pixels are interpolated. */
export type GridSampleMode = "bilinear" | "nearest" | "bicubic";
/** What is used outside of an image. */
export type GridSamplePadding = "zeros" | "border" | "reflection";

/** The named arguments of {@link gridSample}. */
export interface GridSampleOptions {
  /** Default: "bilinear", which of volumes is trilinear; "bicubic" is for images. */
  readonly mode?: GridSampleMode;
  /** What is used outside: zeros by default, the nearest element, or the image mirrored. */
  readonly paddingMode?: GridSamplePadding;
  /** Whether -1 and 1 are the middles of the outermost elements, not their edges (default: false). */
  readonly alignCorners?: boolean | null;
}

interface Settings {
  readonly mode: GridSampleMode;
  readonly padding: GridSamplePadding;
  readonly alignCorners: boolean;
}

/** One element along an axis: its position (int32), its weight, and whether it is inside; all of that if it varies. */
interface Tap {
  readonly position: Tensor;
  readonly weight: Tensor | undefined;
  readonly isInside: Tensor | undefined;
}

/**
 * The elements of images [N,C,H,W] at the places of a grid [N,Ho,Wo,2], or of volumes [N,C,D,H,W] at [N,Do,Ho,Wo,3]
 * (torch.nn.functional.grid_sample): x comes first, and each number runs from -1 to 1 across its axis.
 */
export function gridSample(
  input: Tensor,
  grid: Tensor,
  mode?: GridSampleMode | GridSampleOptions,
  paddingMode?: GridSamplePadding | GridSampleOptions,
  alignCorners?: boolean | null | GridSampleOptions,
): Tensor {
  const names = ["mode", "paddingMode", "alignCorners"];
  const options = new Arguments("gridSample", [mode, paddingMode, alignCorners], names);
  const settings: Settings = {
    mode: options.choice("mode", ["bilinear", "nearest", "bicubic"], "bilinear"),
    padding: options.choice("paddingMode", ["zeros", "border", "reflection"], "zeros"),
    alignCorners: options.flag("alignCorners", false),
  };
  requireTensors("gridSample", { input, grid });
  for (const x of [input, grid]) requireFloats("gridSample", x);
  const rank = input.ndim - 2;
  const isFit = grid.ndim === input.ndim && grid.shape.at(-1) === rank && grid.shape[0] === input.shape[0];
  if ((rank !== 2 && rank !== 3) || !isFit || (settings.mode === "bicubic" && rank !== 2))
    refuse(
      `gridSample in mode ${settings.mode} expects [N,C,H,W] and a grid [N,Ho,Wo,2]` +
        `${settings.mode === "bicubic" ? "" : ", or [N,C,D,H,W] and [N,Do,Ho,Wo,3]"}, but got ${describe(input)} and ` +
        describe(grid),
    );
  const [samples, channels, ...extents] = input.shape;
  const sizes = grid.shape.slice(1, -1);
  if (extents.includes(0)) refuse(`gridSample cannot read from ${describe(input)}: it has no elements`);
  const axes = extents.map((extent, k) => {
    const place = grid.select(-1, rank - 1 - k).reshape([samples, 1, -1]);
    return tapsOf(place, extent, settings);
  });
  const planes = input.reshape([samples, channels, -1]);
  const count = sizes.reduce((a, b) => a * b, 1);
  const terms = combinations(axes).map((taps) => {
    const flat = taps
      .map(({ position }) => position)
      .reduce((sum, position, k) => sum.mul(extents[k]).add(position));
    const read = gather(planes, 2, flat.expand(samples, channels, count));
    const weights = taps.flatMap(({ weight }) => weight ?? []);
    const counted = weights.length === 0 ? read : read.mul(weights.reduce((a, b) => a.mul(b)));
    return taps.reduce((x, { isInside }) => (isInside === undefined ? x : where(isInside, x, 0)), counted);
  });
  return terms.reduce((a, b) => a.add(b)).reshape([samples, channels, ...sizes]);
}

/** One tap of each axis, in every way. */
const combinations = (axes: readonly (readonly Tap[])[]): readonly (readonly Tap[])[] =>
  axes.reduce<readonly (readonly Tap[])[]>(
    (made, taps) => made.flatMap((before) => taps.map((tap) => [...before, tap])),
    [[]],
  );

/** The elements along an axis that contribute at a place from -1 to 1. */
function tapsOf(place: Tensor, extent: number, settings: Settings): readonly Tap[] {
  const { mode, padding, alignCorners } = settings;
  const raw = alignCorners
    ? place.add(1).mul((extent - 1) / 2)
    : place
        .add(1)
        .mul(extent / 2)
        .sub(0.5);
  const tap = (at: Tensor, weight?: Tensor): Tap => {
    const isInside = at.ge(0).logicalAnd(at.le(extent - 1));
    // Of a place outside, NaN and infinity among them, some element is read and not counted.
    const position = where(isInside, at, 0).int();
    return { position, weight, isInside: padding === "zeros" ? isInside : undefined };
  };
  switch (mode) {
    case "nearest":
      return [tap(padded(raw, extent, settings).detach().round())];
    case "bilinear": {
      const x = padded(raw, extent, settings);
      const first = x.detach().floor();
      const share = x.sub(first);
      // Behind the last element there is nothing to read, and the share is 0.
      const second = padding === "zeros" ? first.add(1) : first.add(1).clamp(undefined, extent - 1);
      return [tap(first, share.rsub(1)), tap(second, share)];
    }
    case "bicubic": {
      const first = raw.detach().floor();
      const share = raw.sub(first);
      return cubicWeights(share).map((weight, k) => tap(padded(first.add(k - 1), extent, settings), weight));
    }
    default:
      return mode satisfies never;
  }
}

/**
 * A place brought inside of the image, where something is there for it; a limit lets no gradient through, as in
 * PyTorch.
 */
function padded(x: Tensor, extent: number, { padding, alignCorners }: Settings): Tensor {
  switch (padding) {
    case "zeros":
      return x;
    case "border":
      return limited(x, extent);
    case "reflection":
      return limited(alignCorners ? reflected(x, 0, extent - 1) : reflected(x, -0.5, extent), extent);
    default:
      return padding satisfies never;
  }
}

const limited = (x: Tensor, extent: number): Tensor =>
  where(x.gt(0), where(x.lt(extent - 1), x, extent - 1), 0);

/** A place mirrored at `low` and `low + span` until it is between them. */
function reflected(x: Tensor, low: number, span: number): Tensor {
  if (span === 0) return x.mul(0);
  const away = x.sub(low).abs();
  const flips = away.detach().div(span).floor();
  const rest = away.sub(flips.mul(span));
  const isEven = flips.sub(flips.div(2).floor().mul(2)).eq(0);
  return where(isEven, rest, rest.rsub(span)).add(low);
}

/** PyTorch's free parameter of the cubic kernel (Keys, 1981). */
const A = -0.75;

/** What the elements at -1, 0, 1 and 2 count for a place `t` behind that at 0. */
function cubicWeights(t: Tensor): readonly Tensor[] {
  const far = (d: Tensor): Tensor =>
    d
      .mul(A)
      .sub(5 * A)
      .mul(d)
      .add(8 * A)
      .mul(d)
      .sub(4 * A);
  const near = (d: Tensor): Tensor =>
    d
      .mul(A + 2)
      .sub(A + 3)
      .mul(d)
      .mul(d)
      .add(1);
  const back = t.rsub(1);
  return [far(t.add(1)), near(t), near(back), far(back.add(1))];
}

/**
 * The grid [N,H,W,2] for which {@link gridSample} maps images by `theta` [N,2,3], or [N,D,H,W,3] for volumes by [N,3,4]
 * (torch.nn.functional.affine_grid); `size` is the shape [N,C,H,W] or [N,C,D,H,W] of the result.
 */
export function affineGrid(
  theta: Tensor,
  size: readonly number[],
  alignCorners?: boolean | null | Pick<GridSampleOptions, "alignCorners">,
): Tensor {
  const options = new Arguments("affineGrid", [alignCorners], ["alignCorners"]);
  requireTensors("affineGrid", { theta });
  requireFloats("affineGrid", theta);
  const [samples, , ...extents] = size;
  const rank = extents.length;
  const isFit = theta.ndim === 3 && String(theta.shape) === String([samples, rank, rank + 1]);
  const isSize = size.every((extent) => Number.isSafeInteger(extent) && extent > 0);
  if ((rank !== 2 && rank !== 3) || !isFit || !isSize)
    refuse(
      `affineGrid expects theta [N,2,3] and a size [N,C,H,W], or [N,3,4] and [N,C,D,H,W], but got ${describe(theta)} and ` +
        `[${size}]`,
    );
  const count = extents.reduce((a, b) => a * b, 1);
  const base = new Float32Array(count * (rank + 1)).fill(1);
  const isAligned = options.flag("alignCorners", false);
  for (let row = 0, rest = 0; row < count; row++) {
    rest = row;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const extent = extents[axis];
      base[row * (rank + 1) + rank - 1 - axis] = placeAlong(rest % extent, extent, isAligned);
      rest = Math.floor(rest / extent);
    }
  }
  const places = tensor(base, { shape: [count, rank + 1] });
  return places.matmul(theta.transpose(1, 2)).reshape([samples, ...extents, rank]);
}

/** The place between -1 and 1 of the k-th of `extent` elements. */
function placeAlong(k: number, extent: number, alignCorners: boolean): number {
  if (extent === 1) return 0;
  const place = -1 + (2 * k) / (extent - 1);
  return alignCorners ? place : (place * (extent - 1)) / extent;
}
