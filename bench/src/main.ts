/**
 * Compares training steps and forward passes of Kiln and of other libraries. See README.md beside package.json.
 *
 *   node --import tsx src/main.ts [--workloads lenet5,cifar10,gpt] [--batches 1,8,64]
 *                                 [--task training|inference|both]
 *                                 [--peers kiln-wasm,pytorch | --backends js,js/plain,gpujs:cpu]
 *                                 [--rounds 5] [--millis 300] [--warmup 500] [--step-limit 10] [--budget 20]
 *                                 [--timeout 120] [--json FILE] [--chart FILE] [--targets] [--from FILE]
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { Comparer, type Settings } from "./compare.ts";
import { growing, growthChart } from "./growth-chart.ts";
import { describeMachine } from "./machine.ts";
import { kiln, PEERS } from "./peers.ts";
import { TASKS, type Task } from "./protocol.ts";
import { renderComparison, renderMachine, renderReport, strays } from "./render.ts";
import { chosen, type Report } from "./report.ts";
import { batchesOf, NAMES } from "./subject.ts";
import { renderVerdicts } from "./targets.ts";

const RESULTS = fileURLToPath(new URL("../results", import.meta.url));

/** The user's working directory, although npm runs this in bench/. */
const HERE = process.env.INIT_CWD ?? process.cwd();

class UsageError extends Error {}

/** The options of the command line; an absent list means everything. */
function parse(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      workloads: { type: "string" },
      batches: { type: "string" },
      task: { type: "string", default: "both" },
      peers: { type: "string" },
      backends: { type: "string" },
      rounds: { type: "string", default: "5" },
      millis: { type: "string", default: "300" },
      warmup: { type: "string", default: "500" },
      "step-limit": { type: "string", default: "10" },
      budget: { type: "string", default: "20" },
      timeout: { type: "string", default: "120" },
      json: { type: "string" },
      chart: { type: "string" },
      targets: { type: "boolean", default: false },
      from: { type: "string" },
    },
  });
  const settings: Settings = {
    rounds: wholeNumber(values.rounds, "rounds", 1),
    millis: wholeNumber(values.millis, "millis", 0),
    warmup: wholeNumber(values.warmup, "warmup", 0),
    stepLimit: wholeNumber(values["step-limit"], "step-limit", 1) * 1000,
    budget: wholeNumber(values.budget, "budget", 1) * 1000,
    timeout: wholeNumber(values.timeout, "timeout", 1) * 1000,
  };
  const choices = {
    ...(values.workloads !== undefined && {
      workloads: values.workloads.split(",").map((name) => oneOf(name, NAMES, "workloads")),
    }),
    ...(values.batches !== undefined && {
      batches: values.batches.split(",").map((text) => wholeNumber(text, "batches", 1)),
    }),
    ...(values.task !== "both" && {
      tasks: [oneOf<Task | "both">(values.task, [...TASKS, "both"], "task") as Task],
    }),
    ...(values.peers !== undefined && {
      peers: values.peers.split(",").map((name) =>
        oneOf(
          name,
          PEERS.map((peer) => peer.name),
          "peers",
        ),
      ),
    }),
  };
  return { values, settings, choices };
}

function wholeNumber(text: string, option: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new UsageError(`--${option} takes whole numbers from ${least} on, not "${text}"`);
  }
  return value;
}

function oneOf<T extends string>(name: string, all: readonly T[], option: string): T {
  const found = all.find((one) => one === name);
  if (found === undefined) throw new UsageError(`--${option} takes ${all.join(", ")}; not "${name}"`);
  return found;
}

type CommandLine = ReturnType<typeof parse>;

/** Measures everything that was asked for, and prints and stores it job by job. */
async function measure(
  { values, settings, choices }: CommandLine,
  keep: (report: Report) => void,
): Promise<Report> {
  const peers = choices.peers?.map((name) => PEERS.find((peer) => peer.name === name)!) ?? PEERS;
  const specs = values.backends === undefined ? peers : values.backends.split(",").map(kiln);
  const jobs = (choices.tasks ?? TASKS).flatMap((task) =>
    (choices.workloads ?? NAMES).flatMap((workload) =>
      (choices.batches ?? batchesOf(workload)).map((batch) => ({ task, workload, batch })),
    ),
  );
  const machine = await describeMachine();
  console.log(`${renderMachine(machine)}\n`);
  console.log(
    "float32; training: forward, cross-entropy, backward, SGD update; medians of milliseconds a step",
  );
  console.log("losses, parameters, outputs: the largest difference from those of the first peer\n");

  const comparer = new Comparer(specs, settings);
  const told = new Map<string, string>();
  let report: Report = { date: new Date().toISOString(), machine, settings: { ...settings }, results: [] };
  for (const job of jobs) {
    const result = await comparer.compare(job);
    report = { ...report, results: [...report.results, result] };
    console.log(`${renderComparison(result, machine, told)}\n`);
    keep(report);
  }
  if (values.backends !== undefined) {
    const args = ["--import", "tsx", "src/kernels.ts", "--backends", values.backends];
    if (values.workloads !== undefined) args.push("--workloads", values.workloads);
    if (values.batches !== undefined) args.push("--batches", values.batches);
    execFileSync(process.execPath, args, { stdio: "inherit" });
  }
  return report;
}

/** The requested part of a report that an earlier run wrote. */
function reread(file: string, { choices }: CommandLine): Report {
  if (!existsSync(file)) throw new UsageError(`--from: there is no file ${file}`);
  const report = chosen(JSON.parse(readFileSync(file, "utf8")) as Report, choices);
  console.log(`${renderReport(report)}\n`);
  return report;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function main(args: string[]): Promise<number> {
  const line = parse(args);
  const { json, chart: picture, from, targets } = line.values;
  const named = (file: string | undefined): string | undefined => file && resolve(HERE, file);
  const date = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const results = from === undefined ? (named(json) ?? join(RESULTS, `${date}.json`)) : undefined;
  const drawing = named(picture) ?? results?.replace(/(\.json)?$/, ".svg");
  const report =
    results === undefined
      ? reread(resolve(HERE, from!), line)
      : await measure(line, (sofar) => write(results, `${JSON.stringify(sofar, null, 2)}\n`));
  if (drawing !== undefined) write(drawing, chart(report));
  const lines = growing(report).length > 0 ? drawing?.replace(/(\.svg)?$/, ".growth.svg") : undefined;
  if (lines !== undefined) write(lines, growthChart(report));
  if (targets) console.log(`${renderVerdicts(report.results)}\n`);
  for (const file of [results, drawing, lines]) {
    if (file !== undefined) console.log(`Written: ${relative(HERE, file)}`);
  }
  return report.results.some((result) => strays(result).length > 0) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // parseArgs's own complaints are TypeErrors with a code.
  const usage = error instanceof UsageError || (error instanceof TypeError && "code" in error);
  if (!usage) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}
