/** `kiln train --resume`: a run that was killed at any moment, saving included, ends in the bytes of one that was not. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { checkpointBytes, load } from "../../src/runtime/files/checkpoint.ts";
import { integerAt, seedOf } from "../support/fixtures.ts";
import { barModel, COMMAND, kiln, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
writeAll(folder, {
  ...smallMnist("mnist", 40, 20),
  "bars.ts": barModel({
    forward: "return this.fc.forward(F.relu(this.conv.forward(x)).flatten(1));",
  }).replace("28 * 28, 10", "2 * 26 * 26, 10"),
});

const EPOCHS = 12;
const SETTINGS = [
  "bars.ts",
  "--data",
  "mnist",
  "--epochs",
  `${EPOCHS}`,
  "--optimizer",
  "adam",
  "--seed",
  "5",
];
const train = (...args: string[]) => kiln(["train", ...args], { cwd: folder });
const bytesOf = (out: string, file = "checkpoint.safetensors") => readFileSync(join(folder, out, file));
const loadRun = (out: string) => JSON.parse(String(bytesOf(out, "run.json")));

/** Whether a checkpoint is half written. */
const isSaving = (out: string): boolean =>
  existsSync(join(folder, out)) && readdirSync(join(folder, out)).some((name) => name.endsWith(".tmp"));

/**
 * Runs until SIGKILL, which comes `delay` milliseconds after the first sign of a checkpoint, or with the next sign of
 * one being written after that; false if the run is done before.
 */
