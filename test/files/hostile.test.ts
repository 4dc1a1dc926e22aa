/**
 * Files with bits turned, pieces cut off, doubled or moved, and counts made huge: whatever reads them gives a value or one
 * line that names the file, without more memory than the file explains.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { compile, data, KilnError, load, nn, save, tensor } from "kiln-js";
import { afterAll, expect, test } from "vitest";
import { readCheckpoint } from "../../src/cli/train/training-checkpoint.ts";
import { readTar } from "../../src/data/tar.ts";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { parseProgram } from "../../src/loop/parse.ts";
import { exportOnnx, importOnnx } from "../../src/onnx/index.ts";
import { opTable } from "../../src/ops/registry.ts";
import { checkpointBytes } from "../../src/runtime/files/checkpoint.ts";
import { ChoicesFile } from "../../src/tuning/choices-file.ts";
import { idxBytes } from "../data/idx-bytes.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-hostile-"));
afterAll(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => join(folder, name);

/** How files are damaged, as numbers that do not depend on their length. */
const damage = fc.record({
  /** Where, as parts of the length, bytes are replaced, and by what. */
  bytes: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 4,
  }),
  /** Where a number of 1, 4 or 8 bytes is made huge. */
  huge: fc.option(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(1, 4, 8))),
  /** Which part of the file is left. */
  end: fc.oneof(
    { weight: 3, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
  /** What follows it: its own beginning once more. */
  again: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
});

function damaged(
  original: Uint8Array,
  { bytes, huge, end, again }: typeof damage extends fc.Arbitrary<infer T> ? T : never,
): Uint8Array {
  const at = (part: number, length = original.length): number =>
    Math.min(length - 1, Math.floor(part * length));
  const copy = Uint8Array.from(original);
  for (const [part, byte] of bytes) copy[at(part)] = byte;
  if (huge !== null) copy.fill(0xff, at(huge[0]), at(huge[0]) + huge[1]);
  const kept = copy.subarray(0, Math.ceil(end * copy.length));
  return Uint8Array.from(Buffer.concat([kept, original.subarray(0, Math.floor(again * original.length))]));
}

const tarOf = (name: string, content: Uint8Array): Uint8Array => {
  const header = new Uint8Array(512);
  const text = (begin: number, value: string): void => header.set(new TextEncoder().encode(value), begin);
  text(0, name);
  text(124, content.length.toString(8).padStart(11, "0"));
  text(148, "        ");
  text(156, "0");
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  const padded = new Uint8Array(512 * Math.ceil(content.length / 512));
  padded.set(content);
  return Uint8Array.from(Buffer.concat([header, padded, new Uint8Array(1024)]));
};

const LABELS = idxBytes(
  [20],
  Uint8Array.from({ length: 20 }, (_, k) => k % 10),
);
const IMAGES = idxBytes(
  [20, 2, 2],
  Uint8Array.from({ length: 80 }, (_, k) => k),
);

/** Writes MNIST's two files, of which one is damaged, and reads them. */
async function readMnist(name: "images" | "labels", bytes: Uint8Array): Promise<unknown> {
  writeFileSync(place("train-images-idx3-ubyte"), name === "images" ? bytes : IMAGES);
  writeFileSync(place("train-labels-idx1-ubyte"), name === "labels" ? bytes : LABELS);
  return data.loadMnist(folder);
}

const GRAPH = `graph net(%x: f32[2,3], %t: i32[2]) params(@w: f32[4,3], @b: f32[4]) {
  %0: f32[2,4] = linear(%x, @w, @b)   at net.ts:4 fc
  %1: f32[2,4] = softmax(%0) {axis=1}
  %2: f32[2] = sum(%1) {axes=[1], keepdim=false}
  return y=%2
}
`;

const PROGRAM = `program p
  input x: f32[2] = %x
  output y: f32[2]  # %0
  return y=y

kernel k
  flops 2
  read x: f32[2]
  write y: f32[2]
  for p in 2 grid
    y[p] = max(x[p], x[p])
`;

