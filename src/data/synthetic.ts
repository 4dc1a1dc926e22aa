/**
 * Handwritten-looking digits that need no download: pen strokes with random size, slant, wobble and noise.
 * Hard enough that position alone does not tell the digits apart, so a convolution has something to learn.
 */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { checkFlag } from "./arguments.ts";
import { Canvas } from "./canvas.ts";
import { checkIndex, type Dataset } from "./dataset.ts";
import { GLYPHS, type Stroke } from "./glyphs.ts";
import { checkSeed, Random } from "./random.ts";
import { shown } from "./transforms.ts";

/** Options of {@link syntheticDigits}. */
export interface SyntheticDigitsOptions {
  /** Whether these are training or test samples; the two share no sample. */
  readonly train: boolean;
  /** Number of samples: 10,000 for training and 2,000 for testing by default. */
  readonly count?: number;
  /** The seed of the digits. */
  readonly seed?: number;
  /** Rows and columns of an image (default: 32). */
  readonly size?: number;
}

const OPTION_NAMES = {
  train: true,
  count: true,
  seed: true,
  size: true,
} satisfies OptionNames<SyntheticDigitsOptions>;

const DEFAULT_TRAIN_COUNT = 10_000;
const DEFAULT_TEST_COUNT = 2_000;
const SMALLEST_SIZE = 12;
const LARGEST_SIZE = 256;
/** A byte for each pixel of all images. */
const MOST_BYTES = 2 ** 31;

/** Random ranges, lengths as parts of the image's size. */
const STYLE = {
  height: [0.48, 0.72],
  /** The ratio of width to height. */
  aspect: [0.5, 0.85],
  /** Largest turn to either side, as the tangent of half its angle (0.12 is 14 degrees). */
  halfTurn: 0.12,
  /** Largest slant to either side: sideways shift over height. */
  slant: 0.32,
  /** Largest distance of the digit's centre from the image's, in each direction. */
  shift: 0.09,
  /** Standard deviation of a control point's displacement, as a part of the digit's box. */
  wobble: 0.03,
  thickness: [0.045, 0.11],
  ink: [0.65, 1],
  paper: [0, 0.08],
  noise: [0.01, 0.06],
  speckChance: 0.25,
  speckLength: 0.1,
} as const;

/**
 * Digits 0 … 9 as `[1, size, size]` images with values from 0 (paper) to 1 (ink). Each sample is a function of
 * the seed, of training or test, and of its index alone. Samples are drawn when first asked for and then kept.
 */
export function syntheticDigits(options: SyntheticDigitsOptions): Dataset {
  checkOptionNames("syntheticDigits", options, OPTION_NAMES);
  const { train, seed = 0, size = 32 } = options;
  checkFlag("syntheticDigits", "train", train);
  const count = options.count ?? (train ? DEFAULT_TRAIN_COUNT : DEFAULT_TEST_COUNT);
  checkSeed(seed);
  if (!Number.isInteger(count) || count < 1) {
    throw new KilnError(`syntheticDigits needs a count of at least 1, not ${shown(count)}`);
  }
  if (!Number.isInteger(size) || size < SMALLEST_SIZE || size > LARGEST_SIZE) {
    throw new KilnError(
      `syntheticDigits draws images of ${SMALLEST_SIZE} to ${LARGEST_SIZE} pixels a side, not ${shown(size)}`,
    );
  }
  if (count * size * size > MOST_BYTES) {
    throw new KilnError(
      `syntheticDigits keeps ${count} images of ${size} x ${size} in memory: more than ${MOST_BYTES} bytes, give a smaller count`,
    );
  }
  const split = train ? "train" : "test";
  const pixels = size * size;
  const images = new Uint8Array(count * pixels);
  const labels = new Int8Array(count).fill(-1);
  const artist = new Artist(size);
  const dataset: Dataset = {
    length: count,
    sampleShape: [1, size, size],
    classes: GLYPHS.length,
    description: `${count} synthetic digits (${split}, seed ${seed})`,
    sample(index, out, offset) {
      checkIndex(dataset, index);
      const start = index * pixels;
      if (labels[index] < 0) {
        labels[index] = artist.draw(new Random(seed, split, index), images.subarray(start, start + pixels));
      }
      for (let pixel = 0; pixel < pixels; pixel++) out[offset + pixel] = images[start + pixel] / 255;
      return labels[index];
    },
  };
  return dataset;
}