async function killed(out: string, delay: number, whileSaving: boolean): Promise<boolean> {
  const file = join(folder, out, "checkpoint.safetensors");
  const resume = existsSync(file) ? ["--resume", file] : [];
  const before = resume.length > 0 ? readFileSync(file) : undefined;
  const args = ["train", ...SETTINGS, "--checkpoint-every", "1", "--out", out, ...resume];
  const child: ChildProcess = spawn(process.execPath, [COMMAND, ...args], {
    cwd: folder,
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const isUnderWay = () => existsSync(file) && !(before?.equals(readFileSync(file)) ?? false);
  while (child.exitCode === null && !isUnderWay()) await setTimeout(1);
  await setTimeout(delay);
  while (whileSaving && child.exitCode === null && !isSaving(out)) await setImmediate();
  const isAlive = child.exitCode === null;
  child.kill("SIGKILL");
  await ended;
  return isAlive;
}

describe("a run that was killed", () => {
  it("ends in the bytes of one that never stopped", async () => {
    const whole = await train(...SETTINGS, "--checkpoint-every", "1", "--out", "whole");
    expect([whole.stderr, whole.code]).toEqual(["", 0]);

    const seed = process.env.KILN_TEST_SEED ?? `${Date.now()}`;
    const moments: string[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      // A step and its checkpoint take some ten milliseconds: the kill may come anywhere in the next few of them.
      const delay = integerAt(seedOf(seed), attempt) % 60;
      const wasAlive = await killed("killed", delay, attempt % 2 === 1);
      moments.push(
        `${delay} ms${isSaving("killed") ? " (while saving)" : ""}${wasAlive ? "" : " (after the end)"}`,
      );
      await load(join(folder, "killed/checkpoint.safetensors"));
    }
    console.log(`KILN_TEST_SEED=${seed}: killed after ${moments.join(", ")}`);
    const file = "killed/checkpoint.safetensors";
    const last = await train(...SETTINGS, "--checkpoint-every", "1", "--out", "killed", "--resume", file);
    expect([last.stderr, last.code]).toEqual(["", 0]);

    expect(bytesOf("killed").equals(bytesOf("whole"))).toBe(true);
    expect(bytesOf("killed", "model.safetensors").equals(bytesOf("whole", "model.safetensors"))).toBe(true);
    expect(readdirSync(join(folder, "killed")).sort()).toEqual(readdirSync(join(folder, "whole")).sort());
    const [run, expected] = [loadRun("killed"), loadRun("whole")];
    expect([run.lossCurve, run.steps]).toEqual([expected.lossCurve, 3 * EPOCHS]);
    const records = (epochs: { epoch: number; loss: number; metrics: { accuracy: number } }[]) =>
      epochs.map(({ epoch, loss, metrics }) => [epoch, loss, metrics.accuracy]);
    expect(records(run.epochs)).toEqual(records(expected.epochs));
  });
});

describe("--resume", () => {
  it("goes on with more epochs, and with the settings of the run", async () => {
    const given = [
      "bars.ts",
      "--data",
      "mnist",
      "--optimizer",
      "rmsprop",
      "--decay",
      "1",
      "--batch-size",
      "15",
    ];
    expect((await train(...given, "--epochs", "1", "--out", "short")).code).toBe(0);
    const resumed = ["--resume", "short/checkpoint.safetensors", "--epochs", "3", "--out", "long"];
    const { code, stdout } = await train("bars.ts", ...resumed);
    expect(code).toBe(0);
    expect(stdout).toContain("3 epochs of 3 steps, batch size 15, seed 0");
    expect(stdout).toContain("rmsprop, lr 0.001, momentum 0, weight decay 0");
    expect([...stdout.matchAll(/^epoch (\d)/gm)].map(([, epoch]) => epoch)).toEqual(["2", "3"]);
    expect((await train(...given, "--epochs", "3", "--out", "straight")).code).toBe(0);
    expect(bytesOf("long").equals(bytesOf("straight"))).toBe(true);
    const fewer = await train("bars.ts", "--resume", "long/checkpoint.safetensors", "--epochs", "1");
    expect(fewer.stderr).toBe(
      "kiln: --epochs must be at least 3: long/checkpoint.safetensors has completed that many\n",
    );
  });

  it("says everything that does not fit", async () => {
    expect((await train("bars.ts", "--data", "mnist", "--epochs", "1", "--out", "first")).code).toBe(0);
    const file = "first/checkpoint.safetensors";
    const other = await train("bars.ts", "--resume", file, "--lr", "0.5", "--seed", "3");
    expect(other.stderr).toBe(
      "kiln: the run cannot be resumed with other settings: --lr was 0.05 and is 0.5, --seed was 0 and is 3; leave them out\n",
    );
    writeAll(folder, { "wider.ts": barModel({ forward: "return this.fc.forward(x.flatten(1));" }) });
    const model = await train("wider.ts", "--resume", file);
    expect(model.stderr).toMatch(
      /^kiln: cannot load the state dict into Bars: .*fc\.weight is .* but the model has/,
    );
    const parameters = await train("bars.ts", "--resume", "first/model.safetensors");
    expect(parameters.stderr).toMatch(/first\/model\.safetensors is not a checkpoint of kiln train/);
    const checkpoint = await load<Record<string, object>>(join(folder, file));
    const broken = { ...checkpoint, settings: { ...checkpoint.settings, seed: -1 }, position: {} };
    writeFileSync(join(folder, "broken.safetensors"), await checkpointBytes(broken));
    const unusable = await train("bars.ts", "--resume", "broken.safetensors");
    expect(unusable.stderr).toMatch(
      /its settings\.seed is missing or cannot be; its position\.epoch is missing/,
    );
    writeFileSync(join(folder, "cut.safetensors"), bytesOf("first").subarray(0, -5));
    const cut = await train("bars.ts", "--resume", "cut.safetensors");
    expect([cut.code, cut.stderr]).toEqual([
      1,
      expect.stringMatching(/^kiln: cut\.safetensors is not a readable[^\n]*\n$/),
    ]);
  });
});

describe("--optimizer", () => {
  it.each(["adam", "adamw", "nadam", "radam", "adamax", "rmsprop", "adagrad", "adadelta"])(
    "%s learns",
    async (name) => {
      const args = [
        "--data",
        "mnist",
        "--epochs",
        "5",
        "--batch-size",
        "5",
        "--optimizer",
        name,
        "--out",
        name,
      ];
      const { code, stdout } = await train("bars.ts", ...args);
      expect(code).toBe(0);
      expect(stdout).toContain(`${name}, lr `);
      const { epochs } = loadRun(name);
      expect(epochs.at(-1).loss).toBeLessThan(0.8 * epochs[0].loss);
    },
  );
});
