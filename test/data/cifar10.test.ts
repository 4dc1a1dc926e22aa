/** CIFAR-10 from small files in its exact format: fetching, resuming, verifying, and every fault on the way. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import { CIFAR10, loadCifar10 } from "../../src/data/cifar10.ts";
import type { PublishedDatasetOptions } from "../../src/data/published.ts";
import { toTensor } from "../../src/data/transforms.ts";
import { cifarArchive, cifarBatch, cifarFiles, md5, tarEntry } from "./cifar-bytes.ts";
import { type FileServer, startFileServer } from "./file-server.ts";

const ARCHIVE = "cifar-10-binary.tar.gz";
const VERIFIED = "Files already downloaded and verified";

let root: string;
let server: FileServer;
let printed: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "kiln-cifar-"));
  server = await startFileServer();
  printed = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await rm(root, { recursive: true });
});

const batchPath = (name: string): string => join(root, "cifar-10-batches-bin", name);

async function writeBatches(files: Record<string, Uint8Array> = cifarFiles()): Promise<void> {
  await mkdir(batchPath(""), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(batchPath(name), bytes);
}

/** Fetches `archive` from the server (default: its own checksum is the right one). */
function fetchFrom(archive: Uint8Array, checksum = md5(archive), options: PublishedDatasetOptions = {}) {
  server.files.set(ARCHIVE, archive);
  const published = { name: ARCHIVE, md5: checksum };
  return loadCifar10(root, { train: false, download: true, mirror: server.address, ...options }, published);
}

async function failure(loading: Promise<unknown>): Promise<string> {
  const error = await loading.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KilnError);
  const { message } = error as KilnError;
  expect(message).not.toContain("\n");
  return message.replaceAll(root, "ROOT").replaceAll(server.address, "SERVER/");
}

describe("CIFAR10 on files", () => {
  it("reads five training files in order, and the test file", async () => {
    await writeBatches();
    const train = await CIFAR10(root);
    expect([train.length, train.classes, train.sampleShape]).toEqual([10, 10, [3, 32, 32]]);
    expect(train.classNames?.slice(0, 2)).toEqual(["airplane", "automobile"]);
    const out = new Float32Array(3072 + 1);
    const labels = Array.from({ length: 10 }, (_, i) => train.sample(i, out, 1));
    expect(labels).toEqual([0, 8, 1, 7, 2, 6, 3, 5, 4, 4]);
    // Record 1 of its file: pixel p is (7 + p) modulo 256, red first, then green, then blue.
    expect(Array.from(out.subarray(1, 4))).toEqual([7, 8, 9]);
    expect(out[1 + 1024 + 32 + 5]).toBe((7 + 1024 + 37) % 256);
    const test = await CIFAR10(root, { train: false, transform: toTensor() });
    expect([test.length, test.classNames?.[9]]).toEqual([3, "truck"]);
    expect(test.sample(0, out, 0)).toBe(3);
    expect(out[255]).toBe(1);
    expect(out[51]).toBe(Math.fround(0.2));
    expect(printed).toEqual([]);
  });

  it("says what to do when a file is missing, and fetches nothing unasked", async () => {
    expect(await failure(CIFAR10(root, { mirror: server.address }))).toBe(
      "ROOT/cifar-10-batches-bin/data_batch_1.bin is missing: pass download: true to fetch CIFAR-10, " +
        "or unpack cifar-10-binary.tar.gz (SERVER/cifar-10-binary.tar.gz) in ROOT",
    );
    expect(server.requests).toEqual([]);
  });

  it("names a file that is truncated, empty, or has labels that cannot be", async () => {
    await writeBatches({ ...cifarFiles(), "data_batch_4.bin": cifarBatch([1, 2]).subarray(0, 5000) });
    expect(await failure(CIFAR10(root))).toBe(
      "ROOT/cifar-10-batches-bin/data_batch_4.bin is truncated or not a CIFAR-10 file: " +
        "its 5000 bytes are not a whole number of records of 3073 bytes",
    );
    await writeBatches({ "test_batch.bin": new Uint8Array(0) });
    expect(await failure(CIFAR10(root, { train: false }))).toMatch(
      /test_batch.bin is truncated .* its 0 bytes/,
    );
    await writeBatches({ "test_batch.bin": cifarBatch([1, 10]) });
    expect(await failure(CIFAR10(root, { train: false }))).toBe(
      "label 10 at index 1 of ROOT/cifar-10-batches-bin/test_batch.bin is outside the 10 classes 0..9",
    );
  });
});

