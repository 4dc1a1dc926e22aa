/** Kernels of one store and few inputs: what one element per thread asks of a program, whatever was fused before. */

import { expect, test } from "vitest";
import { PROCESSOR } from "../../../backends/processor.ts";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { autodiff } from "../../../passes/graph/autodiff.ts";
import { layout } from "../../../passes/graph/layout.ts";
import { lower } from "../../../passes/lowering/lower.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import type { Graph, Value } from "../../../src/ir/types.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { printKernel } from "../../../src/loop/print.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { interpretProgram } from "../../support/interpret-program.ts";
import { plannedFor } from "../../support/stages.ts";

const GPU: Capabilities = {
  ...PROCESSOR,
  prepares: false,
  schedules: false,
  vectorWidth: 1,
  registers: 1,
  loadsFirst: true,
  oneElementPerThread: true,
  maxInputs: 3,
  maxOutputs: 1,
  inPlace: false,
  scatter: false,
  threads: 1,
  tileGflops: 1,
  exactNaN: false,
};

const scheduled = (graph: Graph, capabilities: Capabilities): LoweredProgram =>
  plannedFor(capabilities, lower.run(layout(capabilities).run(fuse(capabilities).run(graph))));

/** The program has the form that GPUs take, and computes what the plain nests compute. */
function expectSame(graph: Graph): LoweredProgram {
  const program = scheduled(graph, GPU);
  for (const kernel of program.kernels) {
    expect(kernel.buffers.filter(({ access }) => access !== "read").length).toBe(1);
    expect(kernel.buffers.filter(({ access }) => access !== "write").length).toBeLessThanOrEqual(
      GPU.maxInputs,
    );
    expect(kernel.body).toMatchObject([{ kind: "for", loop: "thread" }]);
  }
  const values = Object.fromEntries(
    graph.inputs.map(({ name, type }, k) => [
      name,
      Float64Array.from(
        { length: type.shape.reduce((n, e) => n * e, 1) },
        (_, i) => ((i * 7 + k * 3) % 11) - 5,
      ),
    ]),
  );
  const plain = { ...GPU, oneElementPerThread: false, maxInputs: 99, maxOutputs: 99 };
  expect(interpretProgram(program, values)).toEqual(interpretProgram(scheduled(graph, plain), values));
  return program;
}

/** A graph of one output from as many inputs of shape [4, 5] as asked for. */
function graphOf(count: number, make: (b: GraphBuilder, inputs: Value[]) => Value): Graph {
  const b = new GraphBuilder(opTable);
  const inputs = Array.from({ length: count }, (_, k) =>
    b.input("state", `x${k}`, { dtype: "float32", shape: [4, 5] }),
  );
  return b.build("test", [{ name: "output", value: make(b, inputs) }]);
}

test("a long chain is cut into kernels of three inputs", () => {
  const graph = graphOf(9, (b, inputs) =>
    inputs.reduce((sum, x, k) => b.node(k % 2 === 0 ? "add" : "mul", [sum, x])),
  );
  expect(expectSame(graph).kernels.length).toBe(4);
});

test("a concatenation of many tensors, whose reads are guarded, is cut too", () => {
  const graph = graphOf(7, (b, inputs) => b.node("cat", inputs, { axis: 1 }));
  expect(expectSame(graph).kernels.length).toBeGreaterThan(1);
});

test("a product with a long chain inside its sum stores the chain first", () => {
  const graph = graphOf(8, (b, inputs) => {
    const chains = [inputs.slice(0, 4), inputs.slice(4)].map((part) =>
      part.reduce((sum, x) => b.node("add", [sum, x])),
    );
    return b.node("matmul", chains, { transposeA: false, transposeB: true });
  });
  expectSame(graph);
});

test("a row's reductions are computed once for each row", () => {
  const graph = graphOf(1, (b, [x]) => b.node("log_softmax", [x], { axis: 1 }));
  const program = expectSame(graph);
  expect(program.buffers.filter(({ role }) => role === "scratch").map(({ shape }) => shape)).toEqual([
    [4],
    [4],
  ]);
  expect(printKernel(program.kernels[2])).toMatchInlineSnapshot(`
    "kernel log_softmax
      ops log_softmax
      flops 60
      schedule map-to-threads
      read x0: f32[20]  # @x0
      write log_softmax: f32[20]  # %0
      read log_softmax_part1: f32[4]  # part of log_softmax
      read log_softmax_part2: f32[4]  # part of log_softmax
      for thread in 20 thread
        let i0 = thread / 5
        let p1 = i0 * 5
        let t0 = log_softmax_part1[i0]
        let t1 = log(log_softmax_part2[i0])
        let i1 = thread % 5
        let p0 = p1 + i1
        log_softmax[thread] = x0[p0] - t0 - t1"
  `);
});

test("kernels that write states come last and commit the step", () => {
  const graph = parseGraph(
    `graph step(%x: f32[4]) params(@m: f32[4], @w: f32[4]) {
  %0: f32[4] = mul(@m, %x)
  %1: f32[4] = add(@w, %0)
  update @m = %0
  update @w = %1
  return loss=%x
}
`,
    opTable,
  );
  const program = scheduled(graph, GPU);
  const written = program.kernels.map(({ buffers }) => buffers.find(({ access }) => access !== "read")!.name);
  expect(program.commitFrom).toBe(written.length - 2);
  expect(written.slice(program.commitFrom).sort()).toEqual(["m", "w"]);
});

test("gradients of a convolution with pooling take the same form", () => {
  const graph = parseGraph(
    `graph net(%x: f32[2,1,6,6]) params(@weight: f32[2,1,3,3], @bias: f32[2]) {
  %0: f32[2,2,6,6] = conv2d(%x, @weight, @bias) {stride=[1,1], padding=[1,1], dilation=[1,1], groups=1}
  %1: f32[2,2,6,6] = relu(%0)
  %2: (f32[2,2,3,3], u8[2,2,3,3], i32[2,2,3,3]) = max_pool2d(%1) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}
  %3: f32[] = sum(%2) {axes=[0,1,2,3], keepdim=false}
  return loss=%3
}
`,
    opTable,
  );
  expectSame(autodiff(["weight", "bias"]).run(graph));
});
