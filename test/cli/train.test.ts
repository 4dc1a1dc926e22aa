/** `kiln train` from the outside: what it shows, what it writes, and how Ctrl-C ends it. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, type StoredTensors } from "../../src/runtime/files/safetensors.ts";
import { barModel, kiln, LENET, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const FILES = ["checkpoint.safetensors", "model.safetensors", "run.json"];
const folder = temporaryFolder();
const FORWARD = "return this.fc.forward(F.relu(this.conv.forward(x)).flatten(1));";
const SYNTHETIC = `import { nn } from "kiln-js";
export default () => new nn.Sequential(new nn.Flatten(), new nn.Linear(144, 10));
export const inputs = [[250, 1, 12, 12]];
`;
writeAll(folder, {
  ...smallMnist("mnist", 40, 20),
  "bars.ts": barModel({ forward: FORWARD }).replace("28 * 28, 10", "2 * 26 * 26, 10"),
  "synthetic.ts": SYNTHETIC,
});

const train = (...args: string[]) => kiln(["train", ...args], { cwd: folder });
const loadRun = (out: string) => JSON.parse(readFileSync(join(folder, out, "run.json"), "utf8"));

function loadParameters(out: string): StoredTensors {
  const bytes = readFileSync(join(folder, out, "model.safetensors"));
  return decodeSafetensors(bytes, "model.safetensors");
}

describe("kiln train", () => {
  it("learns, says what it does, and writes parameters and a report", async () => {
    const args = ["--data", "mnist", "--epochs", "4", "--out", "runs/bars"];
    const { code, stdout, stderr } = await train("bars.ts", ...args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Bars\(\n {2}\(conv\): Conv2d\(1, 2, kernel_size=\(3, 3\)/);
    expect(stdout).toContain("bars.ts, 13,550 parameters");
    expect(stdout).toContain("40 training and 20 test images from mnist");
    expect(stdout).toMatch(/compiled +in \d+\.\d\d s: \d+ kernels/);
    expect(stdout).toMatch(/memory +arena [\d,]+ KB/);
    expect(stdout).toContain("4 epochs of 3 steps, batch size 16, seed 0");
    expect(stdout).toContain("lr 0.05 (0.015 from epoch 4 on), momentum 0.9");
    const line =
      /^epoch (\d)\/4 {2}loss (\d\.\d{4}) {2}test accuracy \d+\.\d\d % {2}\d+\.\d s {2}[\d,]+ samples\/s$/gm;
    const epochs = [...stdout.matchAll(line)];
    expect(epochs.map(([, number]) => number)).toEqual(["1", "2", "3", "4"]);
    expect(stdout).toMatch(/loss of the steps\n +\d\.\d{3} [┤┼]/);
    expect(stdout).toMatch(/test accuracy 100\.00 % after 4 epochs, 12 steps in \d+\.\d s/);

    const { tensors, metadata } = loadParameters("runs/bars");
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["conv.weight", "float32", [2, 1, 3, 3]],
      ["conv.bias", "float32", [2]],
      ["fc.weight", "float32", [10, 1352]],
      ["fc.bias", "float32", [10]],
    ]);
    expect(metadata.format).toBe("pt");
    const run = loadRun("runs/bars");
    expect(run).toMatchObject({
      interrupted: false,
      steps: 12,
      settings: { batchSize: 16, lr: 0.05, decay: 0.3 },
    });
    expect(run.lossCurve.losses).toHaveLength(12);
    expect(run.epochs).toHaveLength(4);
    expect(run.epochs[3].loss).toBeLessThan(0.5 * run.epochs[0].loss);
    expect(run.epochs[3].loss.toFixed(4)).toBe(epochs[3][2]);
    expect(run.training.kernels[0].name).toBe("conv2d_relu");
    expect(readdirSync(join(folder, "runs/bars")).sort()).toEqual(FILES);
  });

  it("gives the same bits for the same seed, and others for another", async () => {
    const args = (seed: string, out: string) => [
      "--data",
      "mnist",
      "--epochs",
      "1",
      "--seed",
      seed,
      "--out",
      out,
    ];
    for (const [seed, out] of [
      ["7", "a"],
      ["7", "b"],
      ["8", "c"],
    ]) {
      expect((await train("bars.ts", ...args(seed, out))).code).toBe(0);
    }
    expect(loadParameters("a")).toEqual(loadParameters("b"));
    expect(loadParameters("a")).not.toEqual(loadParameters("c"));
  });

  it("learns the synthetic digits by default, in the size that the model takes", async () => {
    const { code, stdout } = await train(
      "synthetic.ts",
      "--epochs",
      "1",
      "--decay",
      "1",
      "--batch-size",
      "300",
    );
    expect(code).toBe(0);
    expect(stdout).toContain("10000 training and 2000 test images of synthetic digits");
    expect(stdout).toContain("1 epoch of 34 steps, batch size 300");
    expect(stdout).not.toContain("from epoch");
    const [, accuracy] = /test accuracy (\d+\.\d\d) %/.exec(stdout) ?? [];
    expect(Number(accuracy)).toBeGreaterThan(40);
  });

  it("pads images of 28×28 for LeNet", async () => {
    const { code, stdout } = await train(LENET, "--data", "mnist", "--epochs", "1", "--batch-size", "20");
    expect(code).toBe(0);
    expect(stdout).toContain("Padded with zeros from 28×28 to 32×32.");
    expect(stdout).toContain("61,706 parameters");
  });
});

describe("Ctrl-C", () => {
  const endless = ["train", "bars.ts", "--data", "mnist", "--epochs", "100000"];

  it("ends after the running step and saves what was learned", async () => {
    const options = { cwd: folder, interruptAt: "epoch 2/100000" };
    const { code, stdout, stderr } = await kiln([...endless, "--out", "stopped"], options);
    expect(stderr).toBe("");
    expect(code).toBe(130);
    expect(stdout).toMatch(/^interrupted: test accuracy .* after \d+ epochs, [\d,]+ steps in/m);
    expect(stdout).toContain("saved stopped/model.safetensors and stopped/run.json");
    expect(loadParameters("stopped").tensors.size).toBe(4);
    const run = loadRun("stopped");
    expect(run.interrupted).toBe(true);
    expect(run.steps).toBeGreaterThanOrEqual(6);
    expect(readdirSync(join(folder, "stopped")).sort()).toEqual(FILES);
  });

  it("says that nothing is saved without --out", async () => {
    const { code, stdout } = await kiln(endless, { cwd: folder, interruptAt: "epoch 1/100000" });
    expect(code).toBe(130);
    expect(stdout).toContain("nothing is saved without --out");
    expect(existsSync(join(folder, "model.safetensors"))).toBe(false);
  });
});
