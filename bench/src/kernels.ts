/**
 * Times every kernel of Kiln's compiled training step by itself and says how many floating-point operations a second
 * it really executes (for kernels over winner lists only the list entries that are alive count), and how far what it
 * stores is from what the first backend stores.
 *
 *   node --import tsx src/kernels.ts [--workloads lenet5,cifar10,mlp] [--batches 8] [--backends js] [--millis 200]
 */

import { parseArgs } from "node:util";
import type { TypedArray } from "../../src/core/dtype.ts";
import { countFlops } from "../../src/loop/flops.ts";
import { printSchedule, type Step } from "../../src/loop/schedule.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { visitStatements } from "../../src/loop/walk.ts";
import { CompiledStep, parseChoice } from "./compiled-step.ts";
import { median } from "./protocol.ts";
import { table } from "./table.ts";
import { WORKLOADS } from "./workloads.ts";

const { values: options } = parseArgs({
  options: {
    workloads: { type: "string", default: "lenet5,cifar10,mlp" },
    batches: { type: "string", default: "8" },
    backends: { type: "string", default: "js" },
    millis: { type: "string", default: "200" },
  },
});

/** What a step stores, by the value's name in the graph. */
type Stored = ReadonlyMap<string, TypedArray>;

/** Contractions are all kernels that were tiled, filtered or run over lists; what copies, prepares or updates is not. */
const CONTRACTING: ReadonlySet<Step["kind"]> = new Set([
  "unroll",
  "unroll-window",
  "fuse-sum",
  "compact",
  "winograd",
] as const);

for (const workload of options.workloads.split(",")) {
  for (const batch of options.batches.split(",").map(Number)) {
    let first: Stored | undefined;
    for (const backend of options.backends.split(",")) {
      const step = await CompiledStep.compile(WORKLOADS[workload], batch, parseChoice(backend));
      const stored = await firstStep(step);
      console.log(`${workload}, batch ${batch}: kernels of ${backend}, one at a time`);
      await report(step, Number(options.millis), first === undefined ? undefined : { own: stored, first });
      first ??= stored;
      step.dispose();
    }
  }
}

/** Runs one step and keeps what every kernel stores. */
async function firstStep(step: CompiledStep): Promise<Stored> {
  const stored = new Map<string, TypedArray>();
  await step.feed(0);
  for (const [k, kernel] of step.plan.kernels.entries()) {
    await step.run(k);
    for (const { value, buffer } of step.storedBy(kernel)) stored.set(value, await step.read(buffer));
  }
  return stored;
}

async function report(
  step: CompiledStep,
  millis: number,
  compared: { readonly own: Stored; readonly first: Stored } | undefined,
): Promise<void> {
  const { kernels } = step.plan;
  const times = kernels.map((): number[] => []);
  const alive = kernels.map((): number[] => []);
  const end = performance.now() + millis * kernels.length;
  for (let turn = 0; performance.now() < end || turn < 20; turn++) {
    await step.feed(turn);
    for (const [k, kernel] of kernels.entries()) {
      times[k].push(await step.run(k));
      alive[k].push(await aliveShare(step, kernel));
    }
  }
  let contractionFlops = 0;
  let contractionMs = 0;
  let totalMs = 0;
  const rows = kernels.map((kernel, k) => {
    const ms = median(times[k].slice(times[k].length >> 1));
    const executed = countFlops(kernel.body) * median(alive[k]);
    totalMs += ms;
    if (isContraction(kernel)) {
      contractionFlops += executed;
      contractionMs += ms;
    }
    const rate = (flops: number): string => (flops / ms / 1e6).toFixed(2);
    const difference = compared === undefined ? "" : differenceOf(step, kernel, compared.own, compared.first);
    return [
      kernel.name,
      ms.toFixed(4),
      rate(executed),
      rate(kernel.nominalFlops),
      difference,
      kernel.schedule === undefined ? "" : printSchedule(kernel.schedule),
    ];
  });
  const head = ["kernel", "ms", "GFLOP/s executed", "dense-equivalent", "differs by", "schedule"];
  console.log(table([head, ...rows], [1, 2, 3, 4]));
  const rate = (contractionFlops / contractionMs / 1e6).toFixed(2);
  const contractions =
    contractionMs > 0 ? `; contractions execute ${rate} GFLOP/s in ${contractionMs.toFixed(3)} ms` : "";
  console.log(`  ${totalMs.toFixed(3)} ms in all${contractions}\n`);
}

/** The largest difference of what a kernel stores, over the largest value; of values that the first backend stores too. */
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

/** The buffer whose elements stand in the lists that a kernel reads; the lists may be filled by another one. */
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