/** Draws one digit after another on the same canvas. */
class Artist {
  readonly #canvas: Canvas;
  readonly #points: Float64Array;

  constructor(size: number) {
    this.#canvas = new Canvas(size);
    const strokes = GLYPHS.flat(2);
    this.#points = new Float64Array(Math.max(...strokes.map((stroke) => stroke.points.length)));
  }

  /** Draws a random digit, writes it to `image` as bytes and returns which digit it is. */
  draw(random: Random, image: Uint8Array): number {
    this.#canvas.ink.fill(0);
    const digit = random.integer(GLYPHS.length);
    const glyph = GLYPHS[digit][random.integer(GLYPHS[digit].length)];
    const placement = choosePlacement(random, this.#canvas.size);
    const thickness = this.#length(random.uniform(...STYLE.thickness));
    for (const stroke of glyph) this.#drawStroke(stroke, placement, thickness, random);
    if (random.uniform() < STYLE.speckChance) this.#drawSpeck(random, thickness);
    this.#develop(random, image);
    return digit;
  }

  #length(part: number): number {
    return part * this.#canvas.size;
  }

  #drawStroke(stroke: Stroke, placement: Placement, thickness: number, random: Random): void {
    const points = this.#points;
    const count = stroke.points.length / 2;
    for (let i = 0; i < count; i++) {
      const x = stroke.points[2 * i] - 0.5 + STYLE.wobble * random.normal();
      const y = stroke.points[2 * i + 1] - 0.5 + STYLE.wobble * random.normal();
      points[2 * i] = placement.centreX + placement.xx * x + placement.xy * y;
      points[2 * i + 1] = placement.centreY + placement.yx * x + placement.yy * y;
    }
    if (stroke.smooth) this.#canvas.drawCurve(points, count, thickness);
    else this.#canvas.drawLines(points, count, thickness);
  }

  /** A short stray stroke anywhere on the paper. */
  #drawSpeck(random: Random, thickness: number): void {
    const { size } = this.#canvas;
    const reach = this.#length(STYLE.speckLength);
    const [x, y] = [random.uniform(0, size), random.uniform(0, size)];
    const [endX, endY] = [x + random.uniform(-reach, reach), y + random.uniform(-reach, reach)];
    this.#canvas.drawLine(x, y, endX, endY, thickness);
  }

  /** Turns ink into bytes: how dark the pen is, how grey the paper, and noise on both. */
  #develop(random: Random, image: Uint8Array): void {
    const { ink } = this.#canvas;
    const paper = 255 * random.uniform(...STYLE.paper);
    const contrast = 255 * random.uniform(...STYLE.ink) - paper;
    const noise = 255 * random.uniform(...STYLE.noise);
    for (let pixel = 0; pixel < image.length; pixel++) {
      const value = paper + contrast * ink[pixel] + noise * random.normal();
      image[pixel] = Math.min(255, Math.max(0, value + 0.5));
    }
  }
}

/** The affine map from a glyph's box, centred on the origin, to pixels. */
interface Placement {
  readonly centreX: number;
  readonly centreY: number;
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
}

/** A random size, slant, turn and position; made of exact operations, hence no sine or cosine. */
function choosePlacement(random: Random, size: number): Placement {
  const height = size * random.uniform(...STYLE.height);
  const width = height * random.uniform(...STYLE.aspect);
  const slant = random.uniform(-STYLE.slant, STYLE.slant);
  const halfTurn = random.uniform(-STYLE.halfTurn, STYLE.halfTurn);
  const cosine = (1 - halfTurn * halfTurn) / (1 + halfTurn * halfTurn);
  const sine = (2 * halfTurn) / (1 + halfTurn * halfTurn);
  const shift = size * STYLE.shift;
  const centre = (size - 1) / 2;
  return {
    centreX: centre + random.uniform(-shift, shift),
    centreY: centre + random.uniform(-shift, shift),
    xx: cosine * width,
    xy: (-cosine * slant - sine) * height,
    yx: sine * width,
    yy: (cosine - sine * slant) * height,
  };
}