/** What torch.save has written. */
const PYTORCH = JSON.parse(
  readFileSync(new URL("../fixtures/pytorch_files.json", import.meta.url), "utf8"),
) as { readonly checkpoint: { readonly file: string }; readonly views: { readonly file: string } };

interface Reader {
  readonly original: () => Uint8Array | Promise<Uint8Array>;
  readonly read: (bytes: Uint8Array) => unknown;
}

const text =
  (content: string): (() => Uint8Array) =>
  () =>
    new TextEncoder().encode(content);
const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const net = new nn.Sequential(new nn.Linear(3, 2), new nn.BatchNorm1d(2));
/** What a file holds with shapes, attributes, constants and a graph within a graph. */
const exported = [
  {
    net: new nn.Sequential(
      new nn.Conv2d(1, 2, 3),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Linear(8, 2),
    ),
    input: [1, 1, 6, 6],
  },
  { net: new nn.GRU(2, 3), input: [4, 1, 2] },
] as const;

/** Reads a model and compiles it, as far as it is one. */
async function readOnnx(bytes: Uint8Array, input: readonly number[]): Promise<void> {
  const model = await importOnnx(bytes);
  const program = await compile(model, { inputs: [input], backend: "js", warnings: false });
  await program.dispose();
}
const VALUE = {
  version: "kiln train 2",
  settings: {
    data: "synthetic",
    epochs: 3,
    batchSize: 2,
    optimizer: "sgd",
    lr: 0.1,
    decay: 1,
    weightDecay: 0,
    seed: 0,
    own: [],
  },
  position: { epoch: 1, batch: 0, samples: 0, lossSum: 0 },
  history: {
    epochs: [{ epoch: 1, loss: 1, metrics: { accuracy: 1 } }],
    curve: { stepsPerPoint: 1, stepsInLast: 0, losses: [1, 2] },
  },
  model: net.stateDict(),
};
const CHOICE = { choice: "a", milliseconds: 1, first: "b", firstMilliseconds: 2, tried: 3 };

const READERS: Readonly<Record<string, Reader>> = {
  "load of a state dict": {
    original: () => checkpointBytes(net.stateDict()),
    async read(bytes) {
      writeFileSync(place("net.safetensors"), bytes);
      return load(place("net.safetensors"));
    },
  },
  ...Object.fromEntries(
    exported.map(({ net, input }): [string, Reader] => [
      `an ONNX model of ${net.constructor.name}`,
      {
        original: () => exportOnnx(net, { inputs: [input] }),
        read: (bytes) => readOnnx(bytes, input),
      },
    ]),
  ),
  "load of a checkpoint of PyTorch": {
    original: () => Buffer.from(PYTORCH.checkpoint.file, "base64"),
    read: load,
  },
  "load of views in a file of PyTorch": {
    original: () => Buffer.from(PYTORCH.views.file, "base64"),
    read: load,
  },
  "the index of a model in several files": {
    async original() {
      writeFileSync(place("a.safetensors"), await checkpointBytes(net.stateDict()));
      const names = Object.keys(net.stateDict()).map((name) => [name, "a.safetensors"]);
      return text(JSON.stringify({ weight_map: Object.fromEntries(names) }))();
    },
    async read(bytes) {
      writeFileSync(place("net.index.json"), bytes);
      return load(place("net.index.json"));
    },
  },
  "a checkpoint of kiln train": {
    original: () => checkpointBytes(VALUE),
    async read(bytes) {
      writeFileSync(place("run.safetensors"), bytes);
      return readCheckpoint(place("run.safetensors"));
    },
  },
  "IDX images": { original: () => IMAGES, read: (bytes) => readMnist("images", bytes) },
  "IDX labels in gzip": { original: () => gzipSync(LABELS), read: (bytes) => readMnist("labels", bytes) },
  tar: {
    original: () => tarOf("folder/name", new Uint8Array(700).fill(7)),
    read: (bytes) => readTar(bytes, "a.tar"),
  },
  "a graph": {
    original: text(GRAPH),
    read: async (bytes) => compileArtifact(parseGraph(asText(bytes), opTable), { backend: "js" }),
  },
  "a program": {
    original: text(PROGRAM),
    read: async (bytes) => compileArtifact(parseProgram(asText(bytes)), { backend: "js" }),
  },
  "tuned choices": {
    original: text(JSON.stringify({ version: 1, machines: { here: { key: CHOICE } } })),
    async read(bytes) {
      writeFileSync(place("choices.json"), bytes);
      return new ChoicesFile(place("choices.json"), "here").load();
    },
  },
};

