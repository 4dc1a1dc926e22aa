/** Programs that do not hold together are refused, each with a line that names the kernel or the buffer. */

import { describe, expect, test } from "vitest";
import { planMemory } from "../../passes/codegen/plan-memory.ts";
import { prepare } from "../../passes/codegen/prepare.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../src/loop/types.ts";
import { verifyProgram } from "../../src/loop/verify-program.ts";
import { lenetTraining, stagesOf } from "../support/stages.ts";
import { programOf } from "../support/touching-kernels.ts";

const programs = new Map(stagesOf(lenetTraining(2)).programs);
const lowered = programs.get("lower")!;
const plan = programs.get("plan-memory") as ProgramPlan;

const withKernel = (change: (kernel: Kernel) => Kernel, name = "linear"): LoweredProgram => ({
  ...lowered,
  kernels: lowered.kernels.map((kernel) => (kernel.name === name ? change(kernel) : kernel)),
});

const withParam = (change: Partial<BufferParam>, name = "linear"): LoweredProgram =>
  withKernel((kernel) => ({
    ...kernel,
    buffers: kernel.buffers.map((b) => (b.name === name ? { ...b, ...change } : b)),
  }));

const withBuffer = (name: string, change: Partial<ProgramBuffer>): LoweredProgram => ({
  ...lowered,
  buffers: lowered.buffers.map((b) => (b.name === name ? { ...b, ...change } : b)),
});

const count = plan.kernels.length;

const placed = (name: string, change: Partial<ProgramPlan["placements"][number]>): ProgramPlan => ({
  ...plan,
  placements: plan.placements.map((p) => (p.buffer === name ? { ...p, ...change } : p)),
});

const renamed = (from: string, to: string): LoweredProgram => withKernel((k) => ({ ...k, name: to }), from);

/** A forward pass with kernels that prepare: the first of them packs a weight. */
const packed = planMemory.run(
  prepare.run(
    programOf({ x: ["input", 8], w: ["state", 8], p: ["scratch", 8], y: ["output", 8], z: ["output", 8] }, [
      ["pack", ["w"], ["p"]],
      ["product", ["x", "p"], ["y"]],
      ["other", ["x"], ["z"]],
    ]),
  ),
);

const preparing = (
  preparedTo: number,
  kernels = packed.kernels,
  commitFrom = kernels.length,
): ProgramPlan => ({
  ...packed,
  ...{ preparedTo, kernels, commitFrom },
});

/** The kernels of `packed`, of which the one of that name touches another buffer. */
const touching = (name: string, buffer: string, access: BufferParam["access"]): readonly Kernel[] =>
  packed.kernels.map((kernel) => {
    const param: BufferParam = { name: buffer, dtype: "float32", length: 8, access };
    const others = kernel.buffers.filter((b) => b.name !== buffer);
    return kernel.name === name ? { ...kernel, buffers: [...others, param] } : kernel;
  });

test("what passes make holds together", () => {
  for (const [, program] of programs) verifyProgram(program);
  verifyProgram(packed);
});

