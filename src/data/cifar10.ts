/**
 * CIFAR-10 in its binary form: files of records, each a label and 32 × 32 pixels as a red, a green and a blue
 * plane. See A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
 */

import { KilnError } from "../core/errors.ts";
import { fileSize, readWhole } from "../files/read.ts";
import { codeOf } from "../files/reason.ts";
import { ArrayDataset, checkLabels, type Dataset } from "./dataset.ts";
import { ensureFile, MAX_DOWNLOAD_BYTES } from "./download.ts";
import { makeDataFolder, messageOf, writeWhole } from "./file.ts";
import { addressOf, checkPublished, type PublishedDatasetOptions, type PublishedFile } from "./published.ts";
import { readTar } from "./tar.ts";
import { withTransform } from "./transforms.ts";

const MIRROR = "https://www.cs.toronto.edu/~kriz/";
/** The archive, and the checksum on the dataset's page. */
const ARCHIVE: PublishedFile = { name: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530" };

const FOLDER = "cifar-10-batches-bin";
const TRAIN_FILES = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);
const TEST_FILES = ["test_batch.bin"];
const BATCH_FILES = [...TRAIN_FILES, ...TEST_FILES];
const NAMES_FILE = "batches.meta.txt";

const SAMPLE_SHAPE = [3, 32, 32] as const;
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;
const CLASS_NAMES = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/**
 * `await data.CIFAR10("dataset", { train: false, transform: data.toTensor(), download: true })`: images of shape
 * `[3, 32, 32]` and ten classes. The binary files lie in `root/cifar-10-batches-bin`.
 */
export function CIFAR10(root: string, options: PublishedDatasetOptions = {}): Promise<Dataset> {
  return loadCifar10(root, options, ARCHIVE);
}

/** {@link CIFAR10} from an archive of another checksum. */
export async function loadCifar10(
  root: string,
  options: PublishedDatasetOptions,
  archive: PublishedFile,
): Promise<Dataset> {
  checkPublished("CIFAR10", root, options);
  const { train = true, transform, download = false, mirror = MIRROR } = options;
  if (download) await install(root, mirror, archive);
  const paths = (train ? TRAIN_FILES : TEST_FILES).map((name) => `${root}/${FOLDER}/${name}`);
  const counts: number[] = [];
  // One after the other: of several missing files the first is named.
  for (const path of paths) counts.push(await countRecords(path, root, mirror, archive));
  const dataset = await readRecords(paths, counts, `CIFAR-10 (${train ? "train" : "test"}) from ${root}`);
  return transform === undefined ? dataset : withTransform(dataset, transform);
}

/** Number of records of a file, from its size alone; throws when it is missing or no such file. */
async function countRecords(
  path: string,
  root: string,
  mirror: string,
  archive: PublishedFile,
): Promise<number> {
  const size = await fileSize(path);
  if (size === undefined) {
    throw new KilnError(
      `${path} is missing: pass download: true to fetch CIFAR-10, or unpack ${archive.name} ` +
        `(${addressOf(mirror, archive.name)}) in ${root}`,
    );
  }
  if (size === 0 || size % RECORD !== 0) {
    throw new KilnError(
      `${path} is truncated or not a CIFAR-10 file: its ${size} bytes are not a whole number of records ` +
        `of ${RECORD} bytes`,
    );
  }
  if (size > MAX_DOWNLOAD_BYTES)
    throw new KilnError(`${path} is too large to be a CIFAR-10 file: ${size} bytes`);
  return size / RECORD;
}

async function readRecords(
  paths: readonly string[],
  counts: readonly number[],
  description: string,
): Promise<Dataset> {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const images = new Uint8Array(total * PIXELS);
  const labels = new Uint8Array(total);
  let done = 0;
  for (const [k, path] of paths.entries()) {
    const bytes = await readWhole(path, counts[k] * RECORD);
    if (bytes.length !== counts[k] * RECORD) throw new KilnError(`${path} changes while it is read`);
    for (let record = 0; record < counts[k]; record++) {
      const begin = record * RECORD;
      labels[done + record] = bytes[begin];
      images.set(bytes.subarray(begin + 1, begin + RECORD), (done + record) * PIXELS);
    }
    checkLabels(labels.subarray(done, done + counts[k]), CLASS_NAMES.length, path);
    done += counts[k];
  }
  return new ArrayDataset({
    images,
    labels,
    sampleShape: SAMPLE_SHAPE,
    classes: CLASS_NAMES.length,
    classNames: CLASS_NAMES,
    description,
  });
}

/**
 * Puts the files in place. If the archive is there, its checksum is verified and every file compared with its contents;
 * without an archive, files are accepted as they are if they are complete.
 */
async function install(root: string, mirror: string, archive: PublishedFile): Promise<void> {
  const archivePath = `${root}/${archive.name}`;
  if ((await fileSize(archivePath)) === undefined && (await hasAllFiles(root))) {
    return console.log("Files already downloaded and verified");
  }
  const isNew = await ensureFile(archive, root, mirror);
  const written = await unpack(archivePath, root);
  if (!isNew && !written) console.log("Files already downloaded and verified");
}

async function hasAllFiles(root: string): Promise<boolean> {
  const sizes = await Promise.all(BATCH_FILES.map((name) => fileSize(`${root}/${FOLDER}/${name}`)));
  return sizes.every((size) => size !== undefined && size > 0 && size % RECORD === 0);
}

/** Writes those of the archive's files that are not there or differ, and says whether there were any. */
async function unpack(archivePath: string, root: string): Promise<boolean> {
  const entries = readTar(await gunzip(archivePath), archivePath);
  const found = [...BATCH_FILES, NAMES_FILE].map((name) => {
    const entry = entries.find(({ path }) => path === `${FOLDER}/${name}`);
    if (entry === undefined) throw new KilnError(`${archivePath} has no ${FOLDER}/${name} inside`);
    return entry;
  });
  await makeDataFolder(`${root}/${FOLDER}`);
  let written = false;
  for (const { path, data } of found) {
    if (await holds(`${root}/${path}`, data)) continue;
    await writeWhole(`${root}/${path}`, data);
    written = true;
  }
  return written;
}

async function holds(path: string, data: Uint8Array): Promise<boolean> {
  if ((await fileSize(path)) !== data.length) return false;
  const present = await readWhole(path, data.length);
  return Buffer.compare(present, data) === 0;
}

async function gunzip(path: string): Promise<Uint8Array> {
  const packed = await readWhole(path, MAX_DOWNLOAD_BYTES);
  const [zlib, { promisify }] = await Promise.all([import("node:zlib"), import("node:util")]);
  try {
    return await promisify(zlib.gunzip)(packed, { maxOutputLength: MAX_DOWNLOAD_BYTES });
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") {
      throw new KilnError(`${path} unpacks to more than ${MAX_DOWNLOAD_BYTES} bytes`);
    }
    throw new KilnError(`${path} is not a readable gzip file: ${messageOf(error)}`);
  }
}
