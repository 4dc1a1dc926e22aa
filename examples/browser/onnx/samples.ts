/** Training data for models of any input: synthetic digits for images, clusters of points for rows of numbers. */

import { cat, data, randn, type Tensor, tensor } from "kiln-js";

export type Batch = readonly [inputs: Tensor, classes: Tensor];

/** A model's input: a batch of [channels, size, size], or of any other shape. */
export interface Taken {
  readonly shape: readonly number[];
  readonly classes: number;
}

/** The side of square images of one or three channels; undefined for anything else. */
export function pictureSize([, channels, rows, columns, ...more]: readonly number[]): number | undefined {
  const isPicture = more.length === 0 && [1, 3].includes(channels) && rows === columns && rows >= 8;
  return isPicture ? rows : undefined;
}

/** Images of synthetic digits, in endless batches. */
export async function* digitBatches({ shape, classes }: Taken, seed: number): AsyncGenerator<Batch, never> {
  const [batchSize, channels, size] = shape;
  const digits = data.syntheticDigits({ train: seed === 0, count: 2000 });
  const loader = new data.DataLoader(digits, { batchSize, shuffle: true, dropLast: true, seed });
  for (;;) {
    for await (const [pictures, labels] of loader)
      yield [spread(pictures, channels, size), labels.remainder(Math.min(10, classes)) as Tensor];
  }
}

/** Digits of 32 pixels converted to the size and channels that a model takes. */
export function spread(pictures: Tensor, channels: number, size: number): Tensor {
  const [count, , side] = pictures.shape;
  const sized = side === size ? pictures : nearest(pictures, size);
  return channels === 1 ? sized : sized.expand(count, channels, size, size);
}

/** The nearest pixels of an image of another size. */
function nearest(pictures: Tensor, size: number): Tensor {
  const side = pictures.shape[2];
  const places = Int32Array.from({ length: size }, (_, k) => Math.floor(((k + 0.5) * side) / size));
  const index = tensor(places);
  return pictures.indexSelect(2, index).indexSelect(3, index);
}

/** Rows of numbers around a centre for each class. */
export async function* clusterBatches({ shape, classes }: Taken): AsyncGenerator<Batch, never> {
  const [batchSize, ...row] = shape;
  const centres = randn([Math.min(classes, 10), ...row]);
  for (;;) {
    const labels = Int32Array.from({ length: batchSize }, () => Math.floor(Math.random() * centres.shape[0]));
    const classes = tensor(labels);
    yield [centres.indexSelect(0, classes).add(randn(shape).mul(0.5)), classes];
  }
}

/** A batch whose first samples are drawn ones, at most half of it. */
export function withDrawings([inputs, classes]: Batch, drawings: Batch | undefined): Batch {
  if (drawings === undefined) return [inputs, classes];
  const count = Math.min(drawings[0].shape[0], inputs.shape[0] >> 1);
  if (count === 0) return [inputs, classes];
  const mix = (drawn: Tensor, made: Tensor): Tensor =>
    cat([drawn.narrow(0, drawn.shape[0] - count, count), made.narrow(0, 0, made.shape[0] - count)], 0);
  return [mix(drawings[0], inputs), mix(drawings[1], classes)];
}
