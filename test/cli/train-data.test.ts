/** What `kiln train --data` makes of paths: tables, texts and folders of images, and the loss and metrics that fit them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { data, nn, Tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { ModelFile } from "../../src/cli/model-file.ts";
import { loadTrainingData } from "../../src/cli/train/data-source.ts";
import { usualMetrics } from "../../src/cli/train/metrics.ts";
import type { TrainingData } from "../../src/cli/train/training-data.ts";
import { cifarFiles } from "../data/cifar-bytes.ts";
import { kiln, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
/** Twenty houses: the price is 3 a room, and 10 more in town. */
const houses = Array.from({ length: 20 }, (_, k) => {
  const [rooms, town] = [1 + (k % 5), k % 3 === 0 ? "town" : "land"];
  return `${rooms},${town},${3 * rooms + (town === "town" ? 10 : 0)},${rooms > 2 ? "yes" : "no"}`;
});
const HEADER = "rooms,place,price,large\n";
const image = (value: number): Uint8Array =>
  encode({ width: 2, height: 2, depth: 8, channels: 1, data: new Uint8Array(4).fill(value) });
writeAll(folder, {
  "houses.csv": `${HEADER}${houses.join("\n")}\n`,
  "prices.tsv": houses.map((line) => line.split(",").slice(0, 3).join("\t")).join("\n"),
  "both/train.csv": `${HEADER}${houses.slice(0, 15).join("\n")}\n`,
  "both/test.csv": `${HEADER}${houses.slice(15).join("\n")}\n`,
  "one.csv": "a,b\n1,2\n",
  "say.txt": "abcab".repeat(40),
  "images/train/dark/1.png": image(0),
  "images/train/light/1.png": image(255),
  "images/val/dark/2.png": image(10),
  "images/val/light/2.png": image(200),
  "odd/train/dark/1.png": image(0),
  "odd/test/grey/1.png": image(9),
  "flat/a/1.png": image(1),
  "flat/a/2.png": image(2),
  "flat/b/3.png": image(3),
  "flat/b/4.png": image(4),
  "flat/b/5.png": image(5),
  ...Object.fromEntries(
    Object.entries(cifarFiles()).map(([name, bytes]) => [`cifar/cifar-10-batches-bin/${name}`, bytes]),
  ),
  ...smallMnist("mnist", 4, 2),
  "table.json": "{}",
  "net.mjs": `import { nn } from "kiln-js";
export default () => new nn.Linear(3, 1);
export const inputs = [[4, 3]];
export const table = { target: "price", inputs: ["rooms", "place"] };
`,
});

function modelFile(
  model: nn.Module,
  inputs: ModelFile["inputs"],
  exported: Readonly<Record<string, unknown>> = {},
): ModelFile {
  const loss = (exported.loss as nn.CrossEntropyLoss | undefined) ?? new nn.CrossEntropyLoss();
  return { path: "net.ts", model, inputs, loss, targets: undefined, exported };
}

const floats = (...shape: number[]) => [{ shape, dtype: "float32" as const }];
const load = (path: string, file: ModelFile, batchSize = 4): Promise<TrainingData> =>
  loadTrainingData(path === "synthetic" ? path : join(folder, path), { file, batchSize, seed: 0 });
const errorOf = (path: string, file: ModelFile): Promise<unknown> =>
  load(path, file).catch(({ message }: Error) => message.replaceAll(`${folder}/`, ""));

/** The first batch of the training samples, in order. */
async function firstBatch({ train }: TrainingData): Promise<[Tensor, Tensor]> {
  for await (const batch of new data.DataLoader(train as data.Dataset, { batchSize: 4 })) return batch;
  throw new Error("no batch");
}

