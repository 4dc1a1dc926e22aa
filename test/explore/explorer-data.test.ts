/** The data of the explorer's page: its texts are those of the dumps, and its links follow the origins. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import LeNet from "../../examples/lenet.ts";
import { compileTraining } from "../../src/compile.ts";
import type { BackendView, Block, ExplorerData, Stage } from "../../src/explore/data.ts";
import { explorerData, type Subject } from "../../src/explore/explorer-data.ts";
import { closest, type Link } from "../../src/explore/link.ts";
import { CrossEntropyLoss } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import type { Compilation } from "../../src/runtime/inspection/figures.ts";

const PATH = "examples/lenet.ts";
const SOURCE = readFileSync(new URL(`../../${PATH}`, import.meta.url), "utf8");
const BACKENDS = ["wasm", "js"] as const;

const subjects: Subject[] = [];
let data: ExplorerData;

beforeAll(async () => {
  for (const backend of BACKENDS) {
    const net = new LeNet();
    const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
    const loss = new CrossEntropyLoss();
    const trainer = await compileTraining(net, {
      inputs: [[4, 1, 32, 32]],
      loss,
      optimizer,
      backend,
      threads: 1,
    });
    const { compilation } = trainer;
    const kernels = trainer.kernels.map((kernel, k) => ({ ...kernel, milliseconds: k + 1, gflops: 2 }));
    const profile = { milliseconds: 5, runs: 3, kernels };
    subjects.push({ compilation, profile: backend === "js" ? undefined : profile });
    await trainer.dispose();
  }
  data = explorerData({
    model: "lenet.ts",
    mode: "training",
    machine: "here",
    sources: [{ path: PATH, text: SOURCE }],
    subjects,
  });
});

const stageOf = (view: BackendView, name: string): Stage => view.stages.find((s) => s.name === name)!;
const linesOf = (view: BackendView, stage: string): readonly Block[] =>
  data.documents[stageOf(view, stage).document].filter(({ change }) => change !== "removed");
const linkOf = (line: number): Link => data.sources[0].lines[line - 1].link;
const litBy = (subject: Link, blocks: readonly Block[]): readonly Block[] =>
  closest(
    subject,
    blocks.map(({ link }) => link),
  ).map((k) => blocks[k]);
const kernelsLitBy = (subject: Link, blocks: readonly Block[]): readonly (string | undefined)[] =>
  litBy(subject, blocks).map(({ kernel }) => kernel);

describe("documents", () => {
  test.each(BACKENDS)("contain the exact text of the stages of %s", (name) => {
    const k = BACKENDS.indexOf(name);
    const { stages }: Compilation = subjects[k].compilation;
    expect(data.backends[k].stages.map((s) => s.name)).toEqual(stages.map((s) => s.name));
    for (const { name: stage, text } of stages) {
      const shown = linesOf(data.backends[k], stage).map((block) => block.text);
      const isGraph = text.startsWith("graph ");
      expect(shown.join(isGraph ? "\n" : "\n\n"), stage).toBe(text);
    }
  });

  test("shared by both backends are stored once", () => {
    const [wasm, js] = data.backends;
    for (const stage of ["trace", "simplify", "dce"]) {
      expect(stageOf(js, stage).document, stage).toBe(stageOf(wasm, stage).document);
      expect(stageOf(js, stage).drawing, stage).toBe(stageOf(wasm, stage).drawing);
    }
    expect(stageOf(js, "schedule").document).not.toBe(stageOf(wasm, "schedule").document);
  });

  test("mark the lines that a stage adds or removes", () => {
    const [{ stages }] = data.backends;
    const simplify = data.documents[stages.find(({ name }) => name === "simplify")!.document];
    const before = new Set(linesOf(data.backends[0], "training-step").map(({ text }) => text));
    const removed = simplify.filter(({ change }) => change === "removed");
    expect(removed.length).toBeGreaterThan(0);
    for (const { text } of removed) expect(before).toContain(text);
    expect(simplify.some(({ change }) => change === "added")).toBe(true);
    expect(data.documents[stages[0].document].every(({ change }) => change === undefined)).toBe(true);
  });
});

describe("links", () => {
  test("a line of the model leads to the nodes with that origin, at every stage", () => {
    for (const stage of ["trace", "training-step", "dce", "layout"]) {
      const lines = linesOf(data.backends[0], stage);
      const named = lines.filter(({ text }) => / {3}at .*examples\/lenet\.ts:20\b/.test(text));
      expect(named.length, stage).toBeGreaterThan(1);
      expect(litBy(linkOf(20), lines), stage).toEqual(expect.arrayContaining([...named]));
    }
  });

  test("a line that creates no nodes leads nowhere", () => {
    expect(litBy(linkOf(5), linesOf(data.backends[0], "layout"))).toEqual([]);
  });

  test("a node leads only to its own line", () => {
    const node = linesOf(data.backends[0], "layout").find(({ text }) => / = conv2d\(%x,/.test(text))!;
    const lines = litBy(node.link, data.sources[0].lines);
    expect(lines.map(({ text }) => text.trim())).toEqual([
      "x = F.maxPool2d(F.relu(this.conv1.forward(x)), [2, 2]);",
    ]);
  });

  test("a group leads to its nodes, to its loops and to the code of each backend", () => {
    const [wasm, js] = data.backends;
    const fused = linesOf(wasm, "fuse");
    const group = fused.find(({ text }) => text.startsWith("  group conv2d_relu_max_pool2d:"))!;
    const nodes = litBy(group.link, fused).filter(({ text }) => text.includes(" = "));
    expect(nodes.map(({ text }) => / = (\w+)\(/.exec(text)?.[1])).toEqual([
      ...["conv2d", "relu", "max_pool2d", "result_of"],
    ]);
    expect(kernelsLitBy(group.link, linesOf(wasm, "lower"))).toEqual(["conv2d_relu_max_pool2d"]);
    expect(kernelsLitBy(group.link, data.documents[js.code])).toEqual(["conv2d_relu_max_pool2d"]);
    expect(kernelsLitBy(group.link, data.documents[wasm.code])).toContain("conv2d_relu_max_pool2d");
    for (const kernel of kernelsLitBy(group.link, data.documents[wasm.code])) {
      expect(kernel).toMatch(/^conv2d_relu_max_pool2d(_[a-z]+\d*)?$/);
    }
  });

  test("generated code of one backend leads to the same kernel of the other", () => {
    const [wasm, js] = data.backends;
    for (const { link, kernel } of data.documents[js.code]) {
      const found = kernelsLitBy(link, data.documents[wasm.code]);
      expect(found.length, kernel).toBeGreaterThan(0);
      if (data.documents[wasm.code].some((block) => block.kernel === kernel)) expect(found).toEqual([kernel]);
    }
  });

  test("drawings contain all boxes, and each has a link", () => {
    expect(data.drawings.length).toBeGreaterThan(8);
    for (const { groups, boxes, arrows } of data.drawings) {
      const computed = boxes.filter(({ kind }) => kind === "op" || kind === "kernel");
      expect(computed.length).toBeGreaterThan(0);
      for (const { name, link } of computed) expect(link.origins.length, name).toBeGreaterThan(0);
      for (const [k, { parent, link }] of groups.entries()) {
        expect(parent).toBeLessThan(k);
        expect(link.origins.length).toBeGreaterThan(0);
      }
      for (const { from, to } of arrows) expect(boxes[from] && boxes[to]).toBeDefined();
    }
  });

  test("boxes are grouped by phase, module and kernel", () => {
    const { groups, boxes } = data.drawings[stageOf(data.backends[0], "layout").drawing];
    const pathOf = (parent: number): readonly string[] =>
      parent < 0 ? [] : [...pathOf(groups[parent].parent), groups[parent].title];
    const conv = boxes.find(({ title }) => title === "conv2d")!;
    expect(pathOf(conv.parent)).toEqual(["forward pass", "conv1", "conv2d_relu_max_pool2d"]);
    const traced = data.drawings[stageOf(data.backends[0], "trace").drawing];
    expect(traced.groups.map(({ title }) => title)).toEqual(["conv1", "conv2", "fc1", "fc2", "fc3"]);
    const phases = groups.filter(({ parent }) => parent < 0).map(({ title }) => title);
    expect(phases.toSorted()).toEqual(["backward pass", "forward pass", "update"]);
  });

  test("a buffer belongs to the kernels that access it", () => {
    const [wasm] = data.backends;
    const target = wasm.memory.placements.find(({ label }) => label.startsWith("target:"))!;
    const rows = litBy(
      target.link,
      wasm.kernels.map(({ name, link }) => ({ text: "", kernel: name, link })),
    );
    const { plan } = subjects[0].compilation;
    const touching = plan.kernels.filter(({ buffers }) => buffers.some(({ value }) => value === "%target"));
    expect(rows.map(({ kernel }) => kernel)).toEqual(touching.map(({ name }) => name));
  });
});

test("kernels have times only if they were measured", () => {
  const [wasm, js] = data.backends;
  expect(wasm.kernels.map(({ milliseconds }) => milliseconds)).toEqual(wasm.kernels.map((_, k) => k + 1));
  expect(wasm.milliseconds).toBe(5);
  expect(js.milliseconds).toBeUndefined();
  expect(js.kernels.every(({ milliseconds }) => milliseconds === undefined)).toBe(true);
});

test("control characters of a source are replaced, tabs are kept", () => {
  const text = "\tconst a = 1; // \u202egnp.exe\u001b[2J\r\n\n";
  const { sources } = explorerData({
    ...{ model: "m", mode: "forward", machine: "" },
    sources: [{ path: "m.ts", text }],
    subjects: [],
  });
  expect(sources[0].lines.map((line) => line.text)).toEqual(["\tconst a = 1; // ?gnp.exe?[2J"]);
});
