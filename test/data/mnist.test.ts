/** MNIST from disk: files written here as they are published, small ones, and every fault a folder can have. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { loadMnist } from "../../src/data/mnist.ts";
import { labels as labelsFor } from "../support/fixtures.ts";
import { idxBytes } from "./idx-bytes.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-mnist-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, bytes: Uint8Array) => writeFile(join(folder, name), bytes);

/** A pair of files with `count` images of 2 x 2, image i filled with i and labelled i modulo 10. */
function pair(count: number): { images: Uint8Array; labels: Uint8Array } {
  const images = idxBytes(
    [count, 2, 2],
    Array.from({ length: 4 * count }, (_, i) => i >> 2),
  );
  return {
    images,
    labels: idxBytes(
      [count],
      Array.from({ length: count }, (_, i) => i % 10),
    ),
  };
}

async function failure(): Promise<string> {
  const error = await loadMnist(folder).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KilnError);
  const { message } = error as KilnError;
  expect(message).not.toContain("\n");
  return message.replaceAll(folder, "FOLDER");
}

function labelsOf(dataset: Dataset, start: number, end: number): number[] {
  const out = new Float32Array(dataset.sampleShape.reduce((size, extent) => size * extent, 1));
  return Array.from({ length: end - start }, (_, i) => dataset.sample(start + i, out, 0));
}

describe("loadMnist on a lone pair of the published size", () => {
  const PIXELS = 28 * 28;
  const labels = labelsFor("mnist/labels", 100);
  const images = Uint8Array.from({ length: 100 * PIXELS }, (_, k) => (7 * Math.floor(k / PIXELS) + k) % 256);
  beforeEach(async () => {
    await write("t10k-images-idx3-ubyte.gz", gzipSync(idxBytes([100, 28, 28], images)));
    await write("t10k-labels-idx1-ubyte.gz", gzipSync(idxBytes([100], labels)));
  });

  it("splits the only pair 80 to 20 and says so", async () => {
    const { train, test, note } = await loadMnist(folder);
    expect([train.length, test.length]).toEqual([80, 20]);
    expect([train.sampleShape, test.sampleShape]).toEqual([
      [1, 28, 28],
      [1, 28, 28],
    ]);
    expect([train.classes, test.classes]).toEqual([10, 10]);
    expect(note).toBe(
      `Only one pair of files is there: of the 100 images of ${folder}/t10k-images-idx3-ubyte.gz, ` +
        "the first 80 are the training set and the other 20 the test set.",
    );
  });

  it("delivers every label and pixel", async () => {
    const { train, test } = await loadMnist(folder);
    expect([...labelsOf(train, 0, 80), ...labelsOf(test, 0, 20)]).toEqual([...labels]);
    const image = new Float32Array(PIXELS);
    for (let index = 0; index < 100; index++) {
      if (index < 80) train.sample(index, image, 0);
      else test.sample(index - 80, image, 0);
      expect(image).toEqual(Float32Array.from(images.subarray(index * PIXELS, (index + 1) * PIXELS)));
    }
  });
});

