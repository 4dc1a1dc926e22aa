/** What a tuner may choose between: enough different ways for every contraction, and names by which they are found again. */

import { describe, expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { createWasmBackend } from "../../backends/wasm/backend.ts";
import { PassManager } from "../../passes/manager.ts";
import { lowerTraced } from "../../passes/pipeline.ts";
import { contractionOf } from "../../passes/scheduling/analysis/contraction.ts";
import { kernelKey } from "../../passes/scheduling/kernel-key.ts";
import { schedule } from "../../passes/scheduling/schedule.ts";
import { tuningTasksOf } from "../../passes/tuning-tasks.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { parseSchedule } from "../../src/loop/parse-schedule.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { printSchedule } from "../../src/loop/schedule.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { CrossEntropyLoss, Linear, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { traceLoss } from "../../src/trace/trace.ts";
import { Cifar10Net, LeNet } from "../support/nets.ts";

const wasm = createWasmBackend({ deterministic: true }).capabilities;

/** The kernels of a training step. */
function loweredStep(model: Module, sample: readonly number[], capabilities: Capabilities): LoweredProgram {
  const { paramGroups } = new SGD(model.parameters(), { lr: 0.1 });
  const trace = traceLoss(model, new CrossEntropyLoss(), [{ dtype: "float32", shape: sample }]);
  return lowerTraced(new PassManager(), trace.graph, {
    capabilities,
    gradientsFor: trace.parameters,
    update: { groups: paramGroups.map(({ rule }) => ({ rule })) },
  });
}

const NETS: readonly (readonly [string, () => Module, readonly number[]])[] = [
  ["LeNet", () => new LeNet(), [1, 32, 32]],
  ["the CIFAR-10 net", () => new Cifar10Net(), [3, 32, 32]],
  [
    "the MLP",
    () =>
      new Sequential(new Linear(784, 512), new ReLU(), new Linear(512, 256), new ReLU(), new Linear(256, 10)),
    [784],
  ],
];

describe.each(NETS)("%s on wasm", (_, net, sample) => {
  test.each([1, 8, 64])("has at least eight ways for every contraction of batch %i", (batch) => {
    const program = loweredStep(net(), [batch, ...sample], wasm);
    const tasks = new Map(tuningTasksOf(program, wasm).map((task) => [task.key, task]));
    const contractions = program.kernels.filter((kernel) => contractionOf(kernel) !== undefined);
    expect(contractions.length).toBeGreaterThan(4);
    for (const kernel of contractions) {
      const { entries } = tasks.get(kernelKey(kernel, wasm))!;
      const inLanes = entries.filter(({ name }) => name.includes("vectorize"));
      expect(new Set(inLanes.map(({ name }) => name)).size, kernel.name).toBeGreaterThanOrEqual(8);
    }
  });
});

describe("a task", () => {
  const program = loweredStep(new LeNet(), [2, 1, 32, 32], wasm);
  const tasks = tuningTasksOf(program, wasm);

  test("begins with what is taken without tuning, and has different names in the order of costs", () => {
    const chosen = schedule(wasm).run(program);
    for (const { kernel, entries } of tasks) {
      const names = entries.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(entries.map(({ cost }) => cost)).toEqual(entries.map(({ cost }) => cost).sort((a, b) => a - b));
      const [{ name, cost }] = entries;
      const estimate = Math.round(cost / 2);
      const parts = chosen.kernels.filter(
        (k) => k.origins === program.kernels.find((p) => p.name === kernel)!.origins,
      );
      expect(
        parts.map((k) => k.estimate),
        name,
      ).toContain(estimate);
    }
  });

  test("names no buffer of the model", () => {
    const buffers = program.buffers.map(({ name }) => name).filter((name) => name.length > 3);
    for (const { entries } of tasks)
      for (const { name } of entries) for (const buffer of buffers) expect(name).not.toContain(buffer);
  });

  test("has programs whose inputs outlive them, so that they can run again", () => {
    for (const { entries } of tasks.slice(0, 4)) {
      const { inputs, placements, kernels, commitFrom } = entries[0].plan()!;
      expect(inputs.length).toBeGreaterThan(0);
      for (const { buffer } of inputs) {
        expect(placements.find((p) => p.buffer === buffer)?.last).toBe(kernels.length);
      }
      expect(commitFrom).toBe(kernels.length);
    }
  });

  test("decided otherwise changes how the kernel runs, and no other one", () => {
    const [{ key, kernel, entries }] = tasks;
    const [cheapest, other] = entries;
    const before = schedule(wasm).run(program).kernels;
    const after = schedule(wasm, { choices: new Map([[key, parseSchedule(other.name)]]) }).run(
      program,
    ).kernels;
    const find = (kernels: readonly Kernel[]): Kernel | undefined => kernels.find((k) => k.name === kernel);
    const stepsIn = (kernels: readonly Kernel[]): string =>
      printSchedule((find(kernels)?.schedule ?? []).filter((step) => step.kind !== "parallelize"));
    expect(stepsIn(before)).toBe(cheapest.name);
    expect(stepsIn(after)).toBe(other.name);
    const rest = (kernels: readonly Kernel[]) =>
      kernels.filter((k) => k.name.startsWith("update")).map((k) => k.body);
    expect(rest(after)).toEqual(rest(before));
  });

  test("there is none where kernels run as they were lowered, or element by element", () => {
    expect(tuningTasksOf(program, { ...wasm, schedules: false })).toEqual([]);
    expect(tuningTasksOf(program, { ...wasm, oneElementPerThread: true })).toEqual([]);
  });
});

describe("a kernel's key", () => {
  const keysOf = (model: Module, batch: number): string[] =>
    loweredStep(model, [batch, 1, 32, 32], wasm).kernels.map((kernel) => kernelKey(kernel, wasm));

  test("leaves out the names that a model gives", () => {
    class Renamed extends LeNet {
      readonly named = "otherwise";
    }
    expect(keysOf(new Renamed(), 2)).toEqual(keysOf(new LeNet(), 2));
    const program = loweredStep(new LeNet(), [2, 1, 32, 32], wasm);
    const [kernel] = program.kernels;
    const renamed = JSON.parse(
      JSON.stringify(kernel).replaceAll(JSON.stringify(kernel.buffers[1].name), '"another"'),
    ) as Kernel;
    expect(renamed.buffers[1].name).toBe("another");
    expect(kernelKey({ ...renamed, name: "another" }, wasm)).toBe(kernelKey(kernel, wasm));
  });

  test("tells extents, operations and capabilities apart", () => {
    const two = keysOf(new LeNet(), 2);
    const four = keysOf(new LeNet(), 4);
    // The update alone does not depend on the batch.
    expect(two.filter((key) => four.includes(key))).toHaveLength(1);
    expect(new Set(two).size).toBe(two.length);
    const [kernel] = loweredStep(new LeNet(), [2, 1, 32, 32], wasm).kernels;
    expect(kernelKey(kernel, js.capabilities)).not.toBe(kernelKey(kernel, wasm));
    expect(kernelKey({ ...kernel, body: [...kernel.body, ...kernel.body] }, wasm)).not.toBe(
      kernelKey(kernel, wasm),
    );
  });
});
