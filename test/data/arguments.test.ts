/** Every public function of `data` takes whatever is handed to it, or says in one line what it wants: never a TypeError of its own. */

import { data, KilnError, tensor } from "kiln-js";
import { expect, test } from "vitest";

const images = new data.ArrayDataset({
  images: new Float32Array(8),
  labels: [0, 1],
  sampleShape: [1, 2, 2],
});
const folder = "no such folder";
const table = data.parseCsv("colour,size\nred,1\nblue,2");

/** Each function with arguments that are right, one after another of which is replaced. */
const CALLS: Readonly<
  Record<string, readonly [call: (...given: never[]) => unknown, ...right: readonly unknown[]]>
> = {
  ArrayDataset: [
    (options) => new data.ArrayDataset(options),
    { images: new Float32Array(8), labels: [0, 1], sampleShape: [1, 2, 2] },
  ],
  "ArrayDataset's parts": [
    (bytes, labels, sampleShape, classes) =>
      new data.ArrayDataset({ images: bytes, labels, sampleShape, classes }),
    new Float32Array(8),
    [0, 1],
    [1, 2, 2],
    2,
  ],
  ByteVocabulary: [(text) => new data.ByteVocabulary().encode(text), "text"],
  "ByteVocabulary's tokens": [(tokens) => new data.ByteVocabulary().decode(tokens), [1, 2]],
  CharVocabulary: [(text) => new data.CharVocabulary(text), "text"],
  CIFAR10: [(root, options) => data.CIFAR10(root, options), folder, { train: true }],
  "CIFAR10's options": [
    (train, transform, mirror) => data.CIFAR10(folder, { train, transform, mirror }),
    true,
    data.toTensor(),
    "http://localhost:1/",
  ],
  BatchSampler: [
    (sampler, size, dropLast) => new data.BatchSampler(sampler, size, dropLast),
    [0, 1, 2],
    2,
    true,
  ],
  compose: [(a, b) => data.compose(a, b), data.scale(2), [data.pad(1)]],
  ConcatDataset: [(datasets) => new data.ConcatDataset(datasets), [images, images]],
  ImageFolder: [(root, options) => data.ImageFolder(root, options), folder, { channels: 1 }],
  "ImageFolder's options": [
    (transform, channels) => data.ImageFolder(folder, { transform, channels }),
    ...[data.toTensor(), 3],
  ],
  StackDataset: [(first, second) => new data.StackDataset(first, second), images, images],
  "StackDataset by name": [(parts) => new data.StackDataset(parts), { left: images, right: images }],
  TableEncoding: [(rows, options) => new data.TableEncoding(rows, options), table, { target: "size" }],
  "TableEncoding's options": [
    (target, inputs, kinds, standardize) =>
      new data.TableEncoding(table, { target, inputs, kinds, standardize }),
    ...["size", ["colour"], { colour: "category" }, false],
  ],
  parseCsv: [(text, options) => data.parseCsv(text, options), "a,b\n1,2", { delimiter: "," }],
  "parseCsv's options": [
    (delimiter, columns, name) => data.parseCsv("1;2", { delimiter, columns, name }),
    ...[";", ["a", "b"], "a table"],
  ],
  readCsv: [(path, options) => data.readCsv(path, options), folder, { delimiter: "," }],
  DataLoader: [(dataset, options) => new data.DataLoader(dataset, options), images, { batchSize: 2 }],
  "DataLoader's options": [
    (batchSize, shuffle, seed, dropLast, prefetch, sampler, collateFn) =>
      new data.DataLoader(images, { batchSize, shuffle, seed, dropLast, prefetch, sampler, collateFn }),
    ...[1, false, 0, false, 2, [0, 1], (items: unknown[]) => items],
  ],
  "DataLoader's batchSampler": [(batchSampler) => new data.DataLoader(images, { batchSampler }), [[0], [1]]],
  defaultCollate: [(items) => data.defaultCollate(items), [[tensor([1]), 2]]],
  FashionMNIST: [(root, options) => data.FashionMNIST(root, options), folder, { train: true }],
  loadMnist: [(root) => data.loadMnist(root), folder],
  MNIST: [(root, options) => data.MNIST(root, options), folder, { train: true }],
  normalize: [(mean, std) => data.normalize(mean, std), [0, 1], [1, 1]],
  pad: [(amount, value) => data.pad(amount, value), [1, 2], 0],
  paddedCollate: [(options) => data.paddedCollate(options), { paddingValue: 1 }],
  "paddedCollate's options": [
    (paddingValue, multipleOf, lengths) => data.paddedCollate({ paddingValue, multipleOf, lengths }),
    ...[0, 2, true],
  ],
  "paddedCollate's samples": [(items) => data.paddedCollate()(items), [[tensor([1]), 2]]],
  parseIdx: [(bytes, name) => data.parseIdx(bytes, name), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5), "name"],
  randomCrop: [(size, options) => data.randomCrop(size, options), [1, 1], { padding: 1 }],
  "randomCrop's options": [(padding, fill) => data.randomCrop(1, { padding, fill }), [1, 1], 0],
  randomHorizontalFlip: [(p) => data.randomHorizontalFlip(p), 0.5],
  RandomSampler: [(dataset, options) => new data.RandomSampler(dataset, options), images, { seed: 1 }],
  "RandomSampler's options": [
    (seed, replacement, numSamples) => new data.RandomSampler(images, { seed, replacement, numSamples }),
    ...[0, true, 5],
  ],
  randomSplit: [
    (dataset, lengths, options) => data.randomSplit(dataset, lengths, options),
    ...[images, [0.5, 0.5], { seed: 1 }],
  ],
  resize: [(size, options) => data.resize(size, options), [2, 2], { antialias: false }],
  "resize's options": [
    (interpolation, antialias) => data.resize(2, { interpolation, antialias }),
    "nearest",
    true,
  ],
  scale: [(factor) => data.scale(factor), 2],
  SequentialSampler: [(dataset) => new data.SequentialSampler(dataset), images],
  Subset: [(dataset, indices) => new data.Subset(dataset, indices), images, [1, 0]],
  subset: [(dataset, start, end) => data.subset(dataset, start, end), images, 0, 1],
  SubsetRandomSampler: [
    (indices, options) => new data.SubsetRandomSampler(indices, options),
    [1, 0],
    { seed: 1 },
  ],
  syntheticDigits: [(options) => data.syntheticDigits(options), { train: true, count: 1 }],
  "syntheticDigits's options": [
    (train, count, seed, size) => data.syntheticDigits({ train, count, seed, size }),
    ...[true, 1, 0, 12],
  ],
  TensorDataset: [(x, y) => new data.TensorDataset(x, y), tensor([1, 2]), tensor([1, 2])],
  TokenDataset: [
    (tokens, length, stride) => new data.TokenDataset(tokens, length, stride),
    ...[Int32Array.of(1, 2, 3, 4), 2, 1],
  ],
  tokenizerVocabulary: [
    (tokenizer, size) => data.tokenizerVocabulary(tokenizer, size),
    ...[{ encode: () => [0], decode: () => "" }, 3],
  ],
  toTensor: [() => data.toTensor()],
  WeightedRandomSampler: [
    (weights, count, options) => new data.WeightedRandomSampler(weights, count, options),
    ...[[1, 2], 2, { replacement: false }],
  ],
  withTransform: [(dataset, transform) => data.withTransform(dataset, transform), images, data.scale(2)],
};

