/**
 * Times every kernel of Kiln's compiled training step by itself and prints how many floating-point operations per
 * second it really executes (for kernels over winner lists only the list entries that are alive count), what share that
 * is of what the machine allows (its roofline), and the difference of its results from those of the first backend.
 *
 *   node --import tsx src/kernels.ts [--workloads lenet5,cifar10,gpt] [--batches 8] [--backends js] [--seconds 5] [--least 0]
 *
 * `--least 0.02` leaves out kernels that take less than 2 % of the step.
 */

import { parseArgs } from "node:util";
import { byteSize, type TypedArray } from "../../src/core/dtype.ts";
import { flopsOf } from "../../src/loop/flops.ts";
import { iterationsOf } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import { printSchedule, type Step } from "../../src/loop/schedule.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { visitStatements } from "../../src/loop/walk.ts";
import { CompiledStep, parseChoice } from "./compiled-step.ts";
import { median } from "./protocol.ts";
import { describeRoofline, leastSeconds, measureRoofline } from "./roofline.ts";
import { batchesOf } from "./subject.ts";
import { table } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    workloads: { type: "string", default: "lenet5,cifar10,mlp" },
    batches: { type: "string" },
    backends: { type: "string", default: "js" },
    seconds: { type: "string", default: "5" },
    least: { type: "string", default: "0" },
  },
});

/** A kernel below this share of its roofline is marked. */
const LEAST_SHARE = 1 / 3;
const LEAST_STEPS = 5;

/** The stored values of a step, by name in the graph. */
type Stored = ReadonlyMap<string, TypedArray>;

/**
 * Contractions are all kernels that were tiled, filtered or run
 * over lists; kernels that copy, prepare or update are not.
 */
const CONTRACTING: ReadonlySet<Step["kind"]> = new Set([
  "unroll",
  "unroll-window",
  "fuse-sum",
  "compact",
  "winograd",
] as const);

const machine = await measureRoofline();
console.log(`${describeRoofline(machine)}\n`);
for (const workload of options.workloads.split(",")) {
  for (const batch of options.batches?.split(",").map(Number) ?? batchesOf(workload)) {
    let first: Stored | undefined;
    for (const backend of options.backends.split(",")) {
      const step = await CompiledStep.compile(workload, batch, parseChoice(backend));
      const stored = await firstStep(step);
      console.log(`${workload}, batch ${batch}: kernels of ${backend}, one at a time`);
      await report(step, Number(options.seconds), first === undefined ? undefined : { own: stored, first });
      first ??= stored;
      step.dispose();
    }
  }
}

/** Runs one step and keeps what every kernel stores; for those in a loop, in the last iteration. */
async function firstStep(step: CompiledStep): Promise<Stored> {
  const stored = new Map<string, TypedArray>();
  await step.feed(0);
  await step.run({
    async after(k): Promise<undefined> {
      for (const { value, buffer } of step.storedBy(step.plan.kernels[k]))
        stored.set(value, await step.read(buffer));
    },
  });
  return stored;
}

/** The times and results of each kernel, step by step. */
interface Measured {
  readonly milliseconds: readonly number[];
  readonly alive: readonly number[];
}

async function measure(step: CompiledStep, seconds: number): Promise<readonly Measured[]> {
  const { kernels } = step.plan;
  const measured = kernels.map(() => ({ milliseconds: [] as number[], alive: [] as number[] }));
  const end = performance.now() + 1000 * seconds;
  for (let turn = 0; performance.now() < end || turn < LEAST_STEPS; turn++) {
    await step.feed(turn);
    for (const { milliseconds } of measured) milliseconds.push(0);
    let begin = 0;
    await step.run({
      before(): undefined {
        begin = performance.now();
      },
      async after(k): Promise<undefined> {
        measured[k].milliseconds[turn] += performance.now() - begin;
        measured[k].alive.push(await aliveShare(step, kernels[k]));
      },
    });
  }
  return measured;
}

