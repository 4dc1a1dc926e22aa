/** Kernels that were scheduled for one kind of backend are refused by others, by name, and never run wrong. */

import { describe, expect, test, vi } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { BACKEND_NAMES, backendNamed } from "../../backends/registry.ts";
import { createWasmBackend } from "../../backends/wasm/backend.ts";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { requireFit } from "../../src/driver/fit.ts";
import { parseProgram } from "../../src/loop/parse.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { cifar10Training, lenetForward, lenetTraining, stagesOf } from "../support/stages.ts";

const loaded = await Promise.all(BACKEND_NAMES.map(backendNamed));
const on = (name: string) => loaded.find((backend) => backend.name === name)!;
const threaded = createWasmBackend({ threads: 4 });

/** The stages of kernels, up to the memory plan. */
const PROGRAM_STAGES =
  "lower schedule order share-panels prepare lower-reductions strength-reduction parallelize join-kernels".split(
    " ",
  );

/** LeNet's forward pass at a stage behind scheduling, by default the last before memory is planned. */
const scheduledFor = (backend = on("js"), options = {}, stage = "parallelize"): LoweredProgram =>
  stagesOf(lenetForward(4), backend, options).artifacts.get(stage) as LoweredProgram;

test("what is scheduled for a backend fits it", () => {
  for (const source of [lenetTraining(16), cifar10Training(8)]) {
    for (const [backend, options] of [
      [on("js"), {}],
      [on("interpret"), {}],
      [createWasmBackend({ threads: 1 }), {}],
      [threaded, {}],
      [threaded, { divideAlways: true }],
      [on("gpujs"), {}],
    ] as const) {
      const { programs } = stagesOf(source, backend, options);
      expect(programs.map(([stage]) => stage)).toEqual([...PROGRAM_STAGES, "plan-memory"]);
      for (const [stage, program] of programs) requireFit(program, stage, backend);
    }
  }
});

describe("refused is, with the kernel's name,", () => {
  const forVectors = scheduledFor(createWasmBackend({ threads: 1 }));
  // Weights are packed number by number.
  const vectors = { ...forVectors, kernels: forVectors.kernels.slice(forVectors.preparedTo) };
  const divided = scheduledFor(threaded, { divideAlways: true });
  const loops = scheduledFor();
  const elements = scheduledFor(on("gpujs"));
  const plain = stagesOf(lenetForward(4), on("interpret")).artifacts.get("plan-memory") as LoweredProgram;
  const pair = stagesOf(lenetTraining(2)).artifacts.get("parallelize") as LoweredProgram;
  test.each([
    [
      "vectors on js",
      vectors,
      "js",
      /^kernel \w+ computes 4 numbers at once, and js computes one number at a time/,
    ],
    ["vectors on interpret", vectors, "interpret", /^kernel \w+ computes 4 numbers at once, and interpret/],
    ["vectors on gpujs", vectors, "gpujs", /^kernel \w+ computes 4 numbers at once, and gpujs/],
    [
      "one element per thread on js",
      elements,
      "js",
      /^kernel conv2d_relu_max_pool2d computes one element per thread, and js runs loops/,
    ],
    [
      "one element per thread on wasm",
      elements,
      "wasm",
      /^kernel conv2d_relu_max_pool2d computes one element per thread, and wasm runs loops/,
    ],
    [
      "loops on gpujs",
      loops,
      "gpujs",
      /^kernel conv2d_relu_max_pool2d is not a loop over threads that ends in one store, and gpujs/,
    ],
    [
      "several stores on gpujs",
      pair,
      "gpujs",
      /^kernel conv2d_relu_max_pool2d stores 2 buffers, and gpujs stores one with each kernel/,
    ],
    [
      "reductions on js",
      plain,
      "js",
      /^kernel conv2d_relu_max_pool2d still holds a reduction, and js runs only loops/,
    ],
  ] as const)("%s", (_what, program, backend, message) => {
    expect(() => requireFit(program, "parallelize", on(backend))).toThrow(message);
  });

  test("several loops in one kernel where the grid's loops are to become threads", () => {
    const open = stagesOf(lenetForward(4)).artifacts.get("strength-reduction") as LoweredProgram;
    expect(() => requireFit(open, "strength-reduction", on("gpujs"))).toThrow(
      /^kernel conv2d_relu_max_pool2d is not a nest of grid loops around one store in the order of its elements, and gpujs/,
    );
  });

  test("more threads than there are", () => {
    const two = createWasmBackend({ threads: 2 });
    expect(() => requireFit(divided, "parallelize", two)).toThrow(
      /^kernel \w+ divides its work among 4 threads, and wasm has 2 here/,
    );
    const unused = { ...scheduledFor(createWasmBackend({ threads: 1 })), threads: 4 };
    expect(() => requireFit(unused, "parallelize", two)).toThrow(
      "the program runs on 4 threads, and wasm has 2 here",
    );
  });
});

