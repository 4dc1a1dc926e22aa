/** Transforms that move the rows and columns of an image: padding, cropping, flipping, with torchvision's rules. */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { isNumbers } from "./arguments.ts";
import { chain, checkFinite, shown, type Transform } from "./transforms.ts";

/** Pixels to add: one number for all four sides, [left and right, top and bottom], or [left, top, right, bottom]. */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

/** Of one side: a number that somebody mistook for it is not allocated. */
const MOST_PIXELS = 2 ** 16;

/** One extent for both axes, or [rows, columns]. */
export type ImageSize = number | readonly [number, number];

/** The last two dimensions of a sample, and how many such planes it has. */
export interface Planes {
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
  /** The sample's shape with other rows and columns. */
  resized(rows: number, columns: number): Shape;
}

/** The planes of samples of shape `shape`; throws, naming `transform`, when they have no rows and columns. */
export function planesOf(transform: string, shape: Shape): Planes {
  if (shape.length < 2) {
    throw new KilnError(
      `${transform} needs rows and columns, but samples have the shape ${formatShape(shape)}`,
    );
  }
  const [rows, columns] = shape.slice(-2);
  const outer = shape.slice(0, -2);
  return { planes: sizeOf(outer), rows, columns, resized: (r, c) => [...outer, r, c] };
}

/**
 * Adds rows and columns of `value` around an image: `pad(2)` makes 28 × 28 into 32 × 32. Pad before normalising,
 * so that the border is normalised like the image's own zeros; to pad afterwards, give that number as `value`.
 */
export function pad(amount: Padding, value = 0): Transform {
  const [left, top, right, bottom] = sidesOf(amount);
  checkFinite("pad", value);
  const shown = typeof amount === "number" ? `${amount}` : `[${amount.join(", ")}]`;
  return {
    description: value === 0 ? `pad(${shown})` : `pad(${shown}, ${value})`,
    bind(inputShape) {
      const { planes, rows, columns, resized } = planesOf("pad", inputShape);
      const [paddedRows, paddedColumns] = [rows + top + bottom, columns + left + right];
      return {
        outputShape: resized(paddedRows, paddedColumns),
        apply(input, output, offset) {
          output.fill(value, offset, offset + planes * paddedRows * paddedColumns);
          for (let plane = 0; plane < planes; plane++) {
            for (let row = 0; row < rows; row++) {
              const from = (plane * rows + row) * columns;
              const to = offset + (plane * paddedRows + row + top) * paddedColumns + left;
              for (let column = 0; column < columns; column++) output[to + column] = input[from + column];
            }
          }
        },
      };
    },
  };
}

/** Options of {@link randomCrop}. */
export interface RandomCropOptions {
  /** Pixels added before a place is chosen, none by default. */
  readonly padding?: Padding;
  /** What the added pixels hold (default: 0). */
  readonly fill?: number;
}

/** Cuts out `size` rows and columns at a random place; every place is equally likely. */
export function randomCrop(size: ImageSize, options: RandomCropOptions = {}): Transform {
  checkOptionNames("randomCrop", options, {
    padding: true,
    fill: true,
  } satisfies OptionNames<RandomCropOptions>);
  const { padding = 0, fill = 0 } = options;
  const [cropRows, cropColumns] = rowsAndColumns("randomCrop", size);
  const border = pad(padding, fill);
  const crop = cropAtRandom(cropRows, cropColumns);
  const text = padding === 0 ? "" : `, { padding: ${JSON.stringify(padding)}, fill: ${fill} }`;
  return {
    description: `randomCrop(${JSON.stringify(size)}${text})`,
    bind: (inputShape) => chain(border.bind(inputShape), crop),
  };
}

function cropAtRandom(cropRows: number, cropColumns: number): Transform {
  return {
    description: `randomCrop([${cropRows}, ${cropColumns}])`,
    bind(inputShape) {
      const { planes, rows, columns, resized } = planesOf("randomCrop", inputShape);
      if (cropRows > rows || cropColumns > columns) {
        throw new KilnError(
          `randomCrop cannot cut ${cropRows} × ${cropColumns} out of padded samples of shape ` +
            `${formatShape(inputShape)}; give more padding or a smaller size`,
        );
      }
      return {
        outputShape: resized(cropRows, cropColumns),
        apply(input, output, offset, random) {
          const top = random.integer(rows - cropRows + 1);
          const left = random.integer(columns - cropColumns + 1);
          for (let plane = 0; plane < planes; plane++) {
            for (let row = 0; row < cropRows; row++) {
              const from = (plane * rows + top + row) * columns + left;
              const to = offset + (plane * cropRows + row) * cropColumns;
              for (let column = 0; column < cropColumns; column++) output[to + column] = input[from + column];
            }
          }
        },
      };
    },
  };
}

/** Mirrors an image left to right with probability `p`. */
export function randomHorizontalFlip(p = 0.5): Transform {
  if (typeof p !== "number" || !(p >= 0 && p <= 1)) {
    throw new KilnError(`randomHorizontalFlip needs a probability, not ${shown(p)}`);
  }
  return {
    description: `randomHorizontalFlip(${p})`,
    bind(inputShape) {
      const { planes, rows, columns } = planesOf("randomHorizontalFlip", inputShape);
      return {
        outputShape: inputShape,
        apply(input, output, offset, random) {
          const flips = random.uniform() < p;
          for (let row = 0; row < planes * rows; row++) {
            const begin = row * columns;
            const [first, step] = flips ? [begin + columns - 1, -1] : [begin, 1];
            for (let column = 0; column < columns; column++) {
              output[offset + begin + column] = input[first + step * column];
            }
          }
        },
      };
    },
  };
}

/** `size` as rows and columns; throws, naming `transform`, unless both are whole numbers from 1 on. */
export function rowsAndColumns(transform: string, size: ImageSize): readonly [number, number] {
  const extents = typeof size === "number" ? [size, size] : isNumbers(size) ? Array.from(size) : [];
  if (
    extents.length !== 2 ||
    !extents.every((extent) => Number.isInteger(extent) && extent >= 1 && extent <= MOST_PIXELS)
  ) {
    const found = isNumbers(size) ? `[${Array.from(size)}]` : shown(size);
    throw new KilnError(`${transform} needs a size of 1 to ${MOST_PIXELS}, or [rows, columns], not ${found}`);
  }
  return [extents[0], extents[1]];
}

/** Left, top, right, bottom. */
function sidesOf(padding: Padding): readonly [number, number, number, number] {
  const given: readonly number[] = typeof padding === "number" ? [padding] : padding;
  if (!isNumbers(given))
    throw new KilnError(`pad needs a number of pixels, or two or four, not ${shown(padding)}`);
  const bad = given.find((pixels) => !Number.isInteger(pixels) || pixels < 0 || pixels > MOST_PIXELS);
  if (bad !== undefined)
    throw new KilnError(`pad needs a whole number of pixels, from 0 to ${MOST_PIXELS}, not ${bad}`);
  const [first, second = first, third = first, fourth = second] = given;
  if (given.length === 3 || given.length > 4 || given.length === 0) {
    throw new KilnError(`pad takes one, two or four numbers of pixels, not ${given.length}`);
  }
  return [first, second, third, fourth];
}