describe("a table", () => {
  const table = { target: "price", inputs: ["rooms", "place"] };

  test("teaches numbers to a model of one output, measured by mse and mae", async () => {
    const loaded = await load("houses.csv", modelFile(new nn.Linear(3, 1), floats(4, 3), { table }));
    expect(loaded.loss).toBeInstanceOf(nn.MSELoss);
    expect(loaded.note.replace(folder, "")).toBe(
      "16 training and 4 test rows of /houses.csv, split at random; price from 2 columns, numbers standardised by the " +
        "training rows, learned with MSELoss.",
    );
    const [x, y] = await firstBatch(loaded);
    expect([x.shape, y.shape, y.dtype]).toEqual([[4, 3], [4, 1], "float32"]);
    expect(Object.keys(usualMetrics(y, y))).toEqual(["mse", "mae"]);
    // A model that drops the last axis is told so without it.
    const flat = new (class extends nn.Module {
      linear = new nn.Linear(3, 1);
      override forward(input: Tensor): Tensor {
        return this.linear.forward(input).squeeze(1);
      }
    })();
    const [, z] = await firstBatch(await load("houses.csv", modelFile(flat, floats(4, 3), { table })));
    expect(z.shape).toEqual([4]);
  });

  test("teaches classes to a model of several scores, and zeros and ones where the loss wants numbers", async () => {
    const last = await load("both", modelFile(new nn.Linear(4, 2), floats(4, 4)));
    expect([last.train.length, last.test.length]).toEqual([15, 5]);
    expect(last.loss).toBeInstanceOf(nn.CrossEntropyLoss);
    expect(last.encoding).toMatchObject({ targets: [{ name: "large", values: ["no", "yes"] }] });
    const [x, y] = await firstBatch(last);
    expect([x.shape, y.dtype, [...(await y.data())]]).toEqual([[4, 4], "int32", [0, 0, 1, 1]]);
    expect(Object.keys(usualMetrics(zeros(4, 2), y))).toEqual(["accuracy"]);

    const loss = new nn.BCEWithLogitsLoss();
    const [, flags] = await firstBatch(
      await load("both", modelFile(new nn.Linear(4, 1), floats(4, 4), { loss })),
    );
    expect([flags.dtype, flags.shape, [...(await flags.data())]]).toEqual(["float32", [4, 1], [0, 0, 1, 1]]);
  });

  test("may have no header, tabs, several targets, and categories for an embedding", async () => {
    const columns = ["rooms", "place", "price"];
    const net = new nn.Sequential(new nn.Embedding(5, 3), new nn.Flatten(), new nn.Linear(6, 1));
    const inputs = [{ shape: [4, 2], dtype: "int32" as const }];
    const [x] = await firstBatch(await load("prices.tsv", modelFile(net, inputs, { table: { columns } })));
    expect([x.dtype, x.shape]).toEqual(["int32", [4, 2]]);
    const two = { target: ["rooms", "price"], inputs: ["place"], standardize: false };
    const [, y] = await firstBatch(
      await load("both", modelFile(new nn.Linear(2, 2), floats(4, 2), { table: two })),
    );
    expect([y.shape, [...(await y.data())].slice(0, 4)]).toEqual([
      [4, 2],
      [1, 13, 2, 6],
    ]);
  });

  test("that does not fit is described in one line", async () => {
    expect(await errorOf("houses.csv", modelFile(new nn.Linear(2, 1), floats(4, 2), { table }))).toBe(
      "the data and the model do not fit: the columns rooms, place (2 categories) of houses.csv make [3] of a row, but " +
        "net.ts takes [2] (its inputs without the batch)",
    );
    const many = { target: "price", kinds: { price: "category" }, inputs: ["rooms"] };
    expect(
      await errorOf("houses.csv", modelFile(new nn.Linear(1, 2), floats(4, 1), { table: many })),
    ).toMatch(/^the column price of houses.csv has \d+ classes, but net\.ts gives scores of 2: \[4,2\]$/);
    expect(
      await errorOf("both", modelFile(new nn.Linear(3, 2), floats(4, 3), { table, loss: new nn.MSELoss() })),
    ).toBe(
      "the data and the model do not fit: 1 columns of both/train.csv are to be predicted, but the MSELoss of net.ts " +
        "compares its output with float32[4,2]",
    );
    expect(await errorOf("one.csv", modelFile(new nn.Linear(1, 1), floats(4, 1)))).toContain(
      "has 1 row, too few",
    );
    expect(
      await errorOf("houses.csv", modelFile(new nn.Linear(3, 1), floats(4, 3), { table: "price" })),
    ).toContain("net.ts's table must be an object");
    expect(await errorOf("table.json", modelFile(new nn.Linear(3, 1), floats(4, 3)))).toBe(
      "table.json is a file, where a folder was expected: files that are read end in .csv, .tsv or .txt",
    );
  });

  test("is learned from by the command, which says how, and keeps how rows became numbers", async () => {
    const args = ["net.mjs", "--data", "houses.csv", "--epochs", "40", "--lr", "0.1", "--out", "run"];
    const { code, stdout, stderr } = await kiln(["train", ...args], { cwd: folder });
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout).toContain("16 training and 4 test rows of houses.csv");
    expect(stdout).toMatch(/^test mse \S+ after 40 epochs/m);
    expect(stdout).not.toContain("accuracy");
    const run = JSON.parse(readFileSync(join(folder, "run/run.json"), "utf8"));
    // A line through the data is exact: what remains is what the last steps still move.
    expect(run.epochs.at(-1).metrics.mae).toBeLessThan(0.2);
    expect(run.encoding.inputs.map(({ name, kind }: { name: string; kind: string }) => [name, kind])).toEqual(
      [
        ["rooms", "number"],
        ["place", "category"],
      ],
    );
  });
});

