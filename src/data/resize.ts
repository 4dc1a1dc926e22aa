/**
 * Resizing of images. Rows and columns are resampled one after the other, each result being a short weighted sum
 * along one axis, so that every kind of interpolation is a table of weights.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { checkFlag } from "./arguments.ts";
import { type ImageSize, planesOf, rowsAndColumns } from "./spatial-transforms.ts";
import type { Transform } from "./transforms.ts";

/** Options of {@link resize}. */
export interface ResizeOptions {
  /** `"bilinear"` by default. */
  readonly interpolation?: "bilinear" | "nearest";
  /**
   * Whether a bilinear result that is smaller than the image averages over all pixels it covers (the default, as
   * in torchvision) instead of looking at the nearest two in each direction alone.
   */
  readonly antialias?: boolean;
}

const OPTION_NAMES = { interpolation: true, antialias: true } satisfies OptionNames<ResizeOptions>;

/** One result along an axis: `weights` times the values from `first` on. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * Resizes images to `[rows, columns]`, or the shorter side to a single number with the proportions kept. The
 * results are those of torchvision's Resize on tensors, which PyTorch computes as
 * `interpolate(…, align_corners=False, antialias=…)`.
 */
export function resize(size: ImageSize, options: ResizeOptions = {}): Transform {
  checkOptionNames("resize", options, OPTION_NAMES);
  const { interpolation = "bilinear", antialias = true } = options;
  checkFlag("resize", "antialias", antialias);
  if (interpolation !== "bilinear" && interpolation !== "nearest") {
    throw new KilnError(
      `resize interpolates "bilinear" or "nearest", not ${typeof interpolation === "string" ? JSON.stringify(interpolation) : describeValue(interpolation)}`,
    );
  }
  const wanted = rowsAndColumns("resize", size);
  const tapsOf = interpolation === "nearest" ? nearestTaps : antialias ? areaTaps : bilinearTaps;
  return {
    description: `resize(${JSON.stringify(size)}, { interpolation: "${interpolation}", antialias: ${antialias} })`,
    bind(inputShape) {
      const { planes, rows, columns, resized } = planesOf("resize", inputShape);
      const [newRows, newColumns] = typeof size === "number" ? proportional(size, rows, columns) : wanted;
      const [vertical, horizontal] = [tapsOf(rows, newRows), tapsOf(columns, newColumns)];
      const widened = new Float32Array(rows * newColumns);
      return {
        outputShape: resized(newRows, newColumns),
        apply(input, output, offset) {
          for (let plane = 0; plane < planes; plane++) {
            const from = plane * rows * columns;
            for (let row = 0; row < rows; row++) {
              const [source, target] = [from + row * columns, row * newColumns];
              resample(horizontal, input, source, 1, widened, target, 1);
            }
            const to = offset + plane * newRows * newColumns;
            for (let column = 0; column < newColumns; column++) {
              resample(vertical, widened, column, newColumns, output, to + column, newColumns);
            }
          }
        },
      };
    },
  };
}

/** Writes one line of results; lines begin at a position and go on in steps. */
function resample(
  taps: readonly Taps[],
  input: Float32Array,
  inputBegin: number,
  inputStep: number,
  output: Float32Array,
  outputBegin: number,
  outputStep: number,
): void {
  for (let k = 0; k < taps.length; k++) {
    const { first, weights } = taps[k];
    let sum = 0;
    for (let w = 0; w < weights.length; w++) {
      sum += weights[w] * input[inputBegin + (first + w) * inputStep];
    }
    output[outputBegin + k * outputStep] = sum;
  }
}

/** The shorter side becomes `size`; the longer one is cut to a whole number as torchvision does. */
function proportional(size: number, rows: number, columns: number): readonly [number, number] {
  return rows <= columns
    ? [size, Math.trunc((size * columns) / rows)]
    : [Math.trunc((size * rows) / columns), size];
}

const table = (extent: number, taps: (position: number) => Taps): Taps[] =>
  Array.from({ length: extent }, (_, position) => taps(position));

/** The pixel at or before each position, found in float32 as PyTorch finds it. */
function nearestTaps(from: number, to: number): Taps[] {
  const ratio = Math.fround(from / to);
  return table(to, (position) => {
    const first = Math.min(Math.floor(Math.fround(position * ratio)), from - 1);
    return { first, weights: [1] };
  });
}

/** The two pixels whose centres surround each position; at the border only the outermost one. */
function bilinearTaps(from: number, to: number): Taps[] {
  const ratio = from / to;
  return table(to, (position) => {
    const centre = Math.max(0, ratio * (position + 0.5) - 0.5);
    const first = Math.min(Math.floor(centre), from - 1);
    const share = first === from - 1 ? 0 : centre - first;
    return share === 0 ? { first, weights: [1] } : { first, weights: [1 - share, share] };
  });
}

/** A triangle over all the pixels that a result covers, its weights making one; at least two pixels wide. */
function areaTaps(from: number, to: number): Taps[] {
  const ratio = from / to;
  const reach = Math.max(1, ratio);
  return table(to, (position) => {
    const centre = ratio * (position + 0.5);
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const heights = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / reach),
    );
    const sum = heights.reduce((total, height) => total + height, 0);
    return { first, weights: heights.map((height) => height / sum) };
  });
}
