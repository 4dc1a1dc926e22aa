/** A kernel is what its schedule says: replayed from its text, the schedule of every kernel makes the same kernel again. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { js } from "../../../backends/js/backend.ts";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { PassManager } from "../../../passes/manager.ts";
import { lowerTraced } from "../../../passes/pipeline.ts";
import { apply } from "../../../passes/scheduling/apply.ts";
import { type ScheduleOptions, schedule, withScheduled } from "../../../passes/scheduling/schedule.ts";
import type { Graph } from "../../../src/ir/types.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { parseSchedule } from "../../../src/loop/parse-schedule.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { printSchedule, type Schedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { randomConvNet, randomLoss } from "../../support/random-graph.ts";
import {
  cifar10Forward,
  cifar10Training,
  lenetForward,
  lenetTraining,
  stagesOf,
} from "../../support/stages.ts";
import { strategiesFor } from "../../support/strategies.ts";

const BACKENDS = [js, createWasmBackend({ threads: 1 })];

/** The schedules that lowered kernels were given: each has made one kernel that says what all of it costs. */
function schedulesIn({ kernels }: LoweredProgram): readonly Schedule[] {
  return kernels.filter(({ estimate }) => estimate !== undefined).map((k) => k.schedule ?? []);
}

const withoutEstimates = ({ kernels }: LoweredProgram): readonly Kernel[] =>
  kernels.map(({ estimate: _, estimatedGflops: __, ...kernel }) => kernel);

/** Schedules a program, then makes every kernel once more from the text of its schedule. */
function expectReplay(
  program: LoweredProgram,
  capabilities: Capabilities,
  options: ScheduleOptions = {},
): number {
  const scheduled = schedule(capabilities, options).run(program);
  const schedules = schedulesIn(scheduled);
  expect(schedules.length).toBe(program.kernels.length);
  const made = program.kernels.map((kernel, k) => {
    // Among how many threads a kernel's work is divided is no matter of the kernel alone.
    const threads = { kind: "parallelize", loops: ["i0"], threads: 3 } as const;
    return apply(kernel, parseSchedule(printSchedule([...schedules[k], threads])));
  });
  expect(withoutEstimates(withScheduled(program, made))).toEqual(withoutEstimates(scheduled));
  return new Set(schedules.flatMap((steps) => steps.map(({ kind }) => kind))).size;
}

describe.each(BACKENDS)("on $name", (backend) => {
  test.each([
    ["LeNet, forward", lenetForward(8)],
    ["LeNet, training", lenetTraining(8)],
    ["the CIFAR-10 net, forward", cifar10Forward(4)],
    ["the CIFAR-10 net, training", cifar10Training(4)],
  ])("schedules of %s make their kernels again", (_, source) => {
    const program = stagesOf(source, backend).artifacts.get("lower") as LoweredProgram;
    expect(expectReplay(program, backend.capabilities)).toBeGreaterThan(1);
  });

  const { capabilities } = backend;
  const lowered = (graph: Graph): LoweredProgram => {
    const gradientsFor = graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
    return lowerTraced(new PassManager(), graph, { capabilities, gradientsFor });
  };

  test.each([undefined, ...strategiesFor(capabilities).map(({ name }) => name)])(
    "schedules of random graphs make their kernels again, strategy %s",
    (strategy) => {
      const options = strategy === undefined ? {} : { strategy };
      for (const graphs of [randomLoss, randomConvNet]) {
        fc.assert(
          fc.property(graphs, ({ graph }) => {
            expectReplay(lowered(graph), capabilities, options);
          }),
          { numRuns: 8, seed: 7 },
        );
      }
    },
  );
});
