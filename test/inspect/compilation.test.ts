/** A compilation as data, and the story of each of its kernels. */

import { beforeAll, describe, expect, test } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { type DumpJson, dumpJson, jsonText } from "../../src/inspect/json.ts";
import { kernelStory, storyNames } from "../../src/inspect/kernel-story.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { opTable } from "../../src/ops/registry.ts";
import type { Compilation } from "../../src/runtime/inspection/figures.ts";
import { NESTED } from "../support/loops.ts";
import { compilationOf, lenetTraining } from "../support/stages.ts";

let compilation: Compilation;
let json: DumpJson;

beforeAll(async () => {
  compilation = await compilationOf(lenetTraining(2));
  const dump = dumpJson({ file: "lenet.ts", mode: "training" }, compilation, compilation.stages);
  json = JSON.parse(jsonText(dump)) as DumpJson;
});

describe("a dump as JSON", () => {
  test("names its schema, its subject and all stages", () => {
    expect(json).toMatchObject({ kilnDump: 1, file: "lenet.ts", mode: "training", backend: "js" });
    expect(json.stages.map(({ name }) => name)).toEqual(STAGES.map(({ name }) => name));
    const forms = json.stages.map(({ form }) => form);
    expect([...new Set(forms)]).toEqual(["graph", "kernels", "plan", "code"]);
    expect(forms.indexOf("kernels")).toBe(STAGES.findIndex(({ name }) => name === "lower"));
    expect(forms.slice(-3)).toEqual(["kernels", "plan", "code"]);
    expect(json.stages.find(({ name }) => name === "cse")?.unchanged).toBe(true);
  });

  test("has graphs as data that say what their texts say", () => {
    for (const { graph, text, name } of json.stages) {
      if (graph === undefined) continue;
      const parsed = parseGraph(text, opTable);
      expect(
        graph.nodes.map(({ op, shape }) => [op, shape]),
        name,
      ).toEqual(parsed.nodes.map(({ op, type }) => [op, type.shape]));
      expect(graph.updates.length, name).toBe(parsed.updates.length);
      const known = new Set([...graph.inputs, ...graph.nodes].map(({ id }) => id));
      const used = [
        ...graph.nodes.flatMap(({ inputs }) => inputs),
        ...graph.outputs.map(({ value }) => value),
      ];
      expect(used.filter((id) => !known.has(id))).toEqual([]);
    }
  });

  test("has bodies of loops as graphs, in which nothing stands twice", async () => {
    const graph = parseGraph(NESTED, opTable);
    const trace = { graph, states: new Map(), parameters: [], inputs: [] };
    const compiled = await compilationOf({ trace });
    const { stages } = JSON.parse(
      jsonText(dumpJson({ file: "nested", mode: "forward" }, compiled, compiled.stages)),
    ) as DumpJson;
    const [scan] = stages[0].graph!.nodes;
    expect(scan).toMatchObject({ op: "scan", others: [{ dtype: "float32", shape: [3, 4] }] });
    expect(scan.attrs.body).toMatchObject({
      name: "outer",
      nodes: [
        { attrs: { body: { name: "inner", outputs: [{ name: "g", value: "%2" }, { value: "%3" }] } } },
        {},
        {},
        {},
      ],
    });
  });

  test("has every kernel with its work, its code and its buffers, and the memory plan", () => {
    for (const kernel of json.kernels) {
      expect(kernel.origins.length, kernel.name).toBeGreaterThan(0);
      expect(kernel.source, kernel.name).toContain(`function ${kernel.name}(`);
      const bytes = kernel.buffers.reduce((sum, b) => sum + b.length * (b.dtype === "uint8" ? 1 : 4), 0);
      expect(kernel.bytes, kernel.name).toBe(bytes);
      expect(kernel.intensity).toBe(kernel.flops / kernel.bytes);
    }
    const { memory } = json;
    expect(memory.peakBytes).toBeLessThanOrEqual(memory.arenaBytes);
    expect(memory.arenaBytes).toBeLessThanOrEqual(memory.unsharedBytes + 64 * memory.placements.length);
    expect(json.kernels.map(({ name }) => name)).toContain(memory.peakKernel);
  });
});

describe("the story of a kernel", () => {
  test("is there for every kernel, and its parts are all kernels of the plan, each once", () => {
    const lowered = compilation.stages.find(({ name }) => name === "lower")!.text.match(/^kernel \S+/gm)!;
    const parts = lowered.flatMap((line) => {
      const story = kernelStory(compilation, line.replace("kernel ", ""))!;
      expect(story.nodes.length, line).toBeGreaterThan(0);
      expect(story.lowered).toContain(line);
      return story.parts.map(({ info }) => info.name);
    });
    expect(parts.sort()).toEqual(compilation.plan.kernels.map(({ name }) => name).sort());
  });

  test("leads from the model's lines to the code", () => {
    const story = kernelStory(compilation, "max_pool2d_grad_conv2d_weight_grad")!;
    expect(story.origins[0].file).toBe("examples/lenet.ts");
    expect(story.nodes.some((line) => line.includes("= conv2d_weight_grad("))).toBe(true);
    expect(story.lowered).not.toContain("schedule");
    const steps = story.parts.flatMap(({ scheduled }) => scheduled.schedule ?? []);
    expect(steps.map(({ kind }) => kind)).toContain("compact");
    for (const { text, info } of story.parts) {
      expect(text).toContain(`kernel ${info.name}`);
      expect(info.source).toContain(`function ${info.name}(`);
    }
  });

  test("of one part shows that part alone", () => {
    const name = compilation.plan.kernels
      .map((kernel) => kernel.name)
      .find((known) => known.endsWith("_lists"))!;
    const story = kernelStory(compilation, name)!;
    expect(story.parts.map(({ info }) => info.name)).toEqual([name]);
    expect(story.nodes.some((line) => line.includes("conv2d_weight_grad"))).toBe(true);
  });

  test("is not there for a kernel that is not", () => {
    expect(kernelStory(compilation, "conv3d")).toBeUndefined();
    expect(storyNames(compilation)).not.toContain("conv3d");
  });
});