async function report(
  step: CompiledStep,
  seconds: number,
  compared: { readonly own: Stored; readonly first: Stored } | undefined,
): Promise<void> {
  const { plan } = step;
  const measured = await measure(step, seconds);
  const figures = plan.kernels.map((kernel, k) => {
    const { milliseconds, alive } = measured[k];
    const ms = median(milliseconds.slice(milliseconds.length >> 1));
    const runs = iterationsOf(plan, k);
    const flops = runs * flopsOf(kernel) * median(alive);
    const share = (1000 * leastSeconds(machine, flops, runs * bytesMoved(plan, kernel))) / ms;
    return { kernel, ms, flops, nominal: runs * kernel.nominalFlops, share };
  });
  const total = figures.reduce((sum, { ms }) => sum + ms, 0);
  const rows = figures
    .filter(({ ms }) => ms >= Number(options.least) * total)
    .map(({ kernel, ms, flops, nominal, share }) => [
      kernel.name,
      ms.toFixed(4),
      `${((100 * ms) / total).toFixed(1)} %`,
      (flops / ms / 1e6).toFixed(2),
      (nominal / ms / 1e6).toFixed(2),
      `${(100 * share).toFixed(0)} %`,
      share < LEAST_SHARE ? "<--" : "",
      compared === undefined ? "" : differenceOf(step, kernel, compared.own, compared.first),
      kernel.schedule === undefined ? "" : printSchedule(kernel.schedule),
    ]);
  const head = [
    "kernel",
    "ms",
    "of step",
    "GFLOP/s executed",
    "dense-equivalent",
    "of roofline",
    "",
    "differs by",
    "schedule",
  ];
  console.log(table([head, ...rows], [1, 2, 3, 4, 5, 7]));
  const contracting = figures.filter(({ kernel }) => isContraction(kernel));
  const contractionMs = contracting.reduce((sum, { ms }) => sum + ms, 0);
  const rate = contracting.reduce((sum, { flops }) => sum + flops, 0) / contractionMs / 1e6;
  const contractions =
    contractionMs > 0
      ? `; contractions execute ${rate.toFixed(2)} GFLOP/s in ${contractionMs.toFixed(3)} ms`
      : "";
  console.log(`  ${plan.kernels.length} kernels, ${total.toFixed(3)} ms in all${contractions}\n`);
}

/** The bytes that a kernel has to read or write: its buffers, without its threads' own scratch. */
function bytesMoved({ buffers }: ProgramPlan, kernel: Kernel): number {
  const own = new Set(buffers.filter((buffer) => buffer.private).map(({ name }) => name));
  return kernel.buffers.reduce(
    (sum, { name, dtype, length, access }) =>
      own.has(name) ? sum : sum + (access === "readwrite" ? 2 : 1) * length * byteSize(dtype),
    0,
  );
}

/** The largest difference of a kernel's values over the largest value, for values that the first backend stores too. */
function differenceOf(step: CompiledStep, kernel: Kernel, own: Stored, first: Stored): string {
  const differences = step.storedBy(kernel).flatMap(({ value }) => {
    const expected = first.get(value);
    const actual = own.get(value)!;
    if (expected === undefined || expected.length !== actual.length) return [];
    let [largest, difference] = [0, 0];
    for (let i = 0; i < expected.length; i++) {
      const distance = Math.abs(expected[i] - actual[i]);
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
    }
    return [difference === 0 ? 0 : difference / largest];
  });
  return differences.length === 0 ? "–" : Math.max(...differences).toExponential(0);
}

function isContraction({ nominalFlops, schedule = [] }: Kernel): boolean {
  return nominalFlops > 0 && schedule.some(({ kind }) => CONTRACTING.has(kind));
}

/** The share of list entries that are alive, for a kernel that runs over lists: windows whose gradient is not zero. */
async function aliveShare(step: CompiledStep, kernel: Kernel): Promise<number> {
  const sparse = kernel.schedule?.some(({ kind }) => kind === "compact") ? listedBy(step, kernel) : undefined;
  if (sparse === undefined) return 1;
  const values = await step.read(sparse);
  return values.filter((value) => value !== 0).length / values.length;
}

/** The buffer whose elements are in the lists that a kernel reads; another kernel may fill the lists. */
function listedBy({ plan }: CompiledStep, { buffers }: Kernel): string | undefined {
  const own = new Set(buffers.map(({ name }) => name));
  for (const { body } of plan.kernels) {
    const named = new Map<string, Expr>();
    let listed: string | undefined;
    visitStatements(body, (s) => {
      if (s.kind === "let") named.set(s.name, s.value);
      if (s.kind !== "append" || !s.values.some(({ buffer }) => own.has(buffer))) return;
      for (const { value } of s.values) {
        const source = value.kind === "local" ? named.get(value.name) : value;
        if (source?.kind === "load" && source.dtype === "float32") listed = source.buffer;
      }
    });
    if (listed !== undefined) return listed;
  }
  return undefined;
}