const ODD: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, 0.5, Number.NaN, 2 ** 53, 3n, "", "text", Symbol("s"), () => 1],
  ...[
    [],
    {},
    [null],
    ["a"],
    [1, 2, 3],
    [[]],
    { length: 2 },
    { length: -1, getItem() {} },
    new Map(),
    new Date(),
  ],
  ...[{ unknown: 1 }, new Uint8Array(3), new BigInt64Array(2), new DataView(new ArrayBuffer(4)), tensor([1])],
  ...[Object.create(null), { length: 2, sample() {} }, { length: 2, batch: 3 }, { bind: 1 }, class {}],
];

test("the table names every function that is exported", () => {
  const functions = Object.entries(data).flatMap(([name, value]) =>
    typeof value === "function" ? [name] : [],
  );
  expect(functions.filter((name) => !(name in CALLS))).toEqual([]);
});

test.each(Object.entries(CALLS))("%s", async (_, [call, ...right]) => {
  const outcome = async (given: readonly unknown[]): Promise<unknown> => {
    try {
      await call(...(given as never[]));
      return undefined;
    } catch (error) {
      return error;
    }
  };
  // Right arguments work, but for files that are not there.
  expect(String((await outcome(right)) ?? "")).not.toMatch(
    /Error(?!: (no such folder|the folder|cannot read no such folder))/,
  );
  for (const [position] of right.entries()) {
    for (const odd of ODD) {
      const error = await outcome(right.with(position, odd));
      if (error === undefined) continue;
      expect(error, `argument ${position}`).toBeInstanceOf(KilnError);
      expect((error as KilnError).message).toMatch(/^[^\n]{10,}$/);
      expect((error as KilnError).message).not.toMatch(
        /\[object|Cannot read|is not a function|is not iterable/,
      );
    }
  }
});
