/**
 * Times what comes before the first step, cold: importing Kiln and compiling a training step, each time in a process of
 * its own, and what share of it each stage of the compiler took.
 *
 *   node --import tsx src/compile-time.ts [--workloads lenet5,cifar10,gpt] [--batches 1,8,64] [--backends wasm] [--runs 9]
 *
 * It measures the built package (`npm run build`), or with `--entry src/index.ts`
 * the sources. Other work on the machine affects whichever process runs then: CPU
 * time, which includes the engine's own threads, is shown next to the medians.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { median } from "./protocol.ts";
import { batchesOf } from "./subject.ts";
import { table } from "./table.ts";
import { WORKLOADS } from "./workloads.ts";

/** What one process measures: milliseconds by the wall clock, of the CPU, and of each stage of the compiler. */
interface Times {
  readonly imported: number;
  readonly compiled: number;
  readonly cpu: number;
  readonly stages: readonly (readonly [string, number])[];
}

interface Case {
  readonly workload: string;
  readonly batch: number;
  readonly backend: string;
}

/** Stages below this share of a compilation are not shown. */
const LEAST_SHARE = 0.02;

const { values: options } = parseArgs({
  options: {
    workloads: { type: "string", default: "lenet5,cifar10,mlp" },
    batches: { type: "string" },
    backends: { type: "string", default: "wasm" },
    runs: { type: "string", default: "9" },
    entry: { type: "string", default: "dist/node/kiln.js" },
  },
});

const entry = new URL(`../../${options.entry}`, import.meta.url);
if (!existsSync(entry)) {
  console.error(`${options.entry} is missing: run npm run build first`);
  process.exit(1);
}

const cases = options.workloads
  .split(",")
  .flatMap((workload) =>
    (options.batches?.split(",").map(Number) ?? batchesOf(workload)).flatMap((batch) =>
      options.backends.split(",").map((backend): Case => ({ workload, batch, backend })),
    ),
  );
const folder = mkdtempSync(join(tmpdir(), "kiln-compile-time-"));
const models = join(folder, "models.mjs");
// Models are written with the sources of Kiln; here they are given the entry that is measured.
await build({
  entryPoints: [fileURLToPath(new URL("models.ts", import.meta.url))],
  outfile: models,
  bundle: true,
  format: "esm",
  platform: "node",
  logLevel: "error",
  plugins: [
    {
      name: "entry",
      setup({ onResolve }) {
        onResolve({ filter: /\/src\/index\.ts$/ }, () => ({ path: entry.href, external: true }));
      },
    },
  ],
});
const measured = new Map<Case, Times[]>(cases.map((c) => [c, []]));
// Case after case and then again, so that temporary disturbances affect all of them.
try {
  for (let run = 0; run < Number(options.runs); run++) {
    for (const [c, times] of measured) times.push(measure(c));
  }
} finally {
  rmSync(folder, { recursive: true });
}
report();

function measure({ workload, batch, backend }: Case): Times {
  const loader = options.entry.endsWith(".ts") ? ["--import", "tsx"] : [];
  const script = fileURLToPath(new URL("compile-once.mjs", import.meta.url));
  const net = Object.hasOwn(WORKLOADS, workload)
    ? { workload: WORKLOADS[workload] }
    : { models: pathToFileURL(models), name: workload };
  const what = JSON.stringify({ ...net, batch, backend });
  const output = execFileSync(process.execPath, [...loader, script, entry.href, what], { encoding: "utf8" });
  return JSON.parse(output) as Times;
}

function report(): void {
  const imports = [...measured.values()].flatMap((times) => times.map(({ imported }) => imported));
  console.log(`import ${options.entry}: ${milliseconds(imports)}, median of ${imports.length} processes`);
  const head = ["workload", "batch", "backend", "compile", "fastest", "CPU", "stages"];
  const rows = [...measured].map(([{ workload, batch, backend }, times]) => {
    const compiled = times.map((t) => t.compiled);
    return [
      workload,
      `${batch}`,
      backend,
      milliseconds(compiled),
      milliseconds([Math.min(...compiled)]),
      milliseconds(times.map((t) => t.cpu)),
      stagesOf(times),
    ];
  });
  console.log(table([head, ...rows], [1, 3, 4, 5]));
}

/** The stages that take longest; what is left of the time is verification and memory. */
function stagesOf(times: readonly Times[]): string {
  const least = LEAST_SHARE * median(times.map(({ compiled }) => compiled));
  return times[0].stages
    .map(([name], k) => ({ name, spent: median(times.map(({ stages }) => stages[k][1])) }))
    .filter(({ spent }) => spent >= least)
    .sort((a, b) => b.spent - a.spent)
    .map(({ name, spent }) => `${name} ${spent.toFixed(0)}`)
    .join(", ");
}

function milliseconds(values: readonly number[]): string {
  return `${median(values).toFixed(0)} ms`;
}
