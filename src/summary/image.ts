/** Tensors as PNG pictures, for event files. */

import { encode } from "fast-png";
import type { DType, TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";

/** A picture in PNG form; `channels` is 1 for grey, 3 for red, green and blue, 4 with opacity. */
export interface EncodedImage {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly png: Uint8Array;
}

/** The order of an image's dimensions: channels, rows (height) and columns (width). */
export type DataFormat = "CHW" | "HWC" | "HW";

/** Largest number of pixels: that of a picture of 8192 × 8192. */
const MAX_PIXELS = 2 ** 26;

/** Throws unless a tensor of `shape` is a picture; gives its three extents. */
export function imageExtents(shape: Shape, format: DataFormat, tag: string): Omit<EncodedImage, "png"> {
  const axis = (letter: string): number => shape[format.indexOf(letter)] ?? 1;
  const [channels, rows, columns] = ["C", "H", "W"].map(axis);
  const isImage = shape.length === format.length && [1, 3, 4].includes(channels) && sizeOf(shape) > 0;
  if (!isImage) {
    const wanted = format === "HW" ? "rows and columns" : "1, 3 or 4 channels, rows and columns";
    throw new KilnError(
      `image ${tag} needs the shape ${format} (${wanted}), but its shape is ${formatShape(shape)}`,
    );
  }
  if (rows * columns > MAX_PIXELS) {
    throw new KilnError(
      `image ${tag} is too large: ${formatShape(shape)} has more than ${MAX_PIXELS} pixels`,
    );
  }
  return { rows, columns, channels };
}

/**
 * The picture of a tensor. Floating-point values from 0 to 1 become the bytes 0 … 255, as do false and true;
 * integers are bytes already. What lies beyond is cut off.
 */
export function encodeImage(
  data: TypedArray,
  dtype: DType,
  shape: Shape,
  format: DataFormat,
  tag: string,
): EncodedImage {
  const { rows, columns, channels } = imageExtents(shape, format, tag);
  const factor = dtype === "int32" || dtype === "uint8" ? 1 : 255;
  const pixels = rows * columns;
  const [pixelStep, channelStep] = format === "CHW" ? [1, pixels] : [channels, 1];
  const bytes = new Uint8Array(data.length);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = data[pixel * pixelStep + channel * channelStep];
      if (Number.isNaN(value)) throw new KilnError(`image ${tag} holds a value that is not a number`);
      bytes[pixel * channels + channel] = Math.min(255, Math.max(0, value * factor));
    }
  }
  const png = encode({ width: columns, height: rows, data: bytes, channels, depth: 8 });
  return { rows, columns, channels, png };
}
