/** The data of the zoo's image nets: coloured shapes, of any size and rotation, drawn on a noisy background. */

import { type Tensor, tensor } from "kiln-js";

/** Whether a point is inside of a shape that fills the square from -1 to 1. */
type Shape = (x: number, y: number) => boolean;

const SHAPES: Readonly<Record<string, Shape>> = {
  disc: (x, y) => x * x + y * y < 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.8,
  triangle: (x, y) => y < 0.6 && y > 2 * Math.abs(x) - 1,
  ring: (x, y) => x * x + y * y < 1 && x * x + y * y > 0.35,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.3 && Math.max(Math.abs(x), Math.abs(y)) < 1,
};

export const KINDS = Object.keys(SHAPES);

const between = (least: number, most: number): number => least + Math.random() * (most - least);
const colour = (least: number, most: number): number[] => [0, 1, 2].map(() => between(least, most));

export interface Scene {
  /** The colours, channel by channel, [3,size,size]. */
  readonly image: Float32Array;
  /** The class of each pixel, [size,size]: 0 is the background, k + 1 a shape of kind k. */
  readonly mask: Int32Array;
  /** The kind of the last shape, or of the only one. */
  readonly kind: number;
}

/** So many shapes on top of each other. */
export function scene(size: number, shapes: number): Scene {
  const pixels = size * size;
  const image = new Float32Array(3 * pixels);
  const mask = new Int32Array(pixels);
  const paint = (at: number, colours: readonly number[]): void => {
    for (let channel = 0; channel < 3; channel++) image[channel * pixels + at] = colours[channel];
  };
  const ground = colour(0, 0.3);
  for (let at = 0; at < pixels; at++) paint(at, ground);
  let kind = 0;
  for (let k = 0; k < shapes; k++) {
    kind = Math.floor(Math.random() * KINDS.length);
    const isInside = SHAPES[KINDS[kind]];
    const [radius, turn, ink] = [between(0.2, 0.35) * size, between(0, 2 * Math.PI), colour(0.4, 1)];
    const [column, row] = [between(radius, size - radius), between(radius, size - radius)];
    for (let at = 0; at < pixels; at++) {
      const [x, y] = [((at % size) - column) / radius, (Math.floor(at / size) - row) / radius];
      const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
      if (!isInside(x * cos + y * sin, y * cos - x * sin)) continue;
      paint(at, ink);
      mask[at] = kind + 1;
    }
  }
  return { image: image.map((value) => value + between(-0.1, 0.1)), mask, kind };
}

/**
 * Images [count,3,size,size] of so many shapes, pixel classes
 * [count,size,size], and the kinds of the last shapes [count].
 */
export function scenes(
  count: number,
  size: number,
  shapes: number,
): { readonly images: Tensor; readonly masks: Tensor; readonly kinds: Tensor } {
  const drawn = Array.from({ length: count }, () => scene(size, shapes));
  const images = new Float32Array(count * 3 * size * size);
  const masks = new Int32Array(count * size * size);
  for (const [k, { image, mask }] of drawn.entries()) {
    images.set(image, k * image.length);
    masks.set(mask, k * mask.length);
  }
  return {
    images: tensor(images, { shape: [count, 3, size, size] }),
    masks: tensor(masks, { shape: [count, size, size] }),
    kinds: tensor(Int32Array.from(drawn, ({ kind }) => kind)),
  };
}
