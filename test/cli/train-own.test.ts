/** `kiln train` with a model file that brings its own data, metrics, optimizer and schedule. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { data, nn, optim, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { ownMetrics } from "../../src/cli/train/metrics.ts";
import { ownData, ownOptimizer, ownSchedule } from "../../src/cli/train/own-training.ts";
import { readEvents } from "../summary/event-decoder.ts";
import { kiln, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();

/** A line through numbers, y = 3 x - 1, which one neuron learns. */
const LINE = `import { data, nn, optim, tensor } from "kiln-js";
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
/** The same with a loss that names its parts. */
const NAMED = LINE.replace("new nn.MSELoss()", "new Named()").replace(
  "export default",
  `class Named extends nn.Module {
  forward(output, target) {
    const [squared, absolute] = [output.sub(target).square().mean(), output.sub(target).abs().mean()];
    return { loss: squared.add(absolute), squared, absolute };
  }
}
export const targets = [[8, 1]];
export default`,
);
writeAll(folder, {
  ...smallMnist("mnist"),
  "line.mjs": LINE,
  "own.mjs": `${NAMED}${OPTIMIZER}${SCHEDULE}export const metrics = { worst: (output, target) => output.sub(target).abs().max() };\n`,
  "wrong-shape.mjs": LINE.replace("[[8, 1]]", "[[8, 2]]").replace("Linear(1, 1)", "Linear(2, 1)"),
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

  it("may bring named losses, metrics, an optimizer and a schedule, which a resumed run goes on with", async () => {
    const whole = await train("own.mjs", "--epochs", "4", "--out", "whole", "--tensorboard", "board");
    expect([whole.stderr, whole.code]).toEqual(["", 0]);
    expect(whole.stdout).toMatch(/optimizer +Adam of the model file, lr 0\.1\n/);
    expect(whole.stdout).toMatch(/schedule +CosineAnnealingLR of the model file, after each step/);
    const { settings, epochs } = runOf("whole");
    expect(settings).not.toHaveProperty("lr");
    expect(Object.keys(epochs[3].metrics)).toEqual(["worst"]);
    expect(whole.stdout).toMatch(
      /^epoch 4\/4 {2}loss \S+ {2}squared \S+ {2}absolute \S+ {2}test worst \S+ {2}\d/m,
    );
    const { loss, losses } = epochs[3];
    expect(losses.squared + losses.absolute).toBeCloseTo(loss, 5);

    // An event file begins with its version; each step adds three losses, each epoch a rate, three means and a metric.
    const events = readEvents(join(folder, "board"));
    expect(events).toHaveLength(1 + 24 * 3 + 4 * 5);

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

  it("is told what is wrong with each of its parts", async () => {
    const file = (exported: Record<string, unknown>) => ({
      path: "m.ts",
      model: new nn.Linear(1, 1),
      inputs: [],
      targets: undefined,
      loss: new nn.MSELoss(),
      exported,
    });
    const numbers = new data.TensorDataset(tensor([[1]]), tensor([[1]]));
    const dataOf = (exported: Record<string, unknown>) => ownData(file(exported), 0);
    expect(await dataOf({})).toBeUndefined();
    expect(await dataOf({ dataset: async () => ({ train: numbers, test: () => numbers }) })).toEqual({
      train: numbers,
      test: numbers,
    });
    await expect(dataOf({ dataset: { train: numbers, test: 3 } })).rejects.toThrow(
      /^m\.ts's dataset\.test must be a dataset, .* not the number 3; dataset is an object/,
    );
    await expect(dataOf({ train: numbers })).rejects.toThrow("train and test are both wanted");
    await expect(dataOf({ dataset: numbers, train: numbers })).rejects.toThrow("exports dataset and train");
    const stream = { async *[Symbol.asyncIterator]() {} };
    await expect(dataOf({ train: stream, test: numbers })).rejects.toThrow("iterable but has no length");

    expect(() => ownMetrics(file({ metrics: ["mse", "f1"] }))).toThrow(
      /list of accuracy, mse, mae.*one called "f1"/,
    );
    expect(() => ownMetrics(file({ metrics: 3 }))).toThrow("it has the number 3");
    const optimizer = new optim.SGD(new nn.Linear(1, 1).parameters(), { lr: 1 });
    for (const [wrong, found] of [
      ["adam", "is the string"],
      [() => 3, "returns the number 3"],
      [optimizer, "is a"],
    ]) {
      expect(() => ownOptimizer(file({ optimizer: wrong }), [])).toThrow(`${found}`);
    }
    const context = { epochs: 1, stepsPerEpoch: 1 };
    for (const wrong of [3, () => 0.1, () => ({ scheduler: 3 })]) {
      expect(() => ownSchedule(file({ schedule: wrong }), optimizer, context)).toThrow(
        "schedule must be a function",
      );
    }
  });

  it("is told of batches that the model does not take", async () => {
    const { code, stderr } = await train("wrong-shape.mjs", "--epochs", "1");
    expect([code, stderr]).toEqual([
      1,
      "kiln: the data and the model do not fit: the batches of wrong-shape.mjs's dataset are float32[8,1], " +
        "but the inputs of wrong-shape.mjs are float32[8,2], the batch being the first extent\n",
    ]);
  });

  it("is told of options that it decides itself, and of data that it does not bring", async () => {
    const { stderr } = await train("own.mjs", "--lr", "0.5");
    expect(stderr).toBe(
      "kiln: own.mjs exports its optimizer, so --lr has no meaning: leave one of them out\n",
    );
    writeAll(folder, {
      "bare.mjs":
        'import { nn } from "kiln-js";\nexport default new nn.Linear(2, 2);\nexport const inputs = [[4, 2]];\n',
    });
    const bare = await train("bare.mjs", "--data", "model");
    expect(bare.stderr).toBe("kiln: bare.mjs exports no dataset, which --data model asks for\n");
  });
});
