/** Loops against the same written out: results and gradients on every backend, and what a loop costs to compile. */

import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph } from "../../src/ir/types.ts";
import { parseProgram } from "../../src/loop/parse.ts";
import { type ProgramPlan, printPlan } from "../../src/loop/plan.ts";
import { verifyProgram } from "../../src/loop/verify-program.ts";
import { loopOf } from "../../src/ops/loop.ts";
import { opTable } from "../../src/ops/registry.ts";
import { draw, generator } from "../support/draw.ts";
import { EXCHANGE, LOOPS, MAPPED, recurrent } from "../support/loops.ts";
import { evaluateGraph } from "../support/reference.ts";
import { planOf, relativeError, runGraph, type Values } from "../support/run-graph.ts";
import { unrolled } from "../support/unrolled.ts";

const valuesOf = (graph: Graph): Values => {
  const random = generator(5);
  return Object.fromEntries(graph.inputs.map(({ name, type }) => [name, draw(type, random)]));
};

const statesOf = (graph: Graph): string[] =>
  graph.inputs.flatMap(({ role, name }) => (role === "state" ? [name] : []));

/**
 * A gradient is a sum over the iterations, each of a few dozen operations that round to float32 (6e-8); the interpreter
 * rounds to doubles.
 */
const BACKENDS: readonly (readonly [string, Backend, number, object])[] = [
  ["interpret", interpret, 1e-12, {}],
  ["js", js, 2e-6, {}],
  ["wasm", wasm.configured({ threads: 1 }), 5e-6, {}],
  ["wasm with two threads", wasm.configured({ threads: 2 }), 5e-6, { divideAlways: true }],
  ["gpujs:cpu", await backendNamed("gpujs:cpu"), 5e-6, {}],
  ["gpujs:webasm", await backendNamed("gpujs:webasm"), 5e-6, {}],
];

describe.each(LOOPS)("%s", (_, graph) => {
  const values = valuesOf(graph);
  const written = unrolled(graph);

  test("reads back from its text", () => {
    const text = printGraph(graph);
    expect(printGraph(parseGraph(text, opTable))).toBe(text);
  });

  test.each(BACKENDS)("gives what its iterations give on %s", async (_, backend, tolerance, options) => {
    const expected = evaluateGraph(written, values);
    const actual = await runGraph(graph, backend, values, options);
    for (const name of graph.outputs.map((o) => o.name))
      expect(relativeError(actual[name], expected[name])).toBeLessThanOrEqual(tolerance);
  });

  test.each(BACKENDS)("has the gradients of its iterations on %s", async (_, backend, tolerance, options) => {
    const wanted = { gradientsFor: statesOf(graph) };
    const onlyLoss = (g: Graph): Graph => ({ ...g, outputs: g.outputs.slice(0, 1) });
    const expected = await runGraph(onlyLoss(written), interpret, values, wanted);
    const actual = await runGraph(onlyLoss(graph), backend, values, { ...options, ...wanted });
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    for (const name of Object.keys(expected))
      expect(relativeError(actual[name], expected[name])).toBeLessThanOrEqual(tolerance);
  });
});

describe.each([interpret, js, wasm, await backendNamed("gpujs:cpu")])(
  "a loop of 64 steps on $name",
  (backend) => {
    const plans = [4, 64].map((steps) => {
      const graph = recurrent(steps);
      return planOf(graph, backend, { gradientsFor: statesOf(graph) });
    });

    test("has the kernels of one of 4, and no other text within the loop", () => {
      const [few, many] = plans.map(({ kernels }) => kernels.map(({ name }) => name));
      expect(many).toEqual(few);
      const inside = plans.map(({ kernels, loops = [] }) =>
        loops.flatMap(({ from, to }) => kernels.slice(from, to)),
      );
      expect(inside[1]).toEqual(inside[0]);
    });

    test("is planned alike, but for its iterations", () => {
      const steps = (plan: ProgramPlan) => plan.loops?.map(({ iterations: _, ...loop }) => loop);
      expect(steps(plans[1])).toEqual(steps(plans[0]));
      expect(plans[1].loops?.map(({ iterations }) => iterations)).toEqual([64, 64]);
    });
  },
);

