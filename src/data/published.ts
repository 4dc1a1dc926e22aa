/** What published datasets have in common: options, and files with checksums. */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { checkFlag, checkText } from "./arguments.ts";
import { checkTransform, type Transform } from "./transforms.ts";

/** Options of the datasets that are published for download, as in torchvision. */
export interface PublishedDatasetOptions {
  /** The training samples (the default), or the test samples. */
  readonly train?: boolean;
  /** The transform of every sample; without it they are the bytes 0 … 255. */
  readonly transform?: Transform;
  /** Whether the files are fetched when they are not there; nothing is ever fetched otherwise. */
  readonly download?: boolean;
  /** An address to fetch from instead of the publisher's; the checksums are the same. */
  readonly mirror?: string;
}

const OPTION_NAMES = {
  train: true,
  transform: true,
  download: true,
  mirror: true,
} satisfies OptionNames<PublishedDatasetOptions>;

/** Throws unless `root` and `options` are what the dataset `name` takes. */
export function checkPublished(name: string, root: unknown, options: PublishedDatasetOptions): void {
  checkText(name, "the path of a folder", root);
  checkOptionNames(name, options, OPTION_NAMES);
  const { train = true, transform, download = false, mirror } = options;
  checkFlag(name, "train", train);
  checkFlag(name, "download", download);
  if (transform !== undefined) checkTransform(name, transform);
  if (mirror !== undefined) checkText(name, "an http or https address for a mirror", mirror);
}

/** A published file with its published checksum. */
export interface PublishedFile {
  readonly name: string;
  /** MD5 in hexadecimal. */
  readonly md5: string;
}

/** The address of `name` below the address `mirror`. */
export function addressOf(mirror: string, name: string): string {
  const base = mirror.endsWith("/") ? mirror : `${mirror}/`;
  if (!URL.canParse(name, base) || !/^https?:/.test(base)) {
    throw new KilnError(`a mirror is an http or https address, not ${JSON.stringify(mirror)}`);
  }
  return new URL(name, base).href;
}
