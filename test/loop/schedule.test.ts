/** Scheduling changes loops and no result: each op's samples through the interpreter, before and after, by strategy. */

import { describe, expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { fuse } from "../../passes/fusion/fuse.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { lower } from "../../passes/lowering/lower.ts";
import { inBodies } from "../../passes/pass.ts";
import { schedule } from "../../passes/scheduling/schedule.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { printSchedule } from "../../src/loop/schedule.ts";
import type { Sample } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { generator } from "../support/draw.ts";
import { oneIn } from "../support/extent.ts";
import { interpretProgram } from "../support/interpret-program.ts";
import { lenetTraining, plannedFor, stagesOf } from "../support/stages.ts";
import { STRATEGIES } from "../support/strategies.ts";

const { capabilities } = js;

/** Lowers a graph as the pipeline does, without what comes between. */
const lowered = (graph: Graph): LoweredProgram =>
  lower.run(inBodies(fuse(capabilities)).run(inBodies(simplify).run(graph)));

const scheduled = (program: LoweredProgram, strategy?: string): LoweredProgram =>
  plannedFor(capabilities, program, strategy === undefined ? {} : { strategy });

/** Whole numbers from -4 to 4, or below an index's bound: sums and products of them are exact in any order. */
function wholeNumbers(sample: Sample, seed: number): Record<string, Float64Array> {
  const random = generator(seed);
  return Object.fromEntries(
    sample.inputs.map((input, k) => [
      `x${k}`,
      new Float64Array(sizeOf(input.shape)).map(() =>
        input.below === undefined ? Math.floor(random() * 9) - 4 : Math.floor(random() * input.below),
      ),
    ]),
  );
}

function graphOf(op: string, sample: Sample): Graph {
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map((type, k) =>
    b.input("state", `x${k}`, { dtype: type.dtype, shape: type.shape }),
  );
  return b.build(op, [{ name: "output", value: b.node(op, inputs, sample.attrs) }]);
}

const SAMPLES = Object.entries(OPS).flatMap(([op, { samples }]) =>
  samples().map((sample, k) => ({ label: `${op} #${k}`, op, sample })),
);

describe.each(STRATEGIES.map(({ name }) => name))("%s", (strategy) => {
  test.each(oneIn(8, SAMPLES))("leaves the results of $label as they were, to the bit", ({ op, sample }) => {
    const program = lowered(graphOf(op, sample));
    const values = wholeNumbers(sample, 3);
    const before = interpretProgram(program, values);
    const after = interpretProgram(scheduled(program, strategy), values);
    // NaN from a logarithm of a negative number is NaN after as before: toEqual takes it as equal.
    expect(after.output).toEqual(before.output);
  });
});

test("no reduction is left after scheduling, and every kernel says how it was scheduled", () => {
  const program = scheduled(stagesOf(lenetTraining(2)).artifacts.get("lower") as LoweredProgram);
  expect(JSON.stringify(program.kernels.map((k) => k.body))).not.toContain('"kind":"reduce"');
  expect(program.kernels.filter((k) => k.schedule === undefined)).toEqual([]);
});

test("kernels that commit the step stay those that commit it", () => {
  const program = stagesOf(lenetTraining(2)).artifacts.get("lower") as LoweredProgram;
  const after = scheduled(program);
  const writesState = (p: LoweredProgram, from: number, to: number): boolean =>
    p.kernels
      .slice(from, to)
      .some((k) => k.buffers.some((b) => b.access !== "read" && p.states.some((s) => s.buffer === b.name)));
  expect(after.kernels.length).toBeGreaterThan(program.kernels.length);
  expect(writesState(after, 0, after.commitFrom)).toBe(false);
  expect(writesState(after, after.commitFrom, after.kernels.length)).toBe(true);
});

test("a backend that does not schedule gets its kernels as they were lowered", () => {
  const program = stagesOf(lenetTraining(1)).artifacts.get("lower") as LoweredProgram;
  expect(schedule({ ...capabilities, schedules: false }).run(program)).toBe(program);
});

/** Nets in the shapes that are easy to get wrong, as losses of whole numbers. */
const CHAINS: Readonly<Record<string, string>> = {
  "a pool that leaves a row and a column over": `graph net() params(@x: f32[2,2,9,9], @w1: f32[3,2,1,1], @w: f32[4,3,3,3], @b: f32[4]) {
  %0: f32[2,3,9,9] = conv2d(@x, @w1) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %1: f32[2,4,7,7] = conv2d(%0, @w, @b) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %2: f32[2,4,7,7] = relu(%1)
  %3: (f32[2,4,3,3], u8[2,4,3,3], i32[2,4,3,3]) = max_pool2d(%2) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}
  %4: f32[] = sum(%3) {axes=[0,1,2,3], keepdim=false}
  return loss=%4
}`,
  "padded convolutions and a 3×2 window": `graph net() params(@x: f32[1,2,6,7], @w1: f32[3,2,3,3], @w: f32[2,3,3,3]) {
  %0: f32[1,3,6,7] = conv2d(@x, @w1) {stride=[1,1], padding=[1,1], dilation=[1,1], groups=1}
  %1: f32[1,2,6,7] = conv2d(%0, @w) {stride=[1,1], padding=[1,1], dilation=[1,1], groups=1}
  %2: (f32[1,2,2,3], u8[1,2,2,3], i32[1,2,2,3]) = max_pool2d(%1) {kernel=[3,2], stride=[3,2], padding=[0,0], dilation=[1,1], ceilMode=false}
  %3: f32[] = sum(%2) {axes=[0,1,2,3], keepdim=false}
  return loss=%3
}`,
  "a pool in ceil mode": `graph net() params(@x: f32[1,1,7,7], @w1: f32[2,1,1,1], @w: f32[2,2,3,3]) {
  %0: f32[1,2,7,7] = conv2d(@x, @w1) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %1: f32[1,2,5,5] = conv2d(%0, @w) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %2: f32[1,2,5,5] = relu(%1)
  %3: (f32[1,2,3,3], u8[1,2,3,3], i32[1,2,3,3]) = max_pool2d(%2) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=true}
  %4: f32[] = sum(%3) {axes=[0,1,2,3], keepdim=false}
  return loss=%4
}`,
  "windows of three rows that leave two over": `graph net() params(@x: f32[1,3,6,6], @w1: f32[3,3,1,1], @w: f32[1,3,2,1]) {
  %0: f32[1,3,6,6] = conv2d(@x, @w1) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %1: f32[1,1,5,6] = conv2d(%0, @w) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %2: (f32[1,1,1,6], u8[1,1,1,6], i32[1,1,1,6]) = max_pool2d(%1) {kernel=[3,1], stride=[3,1], padding=[0,0], dilation=[1,1], ceilMode=false}
  %3: f32[] = sum(%2) {axes=[0,1,2,3], keepdim=false}
  return loss=%3
}`,
  "overlapping windows": `graph net() params(@x: f32[1,2,7,7], @w: f32[3,2,3,3]) {
  %0: f32[1,3,5,5] = conv2d(@x, @w) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %1: f32[1,3,5,5] = relu(%0)
  %2: (f32[1,3,3,3], u8[1,3,3,3], i32[1,3,3,3]) = max_pool2d(%1) {kernel=[3,3], stride=[2,2], padding=[1,1], dilation=[1,1], ceilMode=false}
  %3: f32[] = sum(%2) {axes=[0,1,2,3], keepdim=false}
  return loss=%3
}`,
  "a strided, dilated, grouped convolution": `graph net() params(@x: f32[2,4,9,8], @w: f32[6,2,3,2], @b: f32[6]) {
  %0: f32[2,6,4,8] = conv2d(@x, @w, @b) {stride=[2,1], padding=[1,1], dilation=[2,2], groups=2}
  %1: f32[2,6,4,8] = relu(%0)
  %2: f32[] = sum(%1) {axes=[0,1,2,3], keepdim=false}
  return loss=%2
}`,
  "rows along an axis in the middle, each term of whose sums keeps its place": `graph net() params(@x: f32[3,6,5], @y: f32[3,6,5]) {
  %0: f32[3,6,5] = log_softmax(@x) {axis=1}
  %1: f32[3,6,5] = mul(%0, @y)
  %2: f32[] = sum(%1) {axes=[0,1,2], keepdim=false}
  return loss=%2
}`,
  "linear layers of odd sizes": `graph net() params(@x: f32[5,13], @w1: f32[11,13], @b1: f32[11], @w2: f32[3,11]) {
  %0: f32[5,11] = linear(@x, @w1, @b1)
  %1: f32[5,11] = relu(%0)
  %2: f32[5,3] = linear(%1, @w2)
  %3: f32[5,3] = mul(%2, %2)
  %4: f32[] = sum(%3) {axes=[0,1], keepdim=false}
  return loss=%4
}`,
};

describe.each(STRATEGIES)("$name on gradients", (strategy) => {
  const taken: string[] = [];
  const offered = new Set<string>();

  test.each(Object.entries(CHAINS))("of %s gives the same to the bit", (_what, text) => {
    const graph = parseGraph(text, opTable);
    const names = graph.inputs.map(({ name }) => name);
    const random = generator(5);
    const values = Object.fromEntries(
      graph.inputs.map(({ name, type }) => [
        name,
        new Float64Array(sizeOf(type.shape)).map(() => Math.floor(random() * 9) - 4),
      ]),
    );
    const program = lowered(autodiff(names).run(graph));
    const after = scheduled(program, strategy.name);
    taken.push(...after.kernels.map((k) => printSchedule(k.schedule ?? [])));
    for (const candidate of program.kernels.flatMap((k) => strategy.candidates(k, capabilities)))
      offered.add(printSchedule(candidate.schedule));
    expect(interpretProgram(after, values)).toEqual(interpretProgram(program, values));
  });

  test("is the strategy that some of these kernels were given", () => {
    expect(taken.some((steps) => offered.has(steps))).toBe(true);
  });
});

test("only the window around a contraction is unrolled, not every maximum in its kernel", () => {
  // Unrolled, a maximum over n elements becomes an expression of 2^n nodes: 14 elements show it, 72 hang.
  const graph = parseGraph(
    `graph net(%x: f32[2,14], %w: f32[14,14]) {
  %0: f32[2,14] = linear(%x, %w)
  %1: f32[2,1] = max(%x) {axes=[1], keepdim=true}
  %2: f32[2,14] = add(%0, %1)
  return output=%2
}`,
    opTable,
  );
  const { kernels } = scheduled(lowered(graph), "tile");
  expect(JSON.stringify(kernels).length).toBeLessThan(100_000);
});
