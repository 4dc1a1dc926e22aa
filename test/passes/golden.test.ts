/** Golden dumps of LeNet and the CIFAR-10 net, stage by stage, and of LeNet in vectors. `npm run golden` writes them anew. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { createWasmBackend } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { dotText } from "../../src/inspect/dot.ts";
import { graphPicture } from "../../src/inspect/graph-picture.ts";
import { isGraph, type StageDump } from "../../src/ir/artifact.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph } from "../../src/ir/types.ts";
import { parseProgram } from "../../src/loop/parse.ts";
import { opTable } from "../../src/ops/registry.ts";
import { describeGraph } from "../support/describe-graph.ts";
import { oneIn, randomRuns } from "../support/extent.ts";
import { randomConvNet, randomGraph, randomLoss } from "../support/random-graph.ts";
import {
  cifar10Forward,
  cifar10Training,
  compilationOf,
  lenetForward,
  lenetTraining,
  type Source,
  stagesOf,
} from "../support/stages.ts";

const NETS: readonly (readonly [name: string, source: Source])[] = [
  ["lenet-forward", lenetForward(2)],
  ["lenet-training", lenetTraining(2)],
  ["cifar10-forward", cifar10Forward(2)],
  ["cifar10-training", cifar10Training(2)],
];

/** The graphs among stages, by stage. */
const graphsOf = (stages: readonly StageDump[]): [string, Graph][] =>
  stages.flatMap(({ name, artifact }): [string, Graph][] => (isGraph(artifact) ? [[name, artifact]] : []));

function expectRoundTrip(name: string, graph: Graph): Graph {
  const text = printGraph(graph);
  const back = parseGraph(text, opTable);
  expect(printGraph(back), name).toBe(text);
  expect(describeGraph(back), name).toEqual(describeGraph(graph));
  return back;
}

describe.each(NETS)("%s", (name, source) => {
  test("its stages are those on file, and so is its picture", async () => {
    const { stages } = await compilationOf(source);
    for (const stage of stages) {
      // There is nothing to join for one thread.
      if (stage.name === "join-kernels") expect(stage.unchanged).toBe(true);
      else await expect(`${stage.text}\n`).toMatchFileSnapshot(`../golden/${name}-${stage.name}.txt`);
    }
    const [, last] = graphsOf(stages).at(-1)!;
    await expect(`${dotText(graphPicture(last))}\n`).toMatchFileSnapshot(`../golden/${name}-layout.dot`);
  });

  test("every graph reads back, and goes on from there to the same kernels, plan and code", async () => {
    const { stages } = await compilationOf(source);
    const ends = (dumps: readonly StageDump[]): string[] => dumps.slice(-10).map(({ text }) => text);
    for (const [stage, graph] of oneIn(3, graphsOf(stages))) {
      const back = expectRoundTrip(stage, graph);
      // The traced loss is not a training step yet: nothing in it says what to derive.
      if (source.update && ["trace", "canonicalize", "autodiff"].includes(stage)) continue;
      const again = await compileArtifact(back, { backend: js.name, start: { name: stage, doc: "" } });
      expect(ends(again.stages), stage).toEqual(ends(stages));
    }
  });

  test.each(oneIn(3, [js.name, "wasm", "gpujs:cpu"]))(
    "all kernels read back, and go on from there to the same kernels, plan and code (%s)",
    async (backend) => {
      const { stages } = await compilationOf(source, await backendNamed(backend));
      const programs = stages.filter(({ name, artifact }) => !isGraph(artifact) && name !== "source");
      expect(programs.map(({ name }) => name)).toEqual([
        ...[
          "lower",
          "schedule",
          "order",
          "share-panels",
          "prepare",
          "lower-reductions",
          "strength-reduction",
          "parallelize",
        ],
        "join-kernels",
        "plan-memory",
      ]);
      for (const [k, { name: stage, text, artifact }] of oneIn(3, [...programs.entries()])) {
        const back = parseProgram(text);
        expect(back).toEqual(artifact);
        const again = await compileArtifact(back, { backend, start: { name: stage, doc: "" } });
        expect(again.stages.map((s) => [s.name, s.text])).toEqual(
          stages.slice(k - 11).map((s) => [s.name, s.text]),
        );
        // Where nobody says from which stage a text is, what passes do once more changes nothing.
        const told = await compileArtifact(back, { backend });
        for (const { plan } of [again, told]) expect(plan).toEqual(stages.at(-1)!.artifact);
      }
    },
  );
});

describe("LeNet in vectors", () => {
  // The same on every machine: neither its processors nor its multiply-add show.
  const wasm = createWasmBackend({ threads: 1, deterministic: true });

  test.each([
    ["lenet-forward", lenetForward(2)],
    ["lenet-training", lenetTraining(2)],
  ])("the schedules of %s are those on file", async (name, source) => {
    const { text } = stagesOf(source, wasm)
      .stages()
      .find((stage) => stage.name === "schedule")!;
    await expect(`${text}\n`).toMatchFileSnapshot(`../golden/${name}-schedule-wasm.txt`);
  });

  test("the code of a forward pass is that on file", async () => {
    // Winograd's transforms are two thousand lines of the same few instructions; their loops are among the schedules.
    const plan = stagesOf(lenetForward(2), wasm, { winograd: false }).plan;
    const memory = wasm.createStateMemory();
    memory.allocate(plan.states);
    const { sources } = await wasm.compile(plan, memory);
    const text = sources.map((source) => source.text).join("\n\n");
    await expect(`${text}\n`).toMatchFileSnapshot("../golden/lenet-forward-source-wasm.txt");
  });
});

test("every node and kernel of LeNet's training step names a line of the model", () => {
  const manager = stagesOf(lenetTraining(2));
  for (const [name, graph] of manager.graphs) {
    for (const node of graph.nodes) {
      const origins = graph.origins.get(node) ?? [];
      expect(origins.length, `${name}: ${node.op}`).toBeGreaterThan(0);
    }
  }
});

/** Graphs of each kind; a night's run may ask for more, and for others. */
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 6, 25);

describe("random graphs read back after every pass:", () => {
  test.each([
    ["forward", randomGraph, false],
    ["with gradients", randomLoss, true],
    ["convolutions with gradients", randomConvNet, true],
  ] as const)("%s", (_kind, graphs, isLoss) => {
    fc.assert(
      fc.property(graphs, ({ graph }) => {
        const states = graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
        const start = isLoss ? autodiff(states).run(graph) : graph;
        const manager = stagesOf(
          { trace: { graph: start, states: new Map(), parameters: [], inputs: [] } },
          js,
        );
        for (const [name, made] of manager.graphs) expectRoundTrip(name, made);
      }),
      RUNS,
    );
  });
});
