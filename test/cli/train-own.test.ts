/** `kiln train` with a model file that brings its own data, metrics, optimizer and schedule. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeEvents } from "../summary/event-decoder.ts";
import { kiln, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();

/** A line through numbers, y = 3 x - 1, which one neuron learns. */
const LINE = `import { data, nn, optim, tensor } from "kiln";
export default () => new nn.Linear(1, 1);
export const inputs = [[8, 1]];
export const loss = new nn.MSELoss();
const numbers = Array.from({ length: 64 }, (_, k) => k / 32 - 1);
const line = new data.TensorDataset(tensor(numbers.map((x) => [x])), tensor(numbers.map((x) => [3 * x - 1])));
export const dataset = ({ seed }) => {
  const [train, test] = data.randomSplit(line, [0.75, 0.25], { seed });
  return { train, test };
};
`;
const OPTIMIZER = "export const optimizer = (parameters) => new optim.Adam(parameters, { lr: 0.1 });\n";
const SCHEDULE = `export const schedule = (optimizer, { epochs, stepsPerEpoch }) => ({
  scheduler: new optim.lrScheduler.CosineAnnealingLR(optimizer, { tMax: epochs * stepsPerEpoch }),
  interval: "step",
});
`;
writeAll(folder, {
  ...smallMnist("mnist"),
  "line.mjs": LINE,
  "own.mjs": `${LINE}${OPTIMIZER}${SCHEDULE}export const metrics = { worst: (output, target) => output.sub(target).abs().max() };\n`,
  "wrong-dataset.mjs": LINE.replace("return { train, test }", "return { train, test: 3 }"),
  "wrong-shape.mjs": LINE.replace("[[8, 1]]", "[[8, 2]]").replace("Linear(1, 1)", "Linear(2, 1)"),
  "wrong-metrics.mjs": `${LINE}export const metrics = ["mse", "f1"];\n`,
  "wrong-optimizer.mjs": `${LINE}export const optimizer = "adam";\n`,
  "wrong-schedule.mjs": `${LINE}export const schedule = () => 0.1;\n`,
  "both.mjs": `${LINE}export const train = line;\n`,
  "stream.mjs": `${LINE.replace(/export const dataset[^;]+;[^;]+;\n};\n/, "")}export const train = { async *[Symbol.asyncIterator]() {} };\nexport const test = line;\n`,
});

const train = (...args: string[]) => kiln(["train", ...args], { cwd: folder });
const bytesOf = (path: string) => readFileSync(join(folder, path));
const runOf = (out: string) => JSON.parse(String(bytesOf(`${out}/run.json`)));

describe("a model file with data of its own", () => {
  it("is trained on it, and numbers are measured by mse and mae", async () => {
    const { code, stdout, stderr } = await train(
      "line.mjs",
      "--epochs",
      "8",
      "--decay",
      "1",
      "--out",
      "line",
    );
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout).toContain("48 training and 16 test samples of line.mjs.");
    expect(stdout).toMatch(/^epoch 8\/8 {2}loss \S+ {2}test mse \S+ {2}test mae \S+ {2}\d/m);
    expect(stdout).toMatch(/^test mse \S+ after 8 epochs, 48 steps in/m);
    expect(stdout).not.toContain("accuracy");
    const { epochs, settings } = runOf("line");
    expect(settings).toMatchObject({ data: "model", optimizer: "sgd", lr: 0.05 });
    expect(epochs[7].metrics.mse).toBeLessThan(0.05 * epochs[0].metrics.mse);
    expect(epochs[7].metrics.mae ** 2).toBeLessThanOrEqual(epochs[7].metrics.mse);
  });

  it("may bring metrics, an optimizer and a schedule, which a resumed run goes on with", async () => {
    const whole = await train("own.mjs", "--epochs", "4", "--out", "whole", "--tensorboard", "board");
    expect([whole.stderr, whole.code]).toEqual(["", 0]);
    expect(whole.stdout).toMatch(/optimizer +Adam of the model file, lr 0\.1\n/);
    expect(whole.stdout).toMatch(/schedule +CosineAnnealingLR of the model file, after each step/);
    const { settings, epochs } = runOf("whole");
    expect(settings).not.toHaveProperty("lr");
    expect(Object.keys(epochs[3].metrics)).toEqual(["worst"]);

    // An event file begins with its version; each step adds its loss, each epoch a rate, a mean loss and a metric.
    const [name] = readdirSync(join(folder, "board"));
    const events = decodeEvents(bytesOf(`board/${name}`));
    expect(events).toHaveLength(1 + 24 + 4 * 3);

    const begun = await kiln(
      ["train", "own.mjs", "--epochs", "4", "--out", "cut", "--checkpoint-every", "1"],
      {
        cwd: folder,
        interruptAt: "epoch 2/4",
      },
    );
    expect([0, 130]).toContain(begun.code);
    const resumed = await train("own.mjs", "--resume", "cut/checkpoint.safetensors", "--out", "cut");
    expect([resumed.stderr, resumed.code]).toEqual(["", 0]);
    expect(bytesOf("cut/checkpoint.safetensors").equals(bytesOf("whole/checkpoint.safetensors"))).toBe(true);

    const other = await train("line.mjs", "--resume", "cut/checkpoint.safetensors");
    expect(other.stderr).toBe(
      "kiln: the run cannot be resumed: it took data and optimizer and schedule from the model file, which now exports data\n",
    );
  });

  it.each([
    [
      "wrong-dataset.mjs",
      /^kiln: wrong-dataset\.mjs's dataset\.test must be a dataset, .* not the number 3; dataset is/,
    ],
    [
      "wrong-shape.mjs",
      /do not fit: the batches of wrong-shape\.mjs's dataset are float32\[8,1\], but its inputs are float32\[8,2\]/,
    ],
    ["wrong-metrics.mjs", /metrics must be a list of accuracy, mse, mae, or .*; it has one called "f1"/],
    ["wrong-optimizer.mjs", /optimizer must be a function .* and is the string "adam"/],
    ["wrong-schedule.mjs", /schedule must be a function .* and returns the number 0\.1/],
    ["both.mjs", /exports dataset and train: give dataset, or train and test/],
    ["stream.mjs", /train is iterated over and has no length/],
  ])("%s is told what is wrong", async (file, message) => {
    const { code, stderr } = await train(file, "--epochs", "1");
    expect(stderr).toMatch(message);
    expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
  });

  it("is told of options that it decides itself, and of data that it does not bring", async () => {
    const { stderr } = await train("own.mjs", "--lr", "0.5");
    expect(stderr).toBe(
      "kiln: own.mjs exports its optimizer, so --lr has no meaning: leave one of them out\n",
    );
    writeAll(folder, {
      "bare.mjs":
        'import { nn } from "kiln";\nexport default new nn.Linear(2, 2);\nexport const inputs = [[4, 2]];\n',
    });
    const bare = await train("bare.mjs", "--data", "model");
    expect(bare.stderr).toBe("kiln: bare.mjs exports no dataset, which --data model asks for\n");
  });
});
