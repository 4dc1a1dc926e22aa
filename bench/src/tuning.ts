/**
 * Checks the cost model's first choice: measures the scheduler's candidates for every kernel of a training step on
 * this machine and compares the fastest with the one chosen without tuning. Kernels that lose more than a
 * sixth are marked, with the model's price of the winner.
 *
 *   node --import tsx src/tuning.ts [--workloads lenet5,cifar10,gpt] [--batches 1,8,64] [--backend wasm]
 *     [--seconds 1.5] [--least 0.002] [--kernel NAME] [--all] [--cpu]
 *
 * `--seconds` is the time for each kernel, `--least` leaves out kernels that take fewer milliseconds, `--kernel` shows
 * every candidate of one kernel, `--all` tries them all and not only those that the model thinks possible. `--cpu`
 * counts the process's CPU time, which other processes disturb less than the time on the clock; it needs one thread and
 * an engine that compiles before it runs (`node --no-liftoff --import tsx src/tuning.ts --cpu`).
 */

import { parseArgs } from "node:util";
import { backendNamed } from "../../backends/registry.ts";
import { PassManager } from "../../passes/manager.ts";
import { lowerTraced } from "../../passes/pipeline.ts";
import { tuningTasksOf } from "../../passes/tuning-tasks.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { TuningTask } from "../../src/loop/tuning-task.ts";
import { prepareOn } from "../../src/tuning/runner.ts";
import { type Measured, search } from "../../src/tuning/search.ts";
import { tracedStep } from "./compiled-step.ts";
import { batchesOf, subjectNamed } from "./subject.ts";
import { table } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    workloads: { type: "string", default: "lenet5,cifar10,mlp" },
    batches: { type: "string" },
    backend: { type: "string", default: "wasm" },
    seconds: { type: "string", default: "1.5" },
    least: { type: "string", default: "0.002" },
    kernel: { type: "string" },
    all: { type: "boolean", default: false },
    cpu: { type: "boolean", default: false },
  },
});

/** The share of a kernel's time that the first choice may lose. */
const MOST_LOST = 0.15;

const backend = await backendNamed(options.backend);
const cpuTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const prepare = prepareOn(backend, options.cpu ? cpuTime : undefined);

for (const workload of options.workloads.split(",")) {
  const batches = options.batches?.split(",").map(Number) ?? batchesOf(workload);
  for (const batch of batches) await report(workload, batch);
}

async function report(workload: string, batch: number): Promise<void> {
  const program = await loweredStep(workload, batch);
  const flops = new Map(program.kernels.map(({ name, nominalFlops }) => [name, nominalFlops]));
  const rows: string[][] = [];
  let [firstTotal, bestTotal] = [0, 0];
  for (const task of tuningTasksOf(program, backend.capabilities)) {
    if (options.kernel !== undefined && task.kernel !== options.kernel) continue;
    const { measured } = await search(task, prepare, {
      now: () => performance.now(),
      milliseconds: 1000 * Number(options.seconds),
      all: options.all,
    });
    const timed = measured.filter(isTimed).sort((a, b) => a.milliseconds - b.milliseconds);
    const first = timed.find(({ name }) => name === task.entries[0].name);
    if (first === undefined) {
      console.log(`  ${task.kernel}: too little time, ${measured.length} of ${task.entries.length} tried`);
      continue;
    }
    firstTotal += first.milliseconds;
    bestTotal += timed[0].milliseconds;
    if (options.kernel !== undefined) console.log(candidates(task, timed));
    if (first.milliseconds >= Number(options.least)) {
      rows.push(row(task, timed, first, flops.get(task.kernel) ?? 0));
    }
  }
  const head = [
    "kernel",
    "first ms",
    "best ms",
    "ratio",
    "",
    "GFLOP/s (dense)",
    "expected",
    "tried",
    "first choice",
    "best",
  ];
  console.log(`${workload}, batch ${batch}: the model's first choice and the fastest, on ${backend.name}`);
  console.log(table([head, ...rows], [1, 2, 3, 5, 6, 7]));
  const ratio = (firstTotal / bestTotal).toFixed(3);
  console.log(
    `  ${firstTotal.toFixed(3)} ms as the model likes, ${bestTotal.toFixed(3)} ms tuned: ratio ${ratio}\n`,
  );
}

type Timed = Measured & { readonly milliseconds: number };

function isTimed(one: Measured): one is Timed {
  return one.milliseconds !== undefined;
}

/** `expected` is the model's price of the fastest, over that of its first choice. */
function row({ kernel }: TuningTask, timed: readonly Timed[], first: Timed, flops: number): string[] {
  const [best] = timed;
  const ratio = first.milliseconds / best.milliseconds;
  return [
    kernel,
    first.milliseconds.toFixed(4),
    best.milliseconds.toFixed(4),
    ratio.toFixed(2),
    ratio > 1 + MOST_LOST ? "<--" : "",
    (flops / first.milliseconds / 1e6).toFixed(1),
    (best.cost / first.cost).toFixed(2),
    `${timed.length}`,
    first.name,
    best === first ? "=" : best.name,
  ];
}

/** All that were timed, in the model's order: cost and time relative to those of the first choice. */
function candidates({ kernel, entries }: TuningTask, timed: readonly Timed[]): string {
  const first = timed.find(({ name }) => name === entries[0].name) ?? timed[0];
  const rows = [...timed]
    .sort((a, b) => a.cost - b.cost)
    .map(({ name, cost, milliseconds }) => [
      (cost / first.cost).toFixed(2),
      (milliseconds / first.milliseconds).toFixed(2),
      milliseconds.toFixed(4),
      name,
    ]);
  return `${kernel}\n${table([["model", "measured", "ms", "candidate"], ...rows], [0, 1, 2])}`;
}

/** The kernels of a workload's training step, as input of the scheduler. */
async function loweredStep(workload: string, batch: number): Promise<LoweredProgram> {
  const { trace, options } = tracedStep(await subjectNamed(workload, batch));
  return lowerTraced(new PassManager(), trace.graph, { capabilities: backend.capabilities, ...options });
}
