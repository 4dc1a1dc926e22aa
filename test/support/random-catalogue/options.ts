/** Options that layers of several ranks pick in the same way. */

import type { nn } from "kiln-js";
import type { Shape } from "../../../src/core/shape.ts";
import type { Draws } from "./entry.ts";

/**
 * Normalisation divides by a deviation, and multiplies rounding errors as much: with this eps, by three at most, so
 * that what cancels (a bias in front of a normalisation has no gradient at all) still vanishes.
 */
export const EPS = 0.1;

export const PADDING_MODES = ["zeros", "reflect", "replicate", "circular"] as const;

/** How much each side of the last `rank` axes is padded, the last axis first: fewer than the axis has, as reflecting wants. */
export const sides = (shape: Shape, { a, b }: Draws, rank: number): readonly number[] =>
  shape
    .slice(-rank)
    .reverse()
    .flatMap((extent, k) => [(a >> k) % Math.min(extent, 3), (b >> k) % Math.min(extent, 3)]);

/** The modes of Upsample, by what they are for, and the options of each. */
export const UPSAMPLING = {
  modes: {
    signal: ["nearest", "linear", "nearest-exact", "area"],
    image: ["nearest", "bilinear", "bicubic", "nearest-exact", "area"],
    volume: ["nearest", "trilinear", "area"],
  },
  options: (mode: nn.InterpolationMode, c: number) => ({
    mode,
    ...(mode.includes("linear") || mode === "bicubic" ? { alignCorners: c % 2 === 0 } : {}),
  }),
} satisfies {
  readonly modes: Readonly<Record<string, readonly nn.InterpolationMode[]>>;
  readonly options: (mode: nn.InterpolationMode, c: number) => nn.InterpolateOptions;
};
