/** The pass manager: every result is verified, failures name the pass, dumps say when nothing changed. */

import { describe, expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { planMemory } from "../../passes/codegen/plan-memory.ts";
import { PassManager } from "../../passes/manager.ts";
import type { Pass } from "../../passes/pass.ts";
import { runPipeline, STAGES } from "../../passes/pipeline.ts";
import { InternalError } from "../../src/core/errors.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { opTable } from "../../src/ops/registry.ts";
import { lenetTraining, stagesOf } from "../support/stages.ts";

const GRAPH = parseGraph(
  `graph net(%x: f32[2,3], %y: f32[2,3]) {
  %0: f32[2,3] = add(%x, %y)
  %1: f32[2,3] = relu(%0)
  return output=%1
}`,
  opTable,
);

const pass = (name: string, run: (graph: Graph) => Graph): Pass<Graph, Graph> => ({ name, doc: "", run });
const same = pass("nothing", (graph) => graph);
const renamed = pass("rename", (graph) => ({ ...graph, name: "other" }));

describe("a pass that breaks its graph", () => {
  const [add, relu] = GRAPH.nodes;
  const [x] = GRAPH.inputs;
  const breaks: Readonly<Record<string, (graph: Graph) => Graph>> = {
    "by a wrong type": (graph) => ({
      ...graph,
      nodes: [{ ...add, type: { dtype: "float32", shape: [3, 2] } }],
      outputs: [],
    }),
    "by a wrong order": (graph) => ({ ...graph, nodes: [relu, add] }),
    "by an op's operands": (graph) => ({
      ...graph,
      nodes: [{ ...add, inputs: [x, { ...x, type: { dtype: "float32", shape: [7] } }] }],
      outputs: [],
    }),
    "by an output that is gone": (graph) => ({ ...graph, nodes: [add] }),
  };

  test.each(Object.entries(breaks))("%s is named, and its result is not kept", (_how, run) => {
    const manager = new PassManager();
    const broken = () => manager.run(pass("scramble", run), GRAPH);
    expect(broken).toThrow(InternalError);
    expect(broken).toThrow(/^after pass scramble: /);
    expect(manager.stages()).toEqual([]);
  });

  test("by operands that the op's own rule refuses is named too", () => {
    const graph = parseGraph(
      `graph net(%x: f32[2,3], %y: f32[4]) {
  %0: f32[2,3] = relu(%x)
  return output=%0
}`,
      opTable,
    );
    const run = (g: Graph): Graph => ({
      ...g,
      nodes: [{ ...g.nodes[0], op: "add", inputs: g.inputs }],
      outputs: [],
    });
    expect(() => new PassManager().run(pass("scramble", run), graph)).toThrow(
      /^after pass scramble: .*add cannot combine shapes \[2,3\] and \[4\].*%0/s,
    );
  });
});

test("a pass that leaves a kernel out of bounds is named", () => {
  const program = stagesOf(lenetTraining(1)).artifacts.get("lower") as LoweredProgram;
  const shrink: Pass<LoweredProgram, LoweredProgram> = {
    name: "shrink",
    doc: "",
    run: (p) => ({
      ...p,
      kernels: p.kernels.map((k) => ({
        ...k,
        buffers: k.buffers.map((b) => ({ ...b, length: b.length - 1 })),
      })),
    }),
  };
  expect(() => new PassManager().run(shrink, program)).toThrow(
    /^after pass shrink: kernel \w+: .* is out of bounds$/m,
  );
});

test("where the plan alone is verified, the first pass at fault is named all the same", () => {
  const program = stagesOf(lenetTraining(1)).artifacts.get("parallelize") as LoweredProgram;
  const widen: Pass<LoweredProgram, LoweredProgram> = { name: "widen", doc: "", run: (p) => ({ ...p }) };
  const shrink: Pass<LoweredProgram, LoweredProgram> = {
    ...widen,
    name: "shrink",
    run: (p) => ({
      ...p,
      kernels: p.kernels.map((k) => ({
        ...k,
        buffers: k.buffers.map((b) => ({ ...b, length: b.length - 1 })),
      })),
    }),
  };
  const manager = new PassManager("plan");
  const broken = manager.run(widen, manager.run(shrink, program));
  expect(() => manager.run(planMemory, broken)).toThrow(
    /^after pass shrink: kernel \w+: .* is out of bounds$/m,
  );
});

test("stages come in the order in which they ran, with what they did, and say when that was nothing", () => {
  const manager = new PassManager();
  manager.start({ name: "trace", doc: "as traced" }, GRAPH, 3);
  manager.run(same, manager.run(renamed, manager.run(same, GRAPH)));
  expect(manager.stages().map(({ name, unchanged }) => [name, unchanged])).toEqual([
    ["trace", false],
    ["nothing", true],
    ["rename", false],
    ["nothing", true],
  ]);
  expect(manager.stages()[0]).toMatchObject({ doc: "as traced", milliseconds: 3 });
  expect(manager.stages()[2].text).toContain("graph other(");
});

test("the pipeline's passes are the stages that --stage knows, in its order", () => {
  const manager = stagesOf(lenetTraining(1));
  // `source` is the backend's: the pipeline ends with the plan.
  expect([...manager.stages().map(({ name }) => name), "source"]).toEqual(STAGES.map(({ name }) => name));
  for (const { doc } of manager.stages().slice(1)) expect(doc).toMatch(/^[A-Z].*\.$/);
});

test("a forward program has no autodiff and no training-step", () => {
  const manager = new PassManager();
  runPipeline(manager, GRAPH, { capabilities: js.capabilities });
  const names = manager.stages().map(({ name }) => name);
  expect(names).not.toContain("autodiff");
  expect(names).not.toContain("training-step");
  expect(names.at(-1)).toBe("plan-memory");
});

describe("an attempt", () => {
  test("that fails leaves no stage behind, and the next one is told from the same start", () => {
    const manager = new PassManager("plan");
    const start = manager.run(same, GRAPH);
    const failed = manager.attempt(() => {
      manager.run(renamed, start);
      throw new InternalError("no proof");
    });
    expect(failed).toBeUndefined();
    expect(manager.attempt(() => manager.run(renamed, start))?.name).toBe("other");
    expect(manager.stages().map(({ name }) => name)).toEqual(["nothing", "rename"]);
  });

  test("does not hide what is no fault of a pass", () => {
    const attempt = () =>
      new PassManager().attempt(() => {
        throw new RangeError("out of memory");
      });
    expect(attempt).toThrow(RangeError);
  });
});