describe("loadMnist on small files", () => {
  it("reads both pairs in either spelling, packed or not, whatever the name says about packing", async () => {
    const [train, test] = [pair(12), pair(3)];
    await write("train-images.idx3-ubyte", train.images);
    await write("train-labels-idx1-ubyte.gz", gzipSync(train.labels));
    await write("t10k-images.idx3-ubyte.gz", test.images);
    await write("t10k-labels.idx1-ubyte", gzipSync(test.labels));
    const mnist = await loadMnist(folder);
    expect([mnist.train.length, mnist.test.length]).toEqual([12, 3]);
    expect(mnist.note).toBe(`12 training and 3 test images from ${folder}.`);
    const out = new Float32Array(4);
    expect(mnist.train.sample(11, out, 0)).toBe(1);
    expect(Array.from(out)).toEqual([11, 11, 11, 11]);
    expect(labelsOf(mnist.test, 0, 3)).toEqual([0, 1, 2]);
  });

  it("splits a lone training pair too", async () => {
    await write("train-images-idx3-ubyte", pair(5).images);
    await write("train-labels-idx1-ubyte", pair(5).labels);
    const { train, test } = await loadMnist(folder);
    expect([train.length, labelsOf(test, 0, 1)]).toEqual([4, [4]]);
  });

  it("names a folder that is missing, is a file, or holds nothing of MNIST", async () => {
    expect(await failure()).toBe(
      "FOLDER holds no MNIST files: looked for images and labels named train-images-idx3-ubyte, " +
        "train-images.idx3-ubyte, train-labels-idx1-ubyte, train-labels.idx1-ubyte, " +
        "or the same with t10k for train, each also with .gz",
    );
    await write("file", new Uint8Array(1));
    await expect(loadMnist(join(folder, "file"))).rejects.toThrow(
      "/file is a file, where a folder was expected",
    );
    await expect(loadMnist(join(folder, "none"))).rejects.toThrow(/^the folder .*\/none does not exist$/);
  });

  it("names the half of a pair that is missing", async () => {
    await write("t10k-images-idx3-ubyte", pair(5).images);
    expect(await failure()).toBe(
      "FOLDER has t10k-images-idx3-ubyte but not the labels that belong to it: " +
        "looked for t10k-labels-idx1-ubyte, t10k-labels.idx1-ubyte, each also with .gz",
    );
  });

  it("names images and labels that do not belong together", async () => {
    await write("train-images-idx3-ubyte", pair(5).images);
    await write("train-labels-idx1-ubyte", pair(6).labels);
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte has 5 images, but FOLDER/train-labels-idx1-ubyte has 6 labels",
    );
    await write("train-labels-idx1-ubyte", pair(5).images);
    expect(await failure()).toBe(
      "FOLDER/train-labels-idx1-ubyte has 3 dimensions (5 x 2 x 2), but labels (count) have 1",
    );
    await write("train-images-idx3-ubyte", pair(5).labels);
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte has 1 dimensions (5), but images (count x rows x columns) have 3",
    );
  });

  it("names training and test images of different sizes", async () => {
    await write("train-images-idx3-ubyte", pair(5).images);
    await write("train-labels-idx1-ubyte", pair(5).labels);
    await write("t10k-images-idx3-ubyte", idxBytes([1, 3, 1], [1, 2, 3]));
    await write("t10k-labels-idx1-ubyte", pair(1).labels);
    expect(await failure()).toBe(
      "the images of FOLDER/train-images-idx3-ubyte have the shape [1,2,2], " +
        "those of FOLDER/t10k-images-idx3-ubyte [1,3,1]",
    );
  });

  it("names a label outside the classes, and a set too small to split", async () => {
    const { images, labels } = pair(6);
    labels[8 + 5] = 37;
    await write("train-images-idx3-ubyte", images);
    await write("train-labels-idx1-ubyte", labels);
    expect(await failure()).toBe(
      "label 37 at index 5 of FOLDER/train-labels-idx1-ubyte is outside the 10 classes 0..9",
    );
    await write("train-images-idx3-ubyte", pair(1).images);
    await write("train-labels-idx1-ubyte", pair(1).labels);
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte has 1 image, too few to split into a training and a test set",
    );
  });

  it("names a file that cannot be read", async () => {
    const { mkdir } = await import("node:fs/promises");
    await mkdir(join(folder, "train-images-idx3-ubyte"));
    await write("train-labels-idx1-ubyte", pair(1).labels);
    expect(await failure()).toBe("cannot read FOLDER/train-images-idx3-ubyte: it is a folder, not a file");
  });
});

describe("loadMnist on damaged gzip files", () => {
  const packed = gzipSync(pair(5).images);
  beforeEach(() => write("train-labels-idx1-ubyte", pair(5).labels));

  it("names a file that is truncated", async () => {
    await write("train-images-idx3-ubyte.gz", packed.subarray(0, packed.length - 12));
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte.gz is not a readable gzip file: unexpected end of file",
    );
  });

  it("names a file whose content was changed", async () => {
    const damaged = Uint8Array.from(packed);
    damaged[damaged.length - 6] ^= 0xff;
    await write("train-images-idx3-ubyte.gz", damaged);
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte.gz is not a readable gzip file: incorrect data check",
    );
    damaged.fill(0xff, 10);
    await write("train-images-idx3-ubyte.gz", damaged);
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte.gz is not a readable gzip file: invalid block type",
    );
  });

  it("does not unpack more than the header inside announces", async () => {
    const bomb = new Uint8Array(64 * 2 ** 20);
    bomb.set(idxBytes([5, 2, 2], []));
    await write("train-images-idx3-ubyte.gz", gzipSync(bomb));
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte.gz unpacks to more bytes than the IDX header inside it announces",
    );
  });

  it("checks the header inside before it unpacks, and the length after", async () => {
    await write("train-images-idx3-ubyte.gz", gzipSync(idxBytes([2 ** 31, 28, 28], [1])));
    expect(await failure()).toMatch(/^FOLDER\/train-images-idx3-ubyte.gz is too large or damaged: /);
    await write("train-images-idx3-ubyte.gz", gzipSync(idxBytes([5, 2, 2], [1, 2, 3])));
    expect(await failure()).toBe(
      "FOLDER/train-images-idx3-ubyte.gz is truncated: its header announces 5 x 2 x 2 elements, " +
        "so 36 bytes were expected, but it has 19",
    );
  });
});
