/** `tune` in `compile`: real kernels on real backends, with whatever the clock says; results stay what they were. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, compileTraining, F, nn, optim, type Tensor, tensor } from "kiln-js";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "kiln-tune-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 4, 3);
  fc = new nn.Linear(36, 3);
  override forward(x: Tensor): Tensor {
    return this.fc.forward(F.maxPool2d(F.relu(this.conv.forward(x)), 2).flatten(1));
  }
}

const x = tensor(
  Float32Array.from({ length: 4 * 64 }, (_, k) => Math.sin(k)),
  { shape: [4, 1, 8, 8] },
);
const y = tensor(new Int32Array([0, 1, 2, 0]));

test.each(["js", "wasm", "c"] as const)(
  "on %s finds choices, keeps them, and computes the same",
  async (backend) => {
    const file = join(folder, `${backend}.json`);
    const net = new Net();
    const state = net.stateDict();
    const steps = async (tune: boolean) => {
      const own = new Net();
      await own.loadStateDict(state);
      const optimizer = new optim.SGD(own.parameters(), { lr: 0.1 });
      const loss = new nn.CrossEntropyLoss();
      // So much time that every kernel is finished with, however busy the machine is.
      const options = tune ? { tune: { milliseconds: 60_000, file } } : {};
      const trainer = await compileTraining(own, {
        inputs: [[4, 1, 8, 8]],
        loss,
        optimizer,
        backend,
        ...options,
      });
      const losses = [await trainer.step(x, y), await trainer.step(x, y), await trainer.step(x, y)];
      const { tuned } = trainer;
      await trainer.dispose();
      return { losses, tuned };
    };
    const plain = await steps(false);
    const first = await steps(true);
    const second = await steps(true);
    expect(plain.tuned).toEqual([]);
    expect(first.tuned.length).toBeGreaterThan(3);
    expect(new Set(first.tuned.map(({ source }) => source))).toEqual(new Set(["measured"]));
    for (const { milliseconds, firstMilliseconds, tried } of first.tuned) {
      expect(milliseconds).toBeLessThanOrEqual(firstMilliseconds!);
      expect(tried).toBeGreaterThan(1);
    }
    expect(second.tuned).toEqual(first.tuned.map((kernel) => ({ ...kernel, source: "stored" })));
    // Sums of at most 36 products in another order: a few units in the last place of a float32.
    for (const [k, loss] of plain.losses.entries()) expect(first.losses[k]).toBeCloseTo(loss, 5);
    expect(second.losses).toEqual(first.losses);
  },
);

test("a file of another machine's choices is not used, and stays", async () => {
  const file = join(folder, "other.json");
  const foreign = { version: 1, machines: { "js, V8 0.0, somebody's processor": {} } };
  writeFileSync(file, JSON.stringify(foreign));
  const options = { inputs: [[2, 3]], backend: "js" as const, tune: { milliseconds: 60_000, file } };
  const program = await compile(new nn.Sequential(new nn.Linear(3, 4)), options);
  expect(program.tuned.map(({ source }) => source)).toEqual(["measured"]);
  const { machines } = JSON.parse(readFileSync(file, "utf8"));
  expect(Object.keys(machines)).toHaveLength(2);
  expect(Object.keys(machines)[0]).toBe("js, V8 0.0, somebody's processor");
});

test("no time at all leaves the model's choices", async () => {
  const tune = { milliseconds: 0, file: join(folder, "none.json") };
  const program = await compile(new nn.Sequential(new nn.Linear(3, 4)), {
    inputs: [[2, 3]],
    backend: "js",
    tune,
  });
  expect(program.tuned.map(({ source, choice, first }) => [source, choice === first])).toEqual([
    ["model", true],
  ]);
});

test.each([
  [{ backend: "interpret", tune: true }, /the backend interpret runs each kernel in one way/],
  [{ backend: "js", tune: true, strategy: "plain" }, /give either strategy or tune/],
  [
    { backend: "js", tune: { milliseconds: -1 } },
    /tune\.milliseconds must be a number of at least 0, not -1/,
  ],
] as const)("%j is an error", async (options, message) => {
  const model = new nn.Sequential(new nn.Linear(3, 4));
  await expect(compile(model, { inputs: [[2, 3]], ...options })).rejects.toThrow(message);
});
