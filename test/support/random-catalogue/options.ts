/** Options that layers of several ranks pick in the same way. */

import type { nn } from "kiln-js";
import type { Shape } from "../../../src/core/shape.ts";
import type { Draws } from "./entry.ts";

/**
 * Normalisation divides by a deviation, and multiplies rounding errors by as much: with this eps, by at most three, so
 * that cancelling values (a bias before a normalisation has no gradient at all) still vanish.
 */
export const EPS = 0.1;

export const PADDING_MODES = ["zeros", "reflect", "replicate", "circular"] as const;

/** The padding on each side of the last `rank` axes, the last axis first: less than the axis has, as for reflection. */
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
