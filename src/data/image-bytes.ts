/** Pixels of PNG and JPEG files, with as many channels as are wanted, converted as Pillow converts them. */

import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from "fast-png";
import { KilnError } from "../core/errors.ts";
import { messageOf } from "./file.ts";

/** Grey, red–green–blue, or that with an opacity. */
export type ImageChannels = 1 | 3 | 4;

/** How large an image is. */
export interface ImageExtent {
  readonly rows: number;
  readonly columns: number;
}

/** An image channel by channel, each as rows of bytes. */
export interface ImagePlanes extends ImageExtent {
  readonly planes: Uint8Array;
}

/** Pixels as a decoder gives them: the channels of each side by side. */
interface Pixels extends ImageExtent {
  readonly channels: number;
  readonly bytes: Uint8Array;
}

/** More would be a file that is made to fill the memory. */
const MOST_PIXELS = 100_000_000;
/** What a JPEG's decoder may take for such an image, in 2^20 bytes. */
const MOST_JPEG_MEGABYTES = 2048;

/** Makes pixels of the bytes of an image; `path` is what errors call it. */
export type ImageDecoder = (bytes: Uint8Array, path: string, channels: ImageChannels) => ImagePlanes;

/** A decoder of PNG and JPEG files. That for JPEG is loaded here: nothing in a browser asks for it. */
export async function imageDecoder(): Promise<ImageDecoder> {
  const { default: jpeg } = await import("jpeg-js");
  const decodeJpeg = (bytes: Uint8Array): Pixels => {
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: MOST_PIXELS / 1e6,
      maxMemoryUsageInMB: MOST_JPEG_MEGABYTES,
    });
    return { rows: height, columns: width, channels: 3, bytes: data };
  };
  return (bytes, path, channels) => {
    const extent = extentOf(bytes, path);
    try {
      return planesOf(isPng(bytes) ? pixelsOf(bytes) : decodeJpeg(bytes), channels);
    } catch (error) {
      throw new KilnError(
        `${path}, an image of ${extent.rows}×${extent.columns} pixels, cannot be decoded: ${messageOf(error)}`,
      );
    }
  };
}

const isPng = (bytes: Uint8Array): boolean =>
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, k) => bytes[k] === byte);

/** The size that an image's header has; throws for what begins as neither a PNG nor a JPEG. */
export function extentOf(bytes: Uint8Array, path: string): ImageExtent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const extent = isPng(bytes)
    ? pngExtent(view)
    : bytes[0] === 0xff && bytes[1] === 0xd8
      ? jpegExtent(view)
      : undefined;
  if (extent === undefined || extent.rows * extent.columns === 0) {
    throw new KilnError(`${path} is neither a PNG nor a JPEG file, or is truncated`);
  }
  const { rows, columns } = extent;
  if (rows * columns <= MOST_PIXELS) return extent;
  throw new KilnError(
    `${path} is too large: it has ${rows}×${columns} pixels, and ${MOST_PIXELS} are the limit`,
  );
}

/** The size is in a PNG's first chunk, which has a fixed position. */
const pngExtent = (view: DataView): ImageExtent | undefined =>
  view.byteLength < 33 ? undefined : { rows: view.getUint32(20), columns: view.getUint32(16) };

/** The size is in a JPEG's frame header (SOF, ITU-T T.81, B.2.2), after segments of any kind. */
function jpegExtent(view: DataView): ImageExtent | undefined {
  let at = 2;
  while (at + 9 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    // DHT, JPG and DAC have numbers among those of frames.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { rows: view.getUint16(at + 5), columns: view.getUint16(at + 7) };
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** The pixels of a PNG in eight bits: palettes are looked up, fewer bits stretched, of sixteen the upper ones taken. */
function pixelsOf(bytes: Uint8Array): Pixels {
  const isInterlaced = bytes[28] !== 0;
  if (isInterlaced && bytes[24] < 8)
    throw new KilnError("it is interlaced, with less than 8 bits for a channel");
  const png = decodePng(bytes, { checkCrc: true });
  const { width: columns, height: rows, channels, depth, data, palette } = png;
  if (palette !== undefined) {
    return { rows, columns, channels: palette[0].length, bytes: convertIndexedToRgb(png) };
  }
  if (depth < 8) return { rows, columns, channels, bytes: stretched(png) };
  return {
    rows,
    columns,
    channels,
    bytes: depth === 16 ? Uint8Array.from(data, (value) => value >> 8) : Uint8Array.from(data),
  };
}

/** Greys of 1, 2 or 4 bits as bytes; a row begins with a byte of its own. */
function stretched({ width, height, depth, data }: DecodedPng): Uint8Array {
  const most = 2 ** depth - 1;
  const rowBytes = Math.ceil((width * depth) / 8);
  return Uint8Array.from({ length: width * height }, (_, k) => {
    const bit = (k % width) * depth;
    const byte = data[Math.floor(k / width) * rowBytes + (bit >> 3)];
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most;
  });
}

/**
 * The channels one after another. Colours are converted to grey by ITU-R 601-2, 0.299 R + 0.587 G + 0.114 B, rounded as
 * in Pillow; opacity is dropped if it is not requested, and full if the image has none.
 */
function planesOf({ rows, columns, channels, bytes }: Pixels, wanted: ImageChannels): ImagePlanes {
  const size = rows * columns;
  const planes = new Uint8Array(wanted * size);
  const isGrey = channels < 3;
  const hasAlpha = channels % 2 === 0;
  for (let k = 0; k < size; k++) {
    const at = k * channels;
    const [red, green, blue] = isGrey
      ? [bytes[at], bytes[at], bytes[at]]
      : [bytes[at], bytes[at + 1], bytes[at + 2]];
    if (wanted === 1) {
      planes[k] = isGrey ? red : (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
      continue;
    }
    planes[k] = red;
    planes[size + k] = green;
    planes[2 * size + k] = blue;
    if (wanted === 4) planes[3 * size + k] = hasAlpha ? bytes[at + channels - 1] : 255;
  }
  return { rows, columns, planes };
}
