/** Tiles: lanes where there is work for them, scalar blocks where packing for lanes would cost more than it brings. */

import { compile, nn, type Tensor, zeros } from "kiln-js";
import { expect, test } from "vitest";
import { FUSED } from "../../../backends/processor.ts";
import { plain } from "../../../passes/scheduling/plans/plain.ts";
import { tile } from "../../../passes/scheduling/plans/tile.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { parseSchedule } from "../../../src/loop/parse-schedule.ts";
import { printKernel } from "../../../src/loop/print.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { traceModel } from "../../../src/trace/trace.ts";
import { plannedFor, stagesOf } from "../../support/stages.ts";
import { LANES } from "../../support/strategies.ts";

const stepsOf = async (batch: number, inputs: number, outputs: number) => {
  const options = { inputs: [[batch, inputs]], backend: "wasm", threads: 1 } as const;
  const program = await compile(new nn.Linear(inputs, outputs), options);
  return program.kernels.map(({ schedule }) => parseSchedule(schedule ?? "").map(({ kind }) => kind));
};

test.each([
  [1, 6, 3],
  [2, 2, 3],
  [4, 6, 2],
])("a linear layer of %i × %i → %i is one kernel without lanes", async (batch, inputs, outputs) => {
  const steps = await stepsOf(batch, inputs, outputs);
  expect(steps).toHaveLength(1);
  expect(steps[0]).not.toContain("vectorize");
});

test("one of 64 × 128 → 64 is packed once and runs in lanes", async () => {
  const steps = await stepsOf(64, 128, 64);
  expect(steps).toHaveLength(2);
  expect(steps[1]).toEqual(expect.arrayContaining(["cache", "vectorize", "unroll"]));
});

const LINEAR = stagesOf({
  trace: traceModel(new nn.Linear(128, 64), [{ dtype: "float32", shape: [60, 128] }]),
}).artifacts.get("lower") as LoweredProgram;
const FUSED_LANES: Capabilities = { ...LANES, ...FUSED, registers: 14 };

test("more rows fit the registers where each is loaded when it is summed up", () => {
  const rowsOf = (loadsFirst: boolean) => {
    const schedules = tile.candidates(LINEAR.kernels[0], { ...FUSED_LANES, loadsFirst });
    return schedules[0].schedule.flatMap((step) => (step.kind === "unroll" ? [step.by] : []));
  };
  // 8 sums and their 6 elements fill 14 registers; or 10 sums, two vectors and one element do not.
  expect(rowsOf(true)).toEqual([2]);
  expect(rowsOf(false)).toEqual([5]);
});

test("in a loop, what it does not change is packed once for all iterations", () => {
  const [kernel] = LINEAR.kernels;
  const facts = { inputs: new Set<string>(), allowsWinograd: true };
  const cheapest = (changing: readonly string[]) =>
    tile.candidates(kernel, FUSED_LANES, {
      ...facts,
      repeated: { iterations: 1000, changing: new Set(changing) },
    })[0];
  const alone = tile.candidates(kernel, FUSED_LANES, facts)[0];
  const [x, weight] = kernel.buffers.filter(({ length }) => length > 64).map(({ name }) => name);
  expect(cheapest([x, weight]).cost).toBe(alone.cost);
  const fixed = cheapest([x]);
  expect(fixed.cost).toBeLessThan(alone.cost);
  expect(fixed.schedule.flatMap((step) => (step.kind === "cache" ? [step.operand] : []))).toEqual(["right"]);
});

test("what an iteration loads stands before the first sum that wants it", () => {
  const { kernels } = plannedFor({ ...FUSED_LANES, loadsFirst: false }, LINEAR);
  const lines = kernels
    .flatMap((kernel) => printKernel(kernel))
    .join("\n")
    .split("\n");
  const first = 1 + lines.findIndex((line) => line.endsWith("reduce"));
  const kinds = lines
    .slice(first, first + 8)
    .map((line) => line.trim().split(" ")[0].replace(/acc\d/, "sum"));
  // The first sum wants an element and a vector, the second one a vector, and each further row an element.
  expect(kinds).toEqual(["let", "let", "sum", "let", "sum", "let", "sum", "sum"]);
});

/** A weight's gradient: both factors are read along their rows. */
class Gradient extends nn.Module {
  forward(x: Tensor, y: Tensor): Tensor {
    return x.transpose(0, 1).matmul(y);
  }
}

const gradientOf = (k: number, rows: number, columns: number) => {
  const types = [rows, columns].map((n) => ({ dtype: "float32", shape: [k, n] }) as const);
  const source = { trace: traceModel(new Gradient(), types) };
  const program = stagesOf(source).artifacts.get("lower") as LoweredProgram;
  const machine: Capabilities = { ...LANES, registers: 14 };
  const [first, ...others] = tile.candidates(program.kernels.at(-1)!, machine, undefined);
  return others.reduce((a, b) => (b.cost < a.cost ? b : a), first).schedule;
};

test("factors that a sum walks a row at a time are both packed", () => {
  const schedule = gradientOf(1024, 128, 512);
  expect(schedule.filter(({ kind }) => kind === "cache")).toHaveLength(2);
});

test("results that no cache holds are stored along their rows", () => {
  const schedule = gradientOf(64, 2048, 2048);
  const lanes = schedule.flatMap((step) => (step.kind === "vectorize" ? [step.loop] : []));
  const order = schedule.flatMap((step) => (step.kind === "reorder" ? [step.loops] : []));
  expect(order[0].slice(-1)).toEqual(lanes);
  expect(lanes).toEqual(["i1"]);
});

test("few rows times a matrix that no cache holds are not computed row by row through its pages", () => {
  class Transposed extends nn.Module {
    readonly weight = new nn.Parameter(zeros(2048, 2048));
    forward(x: Tensor): Tensor {
      return x.matmul(this.weight);
    }
  }
  const trace = traceModel(new Transposed(), [{ dtype: "float32", shape: [16, 2048] }]);
  const { kernels } = stagesOf({ trace }).artifacts.get("lower") as LoweredProgram;
  const machine = { ...FUSED_LANES, loadsFirst: false };
  const [inLanes] = plain.candidates(kernels[0], machine).slice(-1);
  const tiled = Math.min(...tile.candidates(kernels[0], machine).map(({ cost }) => cost));
  expect(tiled).toBeLessThan(inLanes.cost);
});