/** A kernel of one loop over threads, and what is done in it. */
const threadsOf = (body: string, extent = 8): LoweredProgram =>
  parseProgram(`program p
  threads 4
  input x: f32[8] = %x
  output y: f32[8]  # %0
  return y=y

kernel k
  flops 8
  schedule plain
  threads 4
  read x: f32[8]
  write y: f32[8]
  for i0 in ${extent} thread
${body}
`);

describe("threads may divide", () => {
  test("turns that are independent", () => {
    requireFit(threadsOf("    y[i0] = x[i0]"), "parallelize", threaded);
    requireFit(threadsOf("    for i1 in 2 serial\n      y[i0 * 2 + i1] = x[i0]", 4), "parallelize", threaded);
  });

  test.each([
    ["turns that store in one element", "    y[0] = x[i0]"],
    ["turns that may", "    y[i0 / 2] = x[i0]"],
    ["work beside the loop", "    y[i0] = x[i0]\n  y[0] = 0.0"],
    ["loops within each other", "    for i1 in 1 thread\n      y[i0 + i1] = x[i0]"],
  ])("not %s", (_what, body) => {
    expect(() => requireFit(threadsOf(body), "parallelize", threaded)).toThrow(
      /^kernel k has a thread loop whose iterations may access/,
    );
  });
});

test("a kernel that is still to be scheduled is a nest of grid loops around stores", async () => {
  const text = (body: string) => `program p
  input x: f32[8] = %x
  output y: f32[8]  # %0
  return y=y

kernel k   at net.ts:3
  flops 8
  read x: f32[8]
  write y: f32[8]
${body}
`;
  const compiled = (body: string, backend: string) => compileArtifact(parseProgram(text(body)), { backend });
  const { stages } = await compiled("  for i0 in 8 grid\n    let t = x[i0]\n    y[i0] = t * t", "wasm");
  expect(stages.map(({ name }) => name)).toEqual([...PROGRAM_STAGES, "plan-memory", "source"]);
  for (const body of [
    "  for i0 in 8 serial\n    y[i0] = x[i0]",
    "  for i0 in 8 grid\n    if x[i0] > 0.0\n      y[i0] = x[i0]",
    "  for i0 in 8 grid\n    y[i0] = x[i0]\n  y[0] = 0.0",
  ]) {
    await expect(compiled(body, "js")).rejects.toThrow(
      /^kernel k is still to be scheduled, and then holds grid loops .* \(net\.ts:3\)$/,
    );
  }
});

/** A program that copies the first number of an input of so many. */
const firstOf = (shape: string): string => `program p
  input x: f32[${shape}] = %x
  output y: f32[1]  # %0
  return y=y

kernel k
  flops 1
  read x: f32[1]
  write y: f32[1]
  y[0] = x[0]
`;

test("memory that is not available is a line", async () => {
  await expect(compileArtifact(parseProgram(firstOf("1000000,1000000")), { backend: "js" })).rejects.toThrow(
    /^this model needs 3814698 MB, but JavaScript arrays hold at most 4096 MB: use a smaller batch, or the c backend, which takes as much as the machine has$/,
  );
});

test("memory that the engine refuses elsewhere is a line, too", async () => {
  vi.spyOn(js, "compile").mockRejectedValueOnce(new RangeError("Array buffer allocation failed"));
  await expect(compileArtifact(parseProgram(firstOf("1")), { backend: "js" })).rejects.toThrow(
    /^js cannot have the memory, \d+ bytes and 0 for states: Array buffer allocation failed$/,
  );
});

test("a stack that is too short is not taken for missing memory", async () => {
  vi.spyOn(js, "compile").mockRejectedValueOnce(new RangeError("Maximum call stack size exceeded"));
  await expect(compileArtifact(parseProgram(firstOf("1")), { backend: "js" })).rejects.toThrow(
    /^the kernels hold expressions that are nested too deeply for js$/,
  );
});
