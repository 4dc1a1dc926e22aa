/** MNIST and Fashion-MNIST as torchvision has them: four published files in a folder of the dataset's name. */

import { KilnError } from "../core/errors.ts";
import { fileSize } from "../files/read.ts";
import type { Dataset } from "./dataset.ts";
import { ensureFile } from "./download.ts";
import { listFolder } from "./file.ts";
import { findPair, type Half, type Pair, readPair } from "./mnist-files.ts";
import { addressOf, checkPublished, type PublishedDatasetOptions, type PublishedFile } from "./published.ts";
import { withTransform } from "./transforms.ts";

/** The source of a dataset of the family, and the names of its classes. */
export interface MnistFamily {
  /** Its name, which is that of its folder too. */
  readonly name: string;
  readonly mirror: string;
  readonly files: readonly PublishedFile[];
  readonly classNames: readonly string[];
}

/** LeCun, Cortes and Burges' handwritten digits; checksums and class names are torchvision's. */
const DIGITS: MnistFamily = {
  name: "MNIST",
  mirror: "https://ossci-datasets.s3.amazonaws.com/mnist/",
  files: [
    { name: "train-images-idx3-ubyte.gz", md5: "f68b3c2dcbeaaa9fbdd348bbdeb94873" },
    { name: "train-labels-idx1-ubyte.gz", md5: "d53e105ee54ea40749a09fcbcd1e9432" },
    { name: "t10k-images-idx3-ubyte.gz", md5: "9fb629c4189551a2d022fa330f9573f3" },
    { name: "t10k-labels-idx1-ubyte.gz", md5: "ec29112dd5afa0611ce80d1b7f02629c" },
  ],
  classNames: [
    "0 - zero",
    "1 - one",
    "2 - two",
    "3 - three",
    "4 - four",
    "5 - five",
    "6 - six",
    "7 - seven",
    "8 - eight",
    "9 - nine",
  ],
};

/** Xiao, Rasul and Vollgraf's pictures of clothes (2017); checksums and class names are torchvision's. */
const FASHION: MnistFamily = {
  name: "FashionMNIST",
  mirror: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
  files: [
    { name: "train-images-idx3-ubyte.gz", md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d" },
    { name: "train-labels-idx1-ubyte.gz", md5: "25c81989df183df01b3e8a0aad5dffbe" },
    { name: "t10k-images-idx3-ubyte.gz", md5: "bef4ecab320f06d8554ea6380940ec79" },
    { name: "t10k-labels-idx1-ubyte.gz", md5: "bb300cfdad3c16e7a12a480ee83cd310" },
  ],
  classNames: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
};

/**
 * `await data.MNIST("dataset", { train: true, transform: data.toTensor(), download: true })`: digits of shape
 * `[1, 28, 28]`. The files, packed with gzip or not, lie in `root/MNIST/raw`, or in `root` itself.
 */
export function MNIST(root: string, options: PublishedDatasetOptions = {}): Promise<Dataset> {
  return loadMnistFamily(root, options, DIGITS);
}

/** As {@link MNIST}, from `root/FashionMNIST/raw` or `root` itself. */
export function FashionMNIST(root: string, options: PublishedDatasetOptions = {}): Promise<Dataset> {
  return loadMnistFamily(root, options, FASHION);
}

/** A dataset of four files that are described by `family`. */
export async function loadMnistFamily(
  root: string,
  options: PublishedDatasetOptions,
  family: MnistFamily,
): Promise<Dataset> {
  checkPublished(family.name, root, options);
  const { train = true, transform, download = false, mirror } = options;
  const half: Half = train ? "train" : "t10k";
  const [usual, flat] = [`${root}/${family.name}/raw`, root];
  if (download) {
    if (await isComplete(flat, family)) console.log(`${root} already holds the files of ${family.name}`);
    else await install(usual, mirror ?? family.mirror, family);
  }
  const pair = (await findIn(usual, half)) ?? (await findIn(flat, half));
  if (pair === undefined) throw missing(family, half, usual, mirror ?? family.mirror);
  const dataset = await readPair(pair, {
    classNames: family.classNames,
    description: `${family.name} (${train ? "train" : "test"}) from ${root}`,
  });
  return transform === undefined ? dataset : withTransform(dataset, transform);
}

/**
 * Fetches missing files. Compressed files are verified by their checksums; none are published for uncompressed ones,
 * which are accepted as they are and checked when they are read.
 */
async function install(folder: string, mirror: string, { files }: MnistFamily): Promise<void> {
  const present = await namesIn(folder);
  let fetched = false;
  for (const file of files) {
    if (present.includes(unpackedName(file))) continue;
    if (await ensureFile(file, folder, mirror)) fetched = true;
  }
  if (!fetched) console.log("Files already downloaded and verified");
}

async function isComplete(folder: string, { files }: MnistFamily): Promise<boolean> {
  const present = await namesIn(folder);
  return files.every((file) => present.includes(file.name) || present.includes(unpackedName(file)));
}

const findIn = async (folder: string, half: Half): Promise<Pair | undefined> =>
  findPair(folder, await namesIn(folder), half);

const namesIn = async (folder: string): Promise<string[]> =>
  (await fileSize(folder)) === undefined ? [] : await listFolder(folder);

const unpackedName = ({ name }: PublishedFile): string => name.replace(/\.gz$/, "");

function missing({ name, files }: MnistFamily, half: Half, folder: string, mirror: string): KilnError {
  const wanted = files.filter((file) => file.name.startsWith(half)).map((file) => file.name);
  return new KilnError(
    `${folder} has no ${wanted.join(" and ")}: pass download: true to fetch ${name}, ` +
      `or put the files there (from ${addressOf(mirror, "")})`,
  );
}
