/** The layout pass: which values lie otherwise than row-major, and what lowering and scheduling make of that. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { layout, type StateLayouts } from "../../../passes/graph/layout.ts";
import { partition } from "../../../passes/graph/partition.ts";
import { lower } from "../../../passes/lowering/lower.ts";
import { PassManager } from "../../../passes/manager.ts";
import { runPipeline } from "../../../passes/pipeline.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { printGraph } from "../../../src/ir/print.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { printProgram } from "../../../src/loop/program.ts";
import { CrossEntropyLoss } from "../../../src/nn/index.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { SGD } from "../../../src/optim/index.ts";
import { traceLoss } from "../../../src/trace/trace.ts";
import { draw, generator } from "../../support/draw.ts";
import { Cifar10Net } from "../../support/nets.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";

const wasm = createWasmBackend({ deterministic: true });
const { capabilities } = wasm;

const GEOMETRY = "dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]";

/** A convolution, its weight gradient, and an update with momentum. */
const STEP = `graph step(%x: f32[2,4,6,6], %ct: f32[2,8,4,4]) params(@w: f32[8,4,3,3], @m: f32[8,4,3,3]) scalars($lr: f32[]) {
  %0: f32[2,8,4,4] = conv2d(%x, @w) {${GEOMETRY}}
  %1: f32[8,4,3,3] = conv2d_weight_grad(%x, %ct) {${GEOMETRY}, kernelSize=[3,3]}
  %2: f32[8,4,3,3] = add(@m, %1)
  %3: f32[8,4,3,3] = mul(%2, $lr)
  %4: f32[8,4,3,3] = sub(@w, %3)
  return y=%0
  update @w = %4
  update @m = %2
}`;

function arranged(text: string, vectorWidth = 4, known?: StateLayouts): Graph {
  const passes = [partition, fuse(capabilities), layout({ vectorWidth }, known)];
  const graph = passes.reduce((g, pass) => pass.run(g), parseGraph(text, opTable));
  const printed = printGraph(graph);
  expect(printGraph(parseGraph(printed, opTable))).toBe(printed);
  return graph;
}

const layoutsOf = (graph: Graph): string[] =>
  printGraph(graph)
    .split("\n")
    .filter((line) => line.startsWith("  layout "))
    .map((line) => line.trim());

describe("the choice", () => {
  test("a convolution's weight, its gradient and its moment lie with the channels innermost", () => {
    expect(layoutsOf(arranged(STEP)).slice(0, 3)).toEqual([
      "layout @w = [0,2,3,1]",
      "layout @m = [0,2,3,1]",
      "layout %1 = [0,2,3,1]",
    ]);
  });

  test("without vectors everything is row-major", () => {
    expect(layoutsOf(arranged(STEP, 1))).toEqual([]);
  });

  test("what another program has settled stays, and what goes with it follows", () => {
    expect(layoutsOf(arranged(STEP, 4, new Map([["w", [0, 1, 2, 3]]])))).toEqual([]);
    expect(layoutsOf(arranged(STEP, 4, new Map([["w", [1, 0, 2, 3]]]))).slice(0, 3)).toEqual([
      "layout @w = [1,0,2,3]",
      "layout @m = [1,0,2,3]",
      "layout %1 = [1,0,2,3]",
    ]);
    // Two programs may have settled differently: each state keeps what it has.
    expect(
      layoutsOf(
        arranged(
          STEP,
          4,
          new Map([
            ["w", [0, 2, 3, 1]],
            ["m", [0, 1, 2, 3]],
          ]),
        ),
      ).slice(0, 2),
    ).toEqual(["layout @w = [0,2,3,1]", "layout %1 = [0,2,3,1]"]);
  });

  test("an update alone gives a moment the layout of its parameter", () => {
    const text = `graph update() params(@w: f32[8,4,3,3], @sum: f32[8,4,3,3], @m: f32[8,4,3,3]) {
  %0: f32[8,4,3,3] = add(@m, @sum)
  %1: f32[8,4,3,3] = sub(@w, %0)
  return
  update @w = %1
  update @m = %0
}`;
    const known = new Map([["w", [0, 2, 3, 1]]]);
    expect(layoutsOf(arranged(text, 4, known)).slice(0, 3)).toEqual([
      "layout @w = [0,2,3,1]",
      "layout @sum = [0,2,3,1]",
      "layout @m = [0,2,3,1]",
    ]);
  });

  test("results and what a reshape reads stay row-major", () => {
    const text = `graph g(%x: f32[2,4,6,6], %ct: f32[2,8,4,4]) params(@w: f32[8,4,3,3]) {
  %0: f32[8,4,3,3] = conv2d_weight_grad(%x, %ct) {${GEOMETRY}, kernelSize=[3,3]}
  %1: f32[2,4,6,6] = conv2d_input_grad(%ct, @w) {${GEOMETRY}, inputSize=[6,6]}
  %2: f32[8,4,3,3] = sub(@w, %0)
  return gradient=%0, x=%1
  update @w = %2
}`;
    // %2 lives in the state alone.
    expect(layoutsOf(arranged(text))).toEqual(["layout @w = [0,2,3,1]", "layout %2 = [0,2,3,1]"]);
  });

  test("one channel or one tap leaves nothing to move", () => {
    const conv = (shape: string, x: string, y: string): string =>
      `graph g(%x: f32[${x}]) params(@w: f32[${shape}]) {
  %0: f32[${y}] = conv2d(%x, @w) {${GEOMETRY}}
  return y=%0
}`;
    expect(layoutsOf(arranged(conv("8,1,3,3", "2,1,6,6", "2,8,4,4")))).toEqual([]);
    expect(layoutsOf(arranged(conv("8,4,1,1", "2,4,6,6", "2,8,6,6")))).toEqual([]);
    expect(layoutsOf(arranged(conv("8,4,1,3", "2,4,6,6", "2,8,6,4")))).toEqual(["layout @w = [0,2,3,1]"]);
  });
});