test("bodies are simplified, and lose what nothing reads", () => {
  const graph = parseGraph(MAPPED, opTable);
  const { loops = [], buffers } = planOf(graph, js);
  expect(loops.map(({ after }) => after.map(({ to }) => to))).toEqual([
    [buffers.find((b) => b.value === "%0")!.name],
  ]);
});

test("what does not change in a loop is computed before it", () => {
  const graph = parseGraph(
    `graph fixed(%x: f32[4,8,64]) params(@w: f32[64,64]) {
  %0: f32[4,8,64] = scan(%x, @w) {body=graph each(%x: f32[8,64], %w: f32[64,64]) {
      %0: f32[64,64] = permute(%w) {dims=[1,0]}
      %1: f32[64] = sum(%0) {axes=[1], keepdim=false}
      %2: f32[8,64] = mul(%x, %1)
      return y=%2
    }, carried=0, descending=false, iterations=4, stacked=1}
  return y=%0
}`,
    opTable,
  );
  const { kernels, loops = [] } = planOf(graph, js);
  expect(loops).toHaveLength(1);
  const inside = kernels.slice(loops[0].from, loops[0].to);
  expect(inside.flatMap(({ ops }) => ops)).toEqual(["mul"]);
  expect(loops[0].from).toBeGreaterThan(0);
});

test("what iterations would add up of products is one product behind the loop", () => {
  const graph = recurrent(4);
  const step = autodiff(statesOf(graph)).run(graph);
  const back = step.nodes.findLastIndex(({ op }) => op === "scan");
  // The loop carries nothing but a state, and the one that goes back nothing but its gradient.
  expect(loopOf(step.nodes[back].attrs).carried).toBe(1);
  const behind = step.nodes.slice(back);
  expect(behind.filter(({ op }) => op === "matmul")).toHaveLength(2);
});

test("a plan with loops reads back from its text, and is held against what it says", () => {
  const graph = parseGraph(EXCHANGE, opTable);
  const plan = planOf(graph, js);
  const text = printPlan(plan);
  const back = parseProgram(text) as ProgramPlan;
  expect(printPlan(back)).toBe(text);
  expect(() => verifyProgram(back)).not.toThrow();
  const [loop] = plan.loops!;
  const faulty = (change: object): ProgramPlan => ({ ...plan, loops: [{ ...loop, ...change }] });
  expect(() => verifyProgram(faulty({ iterations: 4 }))).toThrow(
    /moves 2 elements in steps of 2, and \w+ has 6/,
  );
  expect(() => verifyProgram(faulty({ to: loop.from }))).toThrow("no range of kernels");
  expect(() => verifyProgram(faulty({ before: [] }))).toThrow("before any kernel writes it");
  const life = plan.placements.find(({ buffer }) => buffer === loop.before[0].to)!;
  const short = plan.placements.map((p) => (p === life ? { ...p, last: p.first - 1 } : p));
  expect(() => verifyProgram({ ...plan, placements: short })).toThrow(`${life.buffer} is alive from`);
});

describe("a loop is refused", () => {
  const graph = recurrent(5);
  const [node] = graph.nodes;
  const loop = loopOf(node.attrs);
  const infer = (change: object, inputs = node.inputs.map(({ type }) => type)) =>
    opTable.infer("scan", inputs, { ...node.attrs, ...change });

  test("whose elements are of another type", () => {
    expect(() => infer({ iterations: 6 })).toThrow(
      "input 1 is f32[5,2,4], and for x in its body it must be f32[6,2,4]",
    );
  });

  test("that is given too little", () => {
    expect(() => infer({}, [{ dtype: "float32", shape: [2, 3] }])).toThrow(
      "its body has 5 inputs, and it is given 1",
    );
  });

  test("that carries on another type than it takes", () => {
    const outputs = [{ name: "h", value: loop.body.inputs[1] }];
    expect(() => infer({ body: { ...loop.body, outputs } })).toThrow(
      "h is carried on as f32[2,4], and comes as f32[2,3]",
    );
  });

  test("of which more results are asked than there are", () => {
    const b = GraphBuilder.from(graph, opTable);
    expect(() => b.node("result_of", [graph.nodes[0]], { index: 2 })).toThrow(
      "result 2 is asked of an op that has 2",
    );
  });
});