describe("CIFAR10 with download", () => {
  it("fetches, verifies and unpacks once, and then says that all is there", async () => {
    const archive = cifarArchive();
    const dataset = await fetchFrom(archive);
    expect(dataset.length).toBe(3);
    expect(printed).toEqual([`Downloading ${server.address}${ARCHIVE} to ${root}/${ARCHIVE}`]);
    expect((await readdir(root)).sort()).toEqual(["cifar-10-batches-bin", ARCHIVE]);
    expect((await readdir(batchPath(""))).sort()).toEqual(Object.keys(cifarFiles()).sort());
    printed.length = 0;
    expect((await fetchFrom(archive)).length).toBe(3);
    expect(printed).toEqual([VERIFIED]);
    expect(server.requests).toEqual(["whole"]);
  });

  it("takes files as they are where no archive is", async () => {
    await writeBatches();
    expect((await fetchFrom(cifarArchive())).length).toBe(3);
    expect(printed).toEqual([VERIFIED]);
    expect(server.requests).toEqual([]);
  });

  it("mends files that differ from the verified archive", async () => {
    await fetchFrom(cifarArchive());
    await writeFile(batchPath("test_batch.bin"), cifarBatch([1, 1, 1]));
    await rm(batchPath("data_batch_2.bin"));
    const dataset = await fetchFrom(cifarArchive());
    expect(dataset.sample(0, new Float32Array(3072), 0)).toBe(3);
    expect(existsSync(batchPath("data_batch_2.bin"))).toBe(true);
    expect(server.requests).toEqual(["whole"]);
  });

  it("goes on where a broken connection left off", async () => {
    const archive = cifarArchive();
    server.misbehaviour.cutAfter = 400;
    expect(await failure(fetchFrom(archive))).toMatch(
      new RegExp(
        `^the connection to SERVER/${ARCHIVE} broke after 400 of ${archive.length} bytes \\(.+\\); ` +
          "run again to continue from there$",
      ),
    );
    expect(await readdir(root)).toEqual([`${ARCHIVE}.part`]);
    expect((await fetchFrom(archive)).length).toBe(3);
    expect(server.requests).toEqual(["whole", "bytes=400-"]);
    expect(await readFile(join(root, ARCHIVE))).toEqual(Buffer.from(archive));
  });

  it("starts again where the server knows no ranges", async () => {
    const archive = cifarArchive();
    await writeFile(join(root, `${ARCHIVE}.part`), archive.subarray(0, 100));
    server.misbehaviour.ignoresRanges = true;
    expect((await fetchFrom(archive)).length).toBe(3);
  });

  it("accepts a part that had all its bytes, and drops one that is longer than the file", async () => {
    const archive = cifarArchive();
    await writeFile(join(root, `${ARCHIVE}.part`), archive);
    expect((await fetchFrom(archive)).length).toBe(3);
    await rm(join(root, ARCHIVE));
    await rm(batchPath("test_batch.bin"));
    await writeFile(join(root, `${ARCHIVE}.part`), Buffer.concat([archive, archive]));
    expect(await failure(fetchFrom(archive))).toBe(
      `SERVER/${ARCHIVE} is not the file that ROOT/${ARCHIVE}.part is a part of; run again to start over`,
    );
    expect((await fetchFrom(archive)).length).toBe(3);
  });

  it("keeps nothing of a file with the wrong checksum", async () => {
    const archive = cifarArchive();
    const expected = "0".repeat(32);
    expect(await failure(fetchFrom(archive, expected))).toBe(
      `what SERVER/${ARCHIVE} sent has the MD5 checksum ${md5(archive)}, but ${expected} was expected; ` +
        "it has been removed",
    );
    expect(await readdir(root)).toEqual([]);
  });

  it("fetches an archive again whose checksum is wrong on disk", async () => {
    const archive = cifarArchive();
    await writeFile(join(root, ARCHIVE), archive.subarray(0, 50));
    expect((await fetchFrom(archive)).length).toBe(3);
    expect(printed[0]).toMatch(/has the MD5 checksum \w{32} instead of \w{32} and is fetched again$/);
  });

  it("says what to do without a network, or when the server has no such file", async () => {
    server.misbehaviour.status = 503;
    expect(await failure(fetchFrom(cifarArchive()))).toBe(
      `cannot fetch SERVER/${ARCHIVE}: the server answers 503 Service Unavailable; ` +
        `without a network, put the file at ROOT/${ARCHIVE} by hand and run again`,
    );
    await server.close();
    expect(await failure(fetchFrom(cifarArchive()))).toMatch(
      new RegExp(
        `^cannot fetch SERVER/${ARCHIVE}: .*ECONNREFUSED.*; without a network, put the file at ROOT`,
      ),
    );
    const nowhere = fetchFrom(cifarArchive(), md5(cifarArchive()), { mirror: "file:///etc/" });
    expect(await failure(nowhere)).toBe('a mirror is an http or https address, not "file:///etc/"');
    expect(await readdir(root)).toEqual([]);
  });

  it("does not begin to fetch what claims to be far larger", async () => {
    server.misbehaviour.claims = 10 ** 10;
    expect(await failure(fetchFrom(cifarArchive()))).toBe(
      `SERVER/${ARCHIVE} has more than 268435456 bytes, too many to be ROOT/${ARCHIVE}`,
    );
    expect(await readdir(root)).toEqual([]);
  });

  it("refuses archives that are damaged, lack files, or reach out of their folder", async () => {
    const packed = cifarArchive();
    expect(await failure(fetchFrom(packed.subarray(0, packed.length / 2)))).toBe(
      `ROOT/${ARCHIVE} is not a readable gzip file: unexpected end of file`,
    );
    const { "data_batch_3.bin": _, ...others } = cifarFiles();
    expect(await failure(fetchFrom(cifarArchive(others)))).toBe(
      `ROOT/${ARCHIVE} has no cifar-10-batches-bin/data_batch_3.bin inside`,
    );
    const escaping = tarEntry("cifar-10-batches-bin/../../escaped.bin", cifarBatch([1]));
    expect(await failure(fetchFrom(cifarArchive(cifarFiles(), [escaping])))).toBe(
      `ROOT/${ARCHIVE} is refused: its entry "cifar-10-batches-bin/../../escaped.bin" ` +
        "would lie outside of the folder it is unpacked in",
    );
    expect(existsSync(join(root, "..", "escaped.bin"))).toBe(false);
    expect(existsSync(batchPath(""))).toBe(false);
  });
});
