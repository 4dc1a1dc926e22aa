/** What float32 makes of Winograd's method: every form that may be chosen keeps its budget, and ties where they matter. */

import { describe, expect, test } from "vitest";
import { wasm } from "../../../backends/wasm/backend.ts";
import { tile } from "../../../passes/scheduling/plans/tile.ts";
import {
  ERROR_BUDGETS,
  MOST_TAPS,
  outputsFor,
  outputsForWeights,
} from "../../../passes/scheduling/plans/winograd/forms.ts";
import { winograd } from "../../../passes/scheduling/plans/winograd/winograd.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { generator } from "../../support/draw.ts";
import { relativeError } from "../../support/run-graph.ts";
import { interpreted, loweredGradients, ranAs, randomContents } from "../../support/single-kernel.ts";

const CAPABILITIES: Capabilities = { ...wasm.capabilities, threads: 1 };
const FACTS = { inputs: new Set<string>(), allowsWinograd: true };

/** Channels at which each form is measured: the most that it may sum over, or many. */
const CHANNELS = [64, 256];

const convolution = (channels: number, outputs: number, taps: number, extent: number): string => {
  const y = extent - taps + 1;
  const attrs = "{stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}";
  return `graph net() params(@x: f32[1,${channels},${extent},${extent}], @w: f32[${outputs},${channels},${taps},${taps}]) {
  %0: f32[1,${outputs},${y},${y}] = conv2d(@x, @w) ${attrs}
  %1: f32[1,${outputs},${y},${y}] = mul(%0, %0)
  %2: f32[] = sum(%1) {axes=[0,1,2,3], keepdim=false}
  return loss=%2
}`;
};

/** Errors of all candidates for a kernel, by the form's name. */
async function errorsOf(kernel: Kernel): Promise<Map<string, number>> {
  const contents = randomContents(kernel, 11);
  const expected = interpreted(kernel, contents);
  const errors = new Map<string, number>();
  for (const candidate of winograd.candidates(kernel, CAPABILITIES, FACTS)) {
    const actual = await ranAs(candidate, kernel, contents, wasm);
    for (const [name, numbers] of Object.entries(actual))
      errors.set(printSchedule(candidate.schedule), relativeError(numbers, expected[name]));
  }
  return errors;
}

const TAPS = Array.from({ length: MOST_TAPS - 1 }, (_, k) => k + 2);

describe.each(TAPS)("with %i taps", (taps) => {
  test.each(CHANNELS)("convolutions of %i channels keep their budget", async (channels) => {
    const { kernels } = loweredGradients(convolution(channels, 4, taps, 16), ["x", "w"], CAPABILITIES);
    const kernel = kernels.find(({ name }) => name === "conv2d");
    const errors = await errorsOf(kernel!);
    expect(errors.size).toBe(outputsFor(taps, channels).length);
    for (const error of errors.values()) expect(error).toBeLessThan(ERROR_BUDGETS.outputs);
    // Something must have been rounded, or nothing was measured.
    for (const error of errors.values()) expect(error).toBeGreaterThan(1e-8);
  });

  test.each(CHANNELS)("input gradients of %i channels keep their budget", async (channels) => {
    const { kernels } = loweredGradients(convolution(3, channels, taps, 16), ["x", "w"], CAPABILITIES);
    const kernel = kernels.find(({ name }) => name === "conv2d_input_grad");
    const errors = await errorsOf(kernel!);
    expect(errors.size).toBe(outputsFor(taps, channels).length);
    for (const error of errors.values()) expect(error).toBeLessThan(ERROR_BUDGETS.outputs);
  });

  test("weight gradients over large planes keep theirs", async () => {
    const { kernels } = loweredGradients(convolution(3, 5, taps, 64), ["x", "w"], CAPABILITIES);
    const kernel = kernels.find(({ name }) => name === "conv2d_weight_grad");
    const errors = await errorsOf(kernel!);
    expect(errors.size).toBe(outputsForWeights(taps).length);
    for (const error of errors.values()) expect(error).toBeLessThan(ERROR_BUDGETS.weights);
  });
});

describe("in front of max-pool, on what the user feeds", () => {
  const text = `graph net(%x: f32[2,3,20,20]) params(@w: f32[8,3,5,5], @b: f32[8]) {
  %0: f32[2,8,20,20] = conv2d(%x, @w, @b) {stride=[1,1], padding=[2,2], dilation=[1,1], groups=1}
  %1: (f32[2,8,10,10], u8[2,8,10,10], i32[2,8,10,10]) = max_pool2d(%0) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}
  %2: f32[] = sum(%1) {axes=[0,1,2,3], keepdim=false}
  return loss=%2
}`;
  const program = loweredGradients(text, ["w", "b"], CAPABILITIES);
  const kernel = program.kernels.find(({ ops }) => ops.includes("conv2d"))!;
  const input = program.inputs[0].buffer;

  test("only tiles that see what one window sees are candidates", () => {
    const forms = (inputs: readonly string[]): string[] =>
      winograd
        .candidates(kernel, CAPABILITIES, { ...FACTS, inputs: new Set(inputs) })
        .map((candidate) => printSchedule(candidate.schedule));
    expect(forms([input])).toEqual([expect.stringMatching(/^winograd F\(2x2, 5x5\)/)]);
    expect(forms([]).length).toBeGreaterThan(2);
  });

  test("they keep the winners of ties in flat regions", async () => {
    const random = generator(3);
    const contents = randomContents(kernel, 5);
    // A flat background with an object in the middle of each image.
    contents[input].forEach((_, k) => {
      const [y, x] = [Math.floor(k / 20) % 20, k % 20];
      const isObject = y > 7 && y < 13 && x > 5 && x < 12;
      contents[input][k] = isObject ? random() : 0.3;
    });
    const [direct] = tile.candidates(kernel, CAPABILITIES);
    const [tiled] = winograd.candidates(kernel, CAPABILITIES, { ...FACTS, inputs: new Set([input]) });
    const [expected, actual] = [
      await ranAs(direct, kernel, contents, wasm),
      await ranAs(tiled, kernel, contents, wasm),
    ];
    const winners = Object.keys(actual).find((name) => name.includes("argmax"))!;
    expect(actual[winners]).toEqual(expected[winners]);
    expect(new Set(actual[winners]).size).toBe(4);
  });
});
