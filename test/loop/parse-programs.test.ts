/** The kernels of every kind of backend read back: LeNet, the CIFAR-10 net and random graphs, lowered, scheduled and planned. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gpujsBackends } from "../../backends/gpujs/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { createWasmBackend } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { requireFit } from "../../src/driver/fit.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { visitStatements } from "../../src/loop/walk.ts";
import { OPS } from "../../src/ops/registry.ts";
import { oneIn, randomRuns } from "../support/extent.ts";
import { interpretProgram } from "../support/interpret-program.ts";
import { expectRoundTrip } from "../support/program-text.ts";
import { randomConvNet, randomGraph, randomLoss } from "../support/random-graph.ts";
import { differentiableInputs, graphOf, lossOf, sampleCases } from "../support/sample-cases.ts";
import { cifar10Forward, cifar10Training, lenetForward, lenetTraining, stagesOf } from "../support/stages.ts";

const [gpujs] = gpujsBackends();

const BACKENDS = [
  ["js", js, {}],
  ["wasm on one thread", createWasmBackend({ threads: 1 }), {}],
  ["wasm on three threads", createWasmBackend({ threads: 3 }), { divideAlways: true }],
  ["gpujs", gpujs, {}],
] as const;

describe.each(BACKENDS)("kernels for %s read back", (_name, backend, options) => {
  test.each(
    oneIn(2, [
      ["LeNet", lenetForward(3)],
      ["a training step of LeNet", lenetTraining(16)],
      ["the CIFAR-10 net", cifar10Forward(3)],
      ["a training step of the CIFAR-10 net", cifar10Training(8)],
    ] as const),
  )("%s", (_net, source) => {
    const { programs } = stagesOf(source, backend, options);
    expect(programs.map(([stage]) => stage)).toEqual([
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
    for (const [stage, program] of programs) expectRoundTrip(stage, program);
  });

  test.each([
    ["random graphs", randomGraph, false],
    ["random losses with their gradients", randomLoss, true],
    ["random convolutions with their gradients", randomConvNet, true],
  ] as const)("%s", (_kind, graphs, isLoss) => {
    fc.assert(
      fc.property(graphs, ({ graph, values }) => {
        const states = graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
        const start = isLoss ? autodiff(states).run(graph) : graph;
        const trace = { graph: start, states: new Map(), parameters: [], inputs: [] };
        for (const [stage, program] of stagesOf({ trace }, backend, options).programs) {
          const back = expectRoundTrip(stage, program);
          if (stage !== "schedule") continue;
          const bits = (p: LoweredProgram) => interpretProgram(p, values);
          expect(bits(back)).toEqual(bits(program));
        }
      }),
      randomRuns("KILN_RANDOM_GRAPHS", 3, 10),
    );
  });
});

/** Divided kernels of wasm hold all that those of one thread do. */
const DISTINCT = BACKENDS.filter(([name]) => name !== "wasm on one thread");

test.each(DISTINCT)("every op and its gradient reads back as kernels for %s", (_name, backend, options) => {
  const cases = oneIn(24, sampleCases(OPS));
  expect(cases.length).toBeGreaterThan(10);
  for (const sample of cases) {
    const wanted = differentiableInputs(sample);
    const graphs = [graphOf(sample), ...(wanted.length === 0 ? [] : [autodiff(wanted).run(lossOf(sample))])];
    for (const graph of graphs) {
      const trace = { graph, states: new Map(), parameters: [], inputs: [] };
      const { programs } = stagesOf({ trace }, backend, options);
      for (const [stage, program] of programs) {
        const back = expectRoundTrip(`${sample.label}, ${stage}`, program);
        if (stage !== "plan-memory") requireFit(back, stage, backend);
      }
    }
  }
});

test("the programs above hold vectors, threads, lists, private scratch, and Winograd's transforms", () => {
  const wasm = createWasmBackend({ threads: 3 });
  const scheduled = [lenetTraining(16), cifar10Forward(3)].flatMap((source) =>
    stagesOf(source, wasm, { divideAlways: true }).programs.flatMap(([, { kernels }]) => kernels),
  );
  const kinds = new Set<string>();
  for (const { body, buffers, schedule = [] } of scheduled) {
    visitStatements(body, (s) => kinds.add(s.kind === "for" ? `${s.loop} ${typeof s.extent}` : s.kind));
    if (buffers.some((b) => b.private)) kinds.add("private");
    for (const { kind } of schedule) if (kind === "winograd") kinds.add(kind);
  }
  expect([...kinds]).toEqual(
    expect.arrayContaining([
      "vector number",
      "thread number",
      "append",
      "section",
      "private",
      "winograd",
      "accumulator",
    ]),
  );
});