test.each(Object.entries(READERS))("%s", async (name, { original, read }) => {
  const bytes = await original();
  await read(bytes);
  const before = process.memoryUsage().arrayBuffers;
  const seed = Number(process.env.KILN_TEST_SEED ?? 1);
  await fc.assert(
    fc.asyncProperty(damage, async (what) => {
      try {
        await read(damaged(bytes, what));
      } catch (error) {
        expect(isExpected(name, error), `KILN_TEST_SEED=${seed}: ${String((error as Error).stack)}`).toBe(
          true,
        );
        expect((error as Error).message).toMatch(/^[^\n]*$/);
      }
    }),
    { numRuns: Number(process.env.KILN_HOSTILE_FILES ?? 150), seed },
  );
  // A hundred files of some kilobytes: gigabytes that their counts claim would be seen.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 28);
});

/** What a graph or program says that does not hold together is an InternalError, which the command line puts in other words. */
function isExpected(name: string, error: unknown): boolean {
  if (error instanceof KilnError) return true;
  return /^a (graph|program)$/.test(name) && error instanceof Error && error.name === "InternalError";
}

/** A number, a word or a whole line of a text, as a part of all there are, and what stands there instead. */
const edit = fc.tuple(
  fc.constantFrom(/\d+/g, /[a-z_]\w*/g, /.*\n/g, /[[\](){},=]/g),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(
    "0",
    "1",
    "3",
    "-1",
    "99",
    "99999999999",
    "relu",
    "sum",
    "axis",
    "f32",
    "[]",
    "",
    " ",
    "again",
  ),
);

function edited(original: string, edits: readonly (readonly [RegExp, number, string])[]): string {
  return edits.reduce((text, [pattern, part, by]) => {
    const found = [...text.matchAll(pattern)];
    const one = found[Math.floor(part * (found.length - 1))];
    if (one === undefined) return text;
    const end = one.index + one[0].length;
    return text.slice(0, one.index) + (by === "again" ? one[0] + one[0] : by) + text.slice(end);
  }, original);
}

test.each([
  ["graph", GRAPH, (text: string) => compileArtifact(parseGraph(text, opTable), { backend: "js" })],
  ["program", PROGRAM, (text: string) => compileArtifact(parseProgram(text), { backend: "js" })],
])("a %s that somebody has edited", async (name, original, read) => {
  await read(original);
  const seed = Number(process.env.KILN_TEST_SEED ?? 1);
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      const text = edited(original, edits);
      try {
        await read(text);
      } catch (error) {
        expect(isExpected(`a ${name}`, error), `${text}\n${String((error as Error).stack)}`).toBe(true);
      }
    }),
    { numRuns: Number(process.env.KILN_HOSTILE_FILES ?? 150), seed },
  );
});

test("what is saved again after a load is the same", async () => {
  const value = { a: tensor([1, 2]), list: [1, "x", null] };
  await save(value, place("again.safetensors"));
  const loaded = await load<typeof value>(place("again.safetensors"));
  expect(await checkpointBytes(loaded)).toEqual(await checkpointBytes(value));
});