describe("lowering", () => {
  const text = printProgram(lower.run(arranged(STEP)));

  test("loads and stores follow the layout, loops its order", () => {
    // Strides of [8,4,3,3] as [0,2,3,1]: 36, 1, 12, 4.
    expect(text).toContain("w[i1 * 36 + ky * 12 + kx * 4 + ci]");
    expect(text).toMatch(/for i0 in 8 grid\s+for i2 in 3 grid\s+for i3 in 3 grid\s+for i1 in 4 grid/);
    expect(text).toContain("intermediate conv2d_weight_grad: f32[8,4,3,3] in order [0,2,3,1]");
  });

  test("the update is one loop", () => {
    expect(text).toMatch(/for i0 in 288 grid/);
  });

  test("a view of a reordered state reads it in row-major order", () => {
    const graph = arranged(
      `graph g(%x: f32[2,4,6,6]) params(@w: f32[8,4,3,3]) {
  %0: f32[2,8,4,4] = conv2d(%x, @w) {${GEOMETRY}}
  %1: f32[32,9] = reshape(@w) {shape=[32,9]}
  %2: f32[32,9] = relu(%1)
  return y=%0, z=%2
}`,
      4,
      new Map([["w", [0, 2, 3, 1]]]),
    );
    const printed = printProgram(lower.run(graph));
    expect(printed).toMatch(/for i0 in 32 grid\s+for i1 in 9 grid/);
    expect(printed).toContain("relu[i0 * 9 + i1] = max(w[");
  });
});

test("a state that takes its value through a reshape gets it in its own order", async () => {
  const text = `graph g(%x: f32[6,4]) params(@w: f32[2,3,2,2], @v: f32[24]) {
  %0: f32[6,4] = relu(%x)
  %1: f32[2,3,2,2] = reshape(%0) {shape=[2,3,2,2]}
  %2: f32[6,4] = exp(%x)
  %3: f32[24] = reshape(%2) {shape=[24]}
  return
  update @w = %1
  update @v = %3
}`;
  const graph = parseGraph(text, opTable);
  const x = Float32Array.from({ length: 24 }, (_, k) => k / 8);
  const layouts = new Map([["w", [0, 2, 3, 1]]]);
  const actual = await runGraph(graph, wasm, { x }, { layouts });
  expect([...actual["@w"]]).toEqual([...x]);
  const expected = await runGraph(graph, interpret, { x });
  // One exponential.
  expect(relativeError(actual["@v"], expected["@v"])).toBeLessThan(1e-6);
});

test("a step computes the same in whatever order its states lie, together or apart", async () => {
  const graph = parseGraph(STEP.replace("mul(%2, $lr)", "mul(%2, %2)"), opTable);
  const random = generator(7);
  const values = Object.fromEntries(graph.inputs.map(({ name, type }) => [name, draw(type, random)]));
  const expected = await runGraph(graph, interpret, values);
  const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
  await fc.assert(
    fc.asyncProperty(order, order, async (w, m) => {
      const layouts = new Map([
        ["w", w],
        ["m", m],
      ]);
      const actual = await runGraph(graph, wasm, values, { layouts });
      expect(Object.keys(actual)).toEqual(["y", "@w", "@m"]);
      // Sums of up to 36 products, in float32 against double.
      for (const [name, numbers] of Object.entries(actual))
        expect(relativeError(numbers, expected[name]), name).toBeLessThan(2e-6);
    }),
    { numRuns: 12, seed: 1 },
  );
});

test("the gradients of the CIFAR-10 net read weights in place and write theirs where they belong", () => {
  const net = new Cifar10Net();
  const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const trace = traceLoss(net, new CrossEntropyLoss(), [{ dtype: "float32", shape: [1, 3, 32, 32] }]);
  const plan = runPipeline(new PassManager(), trace.graph, {
    capabilities,
    strategy: "sparse",
    gradientsFor: trace.parameters,
    update: { groups: optimizer.paramGroups.map(({ rule }) => ({ rule })) },
  });
  const names = plan.kernels.map(({ name }) => name);
  // With 32 channels a row of taps is whole vectors; the first layer's 3 channels leave lanes over.
  expect(names.filter((name) => name.endsWith("_weights"))).toEqual([]);
  expect(names.filter((name) => /weight_grad.*_sums$/.test(name))).toEqual([
    "max_pool2d_grad_conv2d_weight_grad_3_sums",
  ]);
  const layouts = new Map(plan.states.map((state) => [state.name, state.layout]));
  for (const k of [0, 2, 4]) expect(layouts.get(`model.${k}.weight`)).toEqual([0, 2, 3, 1]);
  for (const k of [0, 2, 4])
    expect(layouts.get(`sgd.model.${k}.weight.momentum_buffer`)).toEqual([0, 2, 3, 1]);
  expect(layouts.get("model.7.weight")).toBeUndefined();
});
