/** Images in folders, one folder for each class, as torchvision's ImageFolder has them. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import { withFile } from "../files/read.ts";
import { fileErrorReason } from "../files/reason.ts";
import { checkText } from "./arguments.ts";
import { checkIndex, type Dataset } from "./dataset.ts";
import { isFolder, listFolder } from "./file.ts";
import { extentOf, type ImageChannels, type ImageExtent, imageDecoder } from "./image-bytes.ts";
import { sampleRandom } from "./random.ts";
import { type BoundTransform, checkTransform, type Transform } from "./transforms.ts";

/** Options of {@link ImageFolder}. */
export interface ImageFolderOptions {
  /** The transform of every image; without it pixels are the bytes 0 … 255. */
  readonly transform?: Transform;
  /** 1: grey, 3: red, green and blue (the default, as in torchvision), 4: these and opacity; images are converted. */
  readonly channels?: ImageChannels;
}

const OPTION_NAMES = { transform: true, channels: true } satisfies OptionNames<ImageFolderOptions>;

/** Images in folders that are named after their classes. */
export interface ImageFolderDataset extends Dataset {
  readonly classes: number;
  readonly classNames: readonly string[];
  /** The file and the class of every sample. */
  readonly samples: readonly (readonly [path: string, label: number])[];
}

const IS_IMAGE = /\.(png|jpe?g)$/i;
/** Formats that users may expect to be read. */
const IS_OTHER_IMAGE = /\.(ppm|pgm|bmp|gif|tiff?|webp|avif|heic)$/i;
/** Enough bytes to find a JPEG's size, except in files with large segments before it. */
const USUAL_HEADER = 2 ** 16;

/**
 * `await data.ImageFolder("flowers", { transform: data.compose(data.resize([32, 32]), data.toTensor()) })`: the PNG and
 * JPEG files in the folders of `root` and in folders within them; a class for each folder of `root`, in the order of
 * their names. Files are read and decoded when a sample is requested, so a folder may be larger than memory. Throws if
 * a folder has no image, and if the transform leaves images of different sizes.
 */
export async function ImageFolder(
  root: string,
  options: ImageFolderOptions = {},
): Promise<ImageFolderDataset> {
  checkText("ImageFolder", "the path of a folder", root);
  checkOptionNames("ImageFolder", options, OPTION_NAMES);
  const { transform, channels = 3 } = options;
  if (transform !== undefined) checkTransform("ImageFolder", transform);
  if (![1, 3, 4].includes(channels)) {
    throw new KilnError(`ImageFolder reads images of 1, 3 or 4 channels, not ${describeValue(channels)}`);
  }
  const classNames = await classFolders(root);
  if (classNames.length === 0) {
    throw new KilnError(`${root} has no folders: an image folder has one for each class, with images in it`);
  }
  const samples: [string, number][] = [];
  for (const [label, name] of classNames.entries()) {
    const paths = await imagesIn(`${root}/${name}`);
    if (paths.length === 0)
      throw new KilnError(`the folder ${root}/${name} has no PNG or JPEG files for its class`);
    for (const path of paths) samples.push([path, label]);
  }
  const extents = await extentsOf(samples.map(([path]) => path));
  const read = await imageReader(extents, channels, transform);
  return {
    length: samples.length,
    sampleShape: read.shape,
    classes: classNames.length,
    classNames,
    samples,
    description:
      `${samples.length} images of ${classNames.length} classes from ${root}` +
      (transform === undefined ? "" : `, ${transform.description}`),
    sample(index, out, offset, random = sampleRandom(0, 0, index)) {
      checkIndex(samples, index);
      read.into(samples[index][0], out, offset, random);
      return samples[index][1];
    },
  };
}

/** The folders in `root`, in the order of their names. */
export async function classFolders(root: string): Promise<string[]> {
  const names = (await listFolder(root)).sort();
  const areFolders = await Promise.all(names.map((name) => isFolder(`${root}/${name}`)));
  return names.filter((_, k) => areFolders[k]);
}

/** The images of a folder by name, then those of each folder in it. */
async function imagesIn(folder: string): Promise<string[]> {
  const names = (await listFolder(folder)).sort();
  const folders = await classFolders(folder);
  const files = names.filter((name) => !folders.includes(name));
  const unread = files.find((name) => IS_OTHER_IMAGE.test(name));
  if (unread !== undefined) {
    throw new KilnError(
      `${folder}/${unread} is of a format that ImageFolder does not read: convert it to PNG or JPEG`,
    );
  }
  const paths = files.filter((name) => IS_IMAGE.test(name)).map((name) => `${folder}/${name}`);
  for (const inner of folders) paths.push(...(await imagesIn(`${folder}/${inner}`)));
  return paths;
}

/** The size of each image, from its header alone. */
async function extentsOf(paths: readonly string[]): Promise<ReadonlyMap<string, ImageExtent>> {
  const extents = new Map<string, ImageExtent>();
  for (const path of paths) {
    const extent = await withFile(path, async (file) => {
      const header = await file.read(0, Math.min(file.size, USUAL_HEADER));
      try {
        return extentOf(header, path);
      } catch (error) {
        if (header.length === file.size) throw error;
        return extentOf(await file.read(0, Math.min(file.size, MOST_BYTES)), path);
      }
    });
    extents.set(path, extent);
  }
  return extents;
}

/** Larger ones are not photographs. */
const MOST_BYTES = 2 ** 28;

interface ImageReader {
  readonly shape: Shape;
  into(
    path: string,
    ...to: [out: Float32Array, offset: number, random: Parameters<BoundTransform["apply"]>[3]]
  ): void;
}

/** Reads images of these sizes, which all come out with one shape. */
async function imageReader(
  extents: ReadonlyMap<string, ImageExtent>,
  channels: ImageChannels,
  transform: Transform | undefined,
): Promise<ImageReader> {
  const [{ readFileSync }, decode] = await Promise.all([import("node:fs"), imageDecoder()]);
  const bound = new Map<string, BoundTransform>();
  const keyOf = ({ rows, columns }: ImageExtent): string => `${rows}×${columns}`;
  let first: { readonly path: string; readonly shape: Shape } | undefined;
  for (const [path, extent] of extents) {
    const key = keyOf(extent);
    const fitting = bound.get(key) ?? boundTo([channels, extent.rows, extent.columns], transform);
    bound.set(key, fitting);
    const { outputShape: shape } = fitting;
    first ??= { path, shape };
    if (sameShape(shape, first.shape)) continue;
    throw new KilnError(
      `the images differ in size: ${first.path} comes as ${formatShape(first.shape)} and ${path} as ${formatShape(shape)}; ` +
        "bring all to one with a transform such as data.resize([32, 32])",
    );
  }
  return {
    shape: first?.shape ?? [],
    into(path, ...to) {
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        throw new KilnError(`cannot read ${path}: ${fileErrorReason(error)}`);
      }
      const image = decode(bytes, path, channels);
      const fitting = bound.get(keyOf(image));
      if (fitting === undefined) {
        throw new KilnError(`${path} has changed: it has another size than when the folder was read`);
      }
      fitting.apply(Float32Array.from(image.planes), ...to);
    },
  };
}

/** `transform` for images of one shape; without one they stay as they are. */
const boundTo = (shape: Shape, transform: Transform | undefined): BoundTransform =>
  transform?.bind(shape) ?? { outputShape: shape, apply: (input, out, offset) => out.set(input, offset) };