describe("refused is a program with", () => {
  const cases: readonly (readonly [what: string, program: LoweredProgram, message: RegExp])[] = [
    ["a kernel twice", renamed("linear_relu", "linear"), /two kernels have one name/],
    ["two functions of one name", renamed("linear", "update_part0"), /two kernels have one name/],
    ["a buffer twice", withBuffer("x", { name: "relu" }), /two buffers have one name/],
    ["a buffer that is not there", withParam({ name: "y" }), /kernel linear: the program has no buffer y/],
    [
      "a buffer of another type",
      withParam({ dtype: "int32" }),
      /kernel linear: linear holds float32, not int32/,
    ],
    [
      "a buffer that is too short",
      withParam({ length: 21 }),
      /kernel linear: linear has 20 elements, not 21/,
    ],
    [
      "scratch that is private to one side",
      withParam({ private: true }),
      /linear is private to threads in one of two places/,
    ],
    [
      "a kernel that writes an input",
      withBuffer("linear", { role: "input" }),
      /kernel linear: it writes the input linear/,
    ],
    [
      "a scalar that is not there",
      { ...lowered, scalars: [] },
      /kernel update: the program has no scalar lr/,
    ],
    [
      "more threads in a kernel",
      withKernel((k) => ({ ...k, threads: 2 })),
      /divided among 2 threads, and the program has 1/,
    ],
    [
      "a section beside a loop",
      withKernel((k) => ({ ...k, body: [...k.body, { kind: "section", name: "s", body: [] }] })),
      /kernel linear: it is made of sections or of none/,
    ],
    [
      "kernels in another order",
      { ...lowered, kernels: [lowered.kernels[1], lowered.kernels[0], ...lowered.kernels.slice(2)] },
      /kernel conv2d_relu_max_pool2d_2: it reads max_pool2d before any kernel writes it/,
    ],
    [
      "a step that commits too late",
      { ...lowered, commitFrom: lowered.kernels.length },
      /kernel update: it writes the state \w+ before the step commits/,
    ],
    [
      "an input nobody gives",
      { ...lowered, inputs: lowered.inputs.slice(1) },
      /the input target has no buffer of its own/,
    ],
    [
      "a state of another shape",
      withBuffer("conv1_bias", { shape: [2, 3] }),
      /the state conv1\.bias has no buffer of its own/,
    ],
    [
      "a state of another layout",
      withBuffer("fc1_weight", { layout: [1, 0] }),
      /the state fc1\.weight has no buffer of its own/,
    ],
    [
      "one name for two states",
      {
        ...lowered,
        states: lowered.states.map((s) => (s.name === "conv1.bias" ? { ...s, name: "fc3.bias" } : s)),
      },
      /two states have one name/,
    ],
    [
      "a result that is nowhere",
      { ...lowered, outputs: [{ ...lowered.outputs[0], buffer: "y" }] },
      /the output loss lies in y, which is no buffer/,
    ],
    [
      "a result of another size",
      { ...lowered, outputs: [{ ...lowered.outputs[0], shape: [2] }] },
      /the output loss is no view of nll_loss/,
    ],
    [
      "a value without a place",
      { ...plan, placements: plan.placements.slice(1) } as ProgramPlan,
      /x has no place in the arena/,
    ],
    [
      "an input in what is prepared",
      preparing(2),
      /kernel product: it prepares and reads x, which is no state/,
    ],
    [
      "a scalar in what is prepared",
      {
        ...preparing(
          1,
          packed.kernels.map((k) => ({ ...k, scalars: ["seed"] })),
        ),
        scalars: ["seed"],
      },
      /kernel pack: it prepares and reads the scalar seed/,
    ],
    [
      "a kernel that writes what is prepared",
      preparing(1, touching("other", "p", "write")),
      /kernel other: it writes what is prepared/,
    ],
    [
      "a kernel that writes what is prepared from",
      preparing(1, touching("other", "w", "write"), 2),
      /kernel other: it writes what is prepared, or what that is made of/,
    ],
    [
      "a commit that prepares",
      preparing(1, packed.kernels, 0),
      /kernels that prepare come before the commit/,
    ],
    [
      "a loop that prepares",
      {
        ...preparing(1),
        loops: [
          {
            name: "scan",
            from: 0,
            to: 1,
            iterations: 2,
            descending: false,
            initial: [],
            before: [],
            after: [],
          },
        ],
      },
      /loop scan: kernels that prepare are in no loop/,
    ],
    [
      "a loop that moves to what is prepared",
      {
        ...preparing(1),
        loops: [
          {
            ...{ name: "scan", from: 1, to: 2, iterations: 2, descending: false, before: [], after: [] },
            initial: [{ from: "x", to: "p", length: 1, fromStride: 0, toStride: 0 }],
          },
        ],
      },
      /loop scan: it moves to p, which is prepared/,
    ],
    [
      "a place for what is prepared that others have between runs",
      {
        ...packed,
        placements: packed.placements.map((p) => (p.buffer === "p" ? { ...p, first: 0, last: 1 } : p)),
      },
      /p is alive from 0 to 1, and the next run needs it at -1/,
    ],
    ["a place for nothing", placed("relu", { buffer: "y" }), /relu has no place in the arena/],
    [
      "a place between cache lines",
      placed("relu", { byteOffset: 4 }),
      /relu lies at 4, which is no multiple of 64/,
    ],
    ["a place that is too small", placed("relu", { byteLength: 956 }), /relu takes 960 bytes, not 956/],
    [
      "a place behind the arena",
      placed("relu", { byteOffset: 2 ** 30 }),
      /the arena has \d+ bytes, and what lies in it takes 107374/,
    ],
    [
      "an arena that is too large",
      { ...plan, arenaBytes: plan.arenaBytes + 64 } as ProgramPlan,
      /the arena has \d+ bytes/,
    ],
    [
      "a life that ends early",
      placed("relu", { last: 2 }),
      /relu is alive from 2 to 2, and kernel \w+ needs it at 23/,
    ],
    [
      "an input that is not there at first",
      placed("x", { first: 0 }),
      /x is alive from 0 to \d+, and the input needs it at -1/,
    ],
    [
      "a result that is gone",
      placed("nll_loss", { last: count - 1 }),
      new RegExp(`nll_loss is alive from 5 to ${count - 1}, and the result needs it at ${count}`),
    ],
    [
      "a life that ends before it begins",
      placed("relu", { first: 9, last: 8 }),
      new RegExp(`relu is alive from kernel 9 to 8 of ${count}`),
    ],
    [
      "two values in one place",
      placed("relu", { byteOffset: plan.placements.find((p) => p.buffer === "max_pool2d_2")!.byteOffset }),
      /max_pool2d_2 and relu are alive together and share bytes/,
    ],
  ];
  test.each(cases)("%s", (_what, program, message) => {
    expect(() => verifyProgram(program)).toThrow(message);
  });
});
