/** What strides leave out is not multiplied: contractions by phases, windows in lanes, and what that lets threads divide. */

import { expect, test } from "vitest";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { lower } from "../../../passes/lowering/lower.ts";
import { phasesOf } from "../../../passes/scheduling/analysis/phases.ts";
import { schedule } from "../../../passes/scheduling/schedule.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Attrs } from "../../../src/ir/types.ts";
import { printBody } from "../../../src/loop/print.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { LANES } from "../../support/strategies.ts";

/** One op on float32 inputs of these shapes, lowered. */
function lowered(op: string, shapes: readonly (readonly number[])[], attrs: Attrs): LoweredProgram {
  const b = new GraphBuilder(opTable);
  const inputs = shapes.map((shape, k) => b.input("state", `x${k}`, { dtype: "float32", shape }));
  return lower.run(fuse(LANES).run(b.build(op, [{ name: "output", value: b.node(op, inputs, attrs) }])));
}

const UNIT = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

/** The input gradient of a convolution from planes of 8×8 to planes of so many rows and columns. */
const gradient = (attrs: Attrs, weight: readonly number[], size: number): Kernel => {
  const all = { ...UNIT, padding: [1, 1], ...attrs, inputSize: [8, 8] };
  return lowered("conv2d_input_grad", [[2, 8, size, size], weight], all).kernels[0];
};

test("a transposed convolution whose kernel is its stride falls into one product for each tap", () => {
  const attrs = { ...UNIT, stride: [2, 2], outputSize: [8, 8] };
  const [kernel] = lowered(
    "conv_transpose2d",
    [
      [2, 8, 4, 4],
      [8, 4, 2, 2],
    ],
    attrs,
  ).kernels;
  const phases = phasesOf(kernel);
  expect(phases?.loops).toEqual([
    { loop: "i2", by: 2 },
    { loop: "i3", by: 2 },
  ]);
  // A quarter of 2·4·8·8 outputs sums over 8 channels, and over no tap of another phase.
  expect(phases?.kernels.map(({ nominalFlops }) => nominalFlops)).toEqual([2048, 2048, 2048, 2048]);
  for (const { body } of phases?.kernels ?? []) expect(printBody(body).join("\n")).not.toMatch(/%|\/|select/);
});

test("phases of a stride sum over the taps that meet an element, be they few or none", () => {
  // Of three taps an odd row meets one and an even row two, as do columns.
  const phases = phasesOf(gradient({ stride: [2, 2] }, [8, 4, 3, 3], 4));
  const products = phases?.kernels.map(({ nominalFlops }) => nominalFlops / (2 * 2 * 4 * 4 * 4 * 8));
  expect(products).toEqual([1, 2, 2, 4]);
  // A single tap leaves three of four elements without any.
  const single = phasesOf(gradient({ stride: [2, 2], padding: [0, 0] }, [8, 4, 1, 1], 4));
  expect(single?.kernels.map(({ nominalFlops }) => nominalFlops > 0)).toEqual([true, false, false, false]);
});

test("there are none without a stride", () => {
  expect(phasesOf(gradient({}, [8, 4, 3, 3], 8))).toBeUndefined();
});

const POOL = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], ceilMode: false };

test.each([
  [
    "conv_transpose2d",
    [
      [2, 32, 8, 8],
      [32, 16, 2, 2],
    ],
    { ...UNIT, stride: [2, 2], outputSize: [16, 16] },
    "phases of i2 i3",
  ],
  [
    "conv2d_input_grad",
    [
      [2, 8, 8, 8],
      [8, 1, 3, 3],
    ],
    { ...UNIT, stride: [2, 2], padding: [1, 1], groups: 8, inputSize: [16, 16] },
    "join-phases; vectorize i3 by 1x4 shifted",
  ],
  ["max_pool2d", [[2, 4, 16, 16]], POOL, "unroll-window; vectorize i3 by 1x4"],
] as const)("%s is run so where there are lanes", (op, shapes, attrs, text) => {
  const { kernels } = schedule(LANES).run(lowered(op, shapes, attrs));
  expect(printSchedule(kernels[kernels.length - 1].schedule ?? [])).toContain(text);
});

test("a strided convolution reads lanes along its rows, and a pointwise one whole planes", () => {
  const textOf = (shapes: readonly (readonly number[])[], attrs: Attrs): string => {
    const { kernels } = schedule(LANES).run(lowered("conv2d", shapes, { ...UNIT, ...attrs }));
    return printSchedule(kernels[kernels.length - 1].schedule ?? []);
  };
  const depthwise = { stride: [2, 2], padding: [1, 1], groups: 16 };
  const shapes = [
    [16, 16, 64, 64],
    [16, 1, 3, 3],
  ];
  // Lanes of images would each be stored to a page of its own.
  expect(textOf(shapes, depthwise)).toMatch(/^cache left as i0 i1 .* vectorize i3/);
  const pointwise = [
    [2, 16, 6, 6],
    [8, 16, 1, 1],
  ];
  expect(textOf(pointwise, {})).toMatch(/^flatten; .* vectorize i3/);
});

test("a grouped convolution copies the channels of a group once for all its outputs", () => {
  const shapes = [
    [4, 16, 16, 16],
    [32, 4, 3, 3],
  ];
  const program = lowered("conv2d", shapes, { ...UNIT, padding: [1, 1], groups: 4 });
  const [kernel] = program.kernels;
  expect(printBody(kernel.body).join("\n")).toContain("for i1_group in 4");
  expect(printBody(kernel.body).join("\n")).not.toMatch(/[%/]/);
  // Images are states here, of which copies that are kept would cost nothing.
  const panels = schedule({ ...LANES, prepares: false })
    .run(program)
    .buffers.filter(({ role }) => role === "scratch")
    .map(({ shape }) => shape.reduce((n, extent) => n * extent, 1));
  expect(Math.max(...panels)).toBeLessThan(2 * 4 * 16 * 18 * 18);
});
