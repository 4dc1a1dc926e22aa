/** MNIST and Fashion-MNIST in torchvision's folders: fetched from a server on loopback, or found there. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FashionMNIST, loadMnistFamily, type MnistFamily } from "../../src/data/mnist-family.ts";
import type { PublishedDatasetOptions } from "../../src/data/published.ts";
import { toTensor } from "../../src/data/transforms.ts";
import { md5 } from "./cifar-bytes.ts";
import { type FileServer, startFileServer } from "./file-server.ts";
import { idxBytes } from "./idx-bytes.ts";

const VERIFIED = "Files already downloaded and verified";

const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
const FILES: Readonly<Record<string, Uint8Array>> = {
  "train-images-idx3-ubyte.gz": gzipSync(idxBytes([6, 2, 2], numbers(24))),
  "train-labels-idx1-ubyte.gz": gzipSync(idxBytes([6], numbers(6))),
  "t10k-images-idx3-ubyte.gz": gzipSync(idxBytes([2, 2, 2], [...numbers(7), 255])),
  "t10k-labels-idx1-ubyte.gz": gzipSync(idxBytes([2], [9, 8])),
};
const TOY: MnistFamily = {
  name: "Toy",
  mirror: "http://unused.invalid/",
  files: Object.entries(FILES).map(([name, bytes]) => ({ name, md5: md5(bytes) })),
  classNames: numbers(10).map((digit) => `digit ${digit}`),
};

let root: string;
let server: FileServer;
let printed: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "kiln-family-"));
  server = await startFileServer();
  for (const [name, bytes] of Object.entries(FILES)) server.files.set(name, bytes);
  printed = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await rm(root, { recursive: true });
});

const load = (options: PublishedDatasetOptions = {}) =>
  loadMnistFamily(root, { mirror: server.address, ...options }, TOY);

describe("the MNIST family", () => {
  it("fetches all four files once, and reads either half", async () => {
    const train = await load({ download: true });
    expect([train.length, train.sampleShape, train.classNames?.[3]]).toEqual([6, [1, 2, 2], "digit 3"]);
    expect(train.description).toBe(`Toy (train) from ${root}`);
    expect(printed).toHaveLength(4);
    expect((await readdir(join(root, "Toy", "raw"))).sort()).toEqual(Object.keys(FILES).sort());
    printed.length = 0;
    const test = await load({ download: true, train: false, transform: toTensor() });
    expect(printed).toEqual([VERIFIED]);
    expect(server.requests).toHaveLength(4);
    const out = new Float32Array(4);
    expect(test.sample(1, out, 0)).toBe(8);
    expect(Array.from(out)).toEqual([4 / 255, 5 / 255, 6 / 255, 1].map(Math.fround));
  });

  it("goes on after a connection that broke", async () => {
    server.misbehaviour.cutAfter = 20;
    await expect(load({ download: true })).rejects.toThrow(/broke after 20 of \d+ bytes/);
    expect((await load({ download: true })).length).toBe(6);
    expect(server.requests).toEqual(["whole", "bytes=20-", "whole", "whole", "whole"]);
  });

  it("reads unpacked files, and those in the root itself, without fetching", async () => {
    await writeFile(join(root, "t10k-images-idx3-ubyte"), idxBytes([1, 2, 2], [1, 2, 3, 4]));
    await writeFile(join(root, "t10k-labels-idx1-ubyte"), idxBytes([1], [7]));
    const test = await load({ train: false });
    expect([test.length, test.sample(0, new Float32Array(4), 0)]).toEqual([1, 7]);
    for (const [name, bytes] of Object.entries(FILES)) await writeFile(join(root, name), bytes);
    expect((await load({ download: true })).length).toBe(6);
    expect(printed).toEqual([`${root} already holds the files of Toy`]);
    expect(server.requests).toEqual([]);
  });

  it("says what to do when files are missing, and fetches nothing unasked", async () => {
    await expect(load()).rejects.toThrow(
      `${root}/Toy/raw has no train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz: ` +
        `pass download: true to fetch Toy, or put the files there (from ${server.address})`,
    );
    await mkdir(join(root, "FashionMNIST", "raw"), { recursive: true });
    await expect(FashionMNIST(root, { train: false })).rejects.toThrow(
      /has no t10k-images.* to fetch FashionMNIST, .*\(from http:\/\/fashion-mnist/,
    );
    expect(server.requests).toEqual([]);
    server.misbehaviour.status = 404;
    await expect(load({ download: true })).rejects.toThrow(
      /the server answers 404 Not Found; without a network/,
    );
  });
});