describe("a text", () => {
  const inputs = [{ shape: [2, 8], dtype: "int32" as const }];
  const scores = (size: number): nn.Module => new nn.Embedding(size, size);

  test("is cut into pieces of tokens, its end being the test set", async () => {
    const loaded = await load("say.txt", modelFile(scores(3), inputs), 2);
    expect([loaded.train.length, loaded.test.length]).toEqual([19, 4]);
    expect(loaded.encoding).toEqual({ vocabularySize: 3, characters: ["a", "b", "c"] });
    const [x, y] = await firstBatch(loaded);
    expect([[...(await x.data())].slice(0, 8), [...(await y.data())].slice(0, 8)]).toEqual([
      [0, 1, 2, 0, 1, 0, 1, 2],
      [1, 2, 0, 1, 0, 1, 2, 0],
    ]);
    // Scores with the classes last, as such models give them.
    const given = Tensor.fromData(
      new Float32Array(4 * 8 * 3).map((_, k) => Number(k % 3 === 1)),
      [4, 8, 3],
      "float32",
    );
    const { accuracy } = usualMetrics(given, y);
    const share = [...(await y.data())].filter((token) => token === 1).length / 32;
    expect(await accuracy(given, y)).toBe(share);
    const bytes = { vocabulary: new data.ByteVocabulary() };
    expect((await load("say.txt", modelFile(scores(256), inputs, bytes))).encoding).toEqual({
      vocabularySize: 256,
    });
  });

  test("that does not fit is described in one line", async () => {
    expect(await errorOf("say.txt", modelFile(scores(2), inputs))).toBe(
      "say.txt has a vocabulary of 3, but net.ts gives [4,8,2]: too few scores for each place",
    );
    expect(await errorOf("say.txt", modelFile(new nn.Linear(8, 8), floats(4, 8)))).toBe(
      "a text is fed as tokens int32[batch,length], but net.ts takes float32[4,8]",
    );
    const long = [{ shape: [2, 100], dtype: "int32" as const }];
    expect(await errorOf("say.txt", modelFile(scores(3), long))).toContain(
      "too few for a training and a test set",
    );
    expect(await errorOf("say.txt", modelFile(scores(3), inputs, { vocabulary: 3 }))).toContain(
      "net.ts's vocabulary must be one",
    );
  });
});

describe("a folder of images", () => {
  const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(27, 2));
  const file = modelFile(net, floats(4, 3, 3, 3));

  test("is brought to the channels and the size of the model", async () => {
    const loaded = await load("images", file);
    expect([loaded.train.length, loaded.test.length, loaded.areImages]).toEqual([2, 2, true]);
    expect(loaded.encoding).toEqual({ classNames: ["dark", "light"] });
    const [x, y] = await firstBatch(loaded);
    expect([x.shape, [...(await y.data())]]).toEqual([
      [2, 3, 3, 3],
      [0, 1],
    ]);
    expect([...(await x.data())].every((value, k) => value === Number(k >= 27))).toBe(true);
    const flat = await load("flat", file);
    expect([flat.train.length, flat.test.length]).toEqual([4, 1]);
    expect(flat.note).toContain("split at random, brought to 3×3 pixels");
  });

  test("that does not fit is described in one line", async () => {
    expect(await errorOf("odd", file)).toContain("odd/test has a class grey, and odd/train has none");
    const one = new nn.Sequential(new nn.Flatten(), new nn.Linear(27, 1));
    expect(await errorOf("images", modelFile(one, floats(4, 3, 3, 3)))).toBe(
      "images has 2 classes, but net.ts gives scores of 1: [4,1]",
    );
    expect(await errorOf("images", modelFile(net, floats(4, 27)))).toContain(
      "images are fed as [batch, channels, rows, columns] with 1, 3 or 4 channels, but net.ts takes [4,27]",
    );
  });
});

test("folders of CIFAR-10 and MNIST are known by their files, and MNIST is padded for a model of 32×32", async () => {
  const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(3072, 10));
  const cifar = await load("cifar", modelFile(net, floats(4, 3, 32, 32)));
  expect([cifar.train.length, cifar.test.length, cifar.areImages]).toEqual([10, 3, true]);
  const [x, y] = await firstBatch(cifar);
  expect([x.shape, [...(await y.data())]]).toEqual([
    [4, 3, 32, 32],
    [0, 8, 1, 7],
  ]);
  expect((await x.data())[1]).toBe(Math.fround(1 / 255));
  const grey = new nn.Sequential(new nn.Flatten(), new nn.Linear(1024, 10));
  const mnist = await load("mnist", modelFile(grey, floats(4, 1, 32, 32)));
  expect((await firstBatch(mnist))[0].shape).toEqual([4, 1, 32, 32]);
});
