/**
 * Compares the training step of Kiln's backends and of other libraries. See README.md beside package.json.
 *
 *   node --import tsx src/main.ts [--workloads lenet5,cifar10,mlp] [--batches 1,8]
 *                                 [--peers kiln-js,pytorch | --backends js,js/plain,gpujs:cpu]
 *                                 [--rounds 5] [--millis 300] [--warmup 1000] [--timeout 120] [--json FILE]
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Peer, PeerError, type PeerSpec } from "./peer.ts";
import { type Hello, median, type RunResult } from "./protocol.ts";
import { table } from "./table.ts";
import { WORKLOADS } from "./workloads.ts";

const python = process.env.KILN_BENCH_PYTHON ?? "python3";

const node = (name: string, ...args: string[]): PeerSpec => ({
  name,
  command: process.execPath,
  args: ["--import", "tsx", ...args],
});
const torch = (name: string, ...args: string[]): PeerSpec => ({
  name,
  command: python,
  args: ["peers/pytorch.py", ...args],
});

/** One of Kiln's backends, with a strategy behind a `/` if one is forced. */
const kiln = (backend: string): PeerSpec => node(`kiln-${backend}`, "peers/kiln.ts", "--backend", backend);

/** Everything that can be compared; the first one named on the command line is what the others are measured by. */
const PEERS: readonly PeerSpec[] = [
  kiln("js"),
  torch("pytorch", "--threads", "2"),
  torch("pytorch-1", "--threads", "1"),
  torch("pytorch-tuned", "--threads", "2", "--tune", "yes"),
  node("convnetjs", "peers/convnetjs.mjs"),
  node("tfjs-cpu", "peers/tfjs-cpu.mjs"),
];

/** Losses further apart than this are not the same training, and their times say nothing. */
const SAME_LOSS = 1e-3;

/** A machine busier than this before the peers start spoils the figures, those of several threads most of all. */
const QUIET = 0.1;

/** A peer's figures for one workload and batch. */
interface Measured extends Hello {
  readonly peer: string;
  /** The median over the rounds of each round's median. */
  readonly msPerStep: number;
  readonly rounds: readonly number[];
  /** Timed steps over all rounds. */
  readonly steps: number;
  readonly losses: readonly number[];
  /** The largest difference of a loss to that of the first peer that ran, as a fraction. */
  readonly lossDifference: number;
}

/** A peer without figures. */
interface Unmeasured {
  readonly peer: string;
  readonly missing: string;
}

interface Comparison {
  readonly workload: string;
  readonly batch: number;
  /** The share of the CPU that other processes used just before. */
  readonly otherLoad: number;
  readonly peers: readonly (Measured | Unmeasured)[];
}

interface Options {
  readonly peers: readonly PeerSpec[];
  readonly rounds: number;
  readonly millis: number;
  readonly warmup: number;
  readonly timeout: number;
}

/** A peer that takes part, and what it has shown so far. */
interface Running {
  readonly peer: Peer;
  readonly hello: Hello;
  readonly rounds: number[];
  steps: number;
  losses: readonly number[];
}

/** Runs all peers in turns, round by round, so that what else the machine does hits them alike. */
async function compare(workload: string, batch: number, options: Options): Promise<Comparison> {
  const running = new Map<PeerSpec, Running>();
  const missing = new Map<PeerSpec, string>();
  const otherLoad = await load();
  const turn = async (spec: PeerSpec, millis: number, note: (entry: Running, result: RunResult) => void) => {
    const entry = running.get(spec);
    if (entry === undefined) return;
    try {
      note(entry, await entry.peer.run(millis));
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      missing.set(spec, error.message);
      running.delete(spec);
      await entry.peer.stop();
    }
  };
  try {
    for (const spec of options.peers) {
      const started = await Peer.start(spec, workload, batch, options.timeout);
      if ("missing" in started) missing.set(spec, started.missing);
      else running.set(spec, { ...started, rounds: [], steps: 0, losses: [] });
      await turn(spec, options.warmup, (entry, { losses }) => {
        entry.losses = losses;
      });
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const spec of options.peers) {
        await turn(spec, options.millis, (entry, { msPerStep, steps }) => {
          entry.rounds.push(msPerStep);
          entry.steps += steps;
        });
      }
    }
  } finally {
    await Promise.all([...running.values()].map(({ peer }) => peer.stop()));
  }

  const first = [...running.values()][0]?.losses ?? [];
  return {
    workload,
    batch,
    otherLoad,
    peers: options.peers.map((spec) => {
      const entry = running.get(spec);
      if (entry === undefined) return { peer: spec.name, missing: missing.get(spec) ?? "did not run" };
      const { hello, rounds, steps, losses } = entry;
      const lossDifference = Math.max(
        ...losses.map((loss, i) => Math.abs(loss - first[i]) / Math.abs(first[i])),
      );
      return { peer: spec.name, ...hello, msPerStep: median(rounds), rounds, steps, losses, lossDifference };
    }),
  };
}

/** One comparison as a table; below it what there is to say about the peers, but only what `told` has not yet. */
function render(comparison: Comparison, told: Map<string, string>): string {
  const { workload, batch, peers, otherLoad } = comparison;
  const measured = peers.filter((peer) => "msPerStep" in peer);
  const base = measured[0];
  const lines = [`${workload}, batch ${batch}`];
  if (base !== undefined) {
    const head = ["peer", "ms/step", "rounds", `÷ ${base.peer}`, "losses differ by"];
    const rows = measured.map((peer) => [
      peer.peer,
      time(peer.msPerStep),
      `${time(Math.min(...peer.rounds))} – ${time(Math.max(...peer.rounds))}`,
      (peer.msPerStep / base.msPerStep).toFixed(2),
      peer.lossDifference.toExponential(0),
    ]);
    lines.push(table([head, ...rows], [1, 2, 3, 4]));
  }
  for (const peer of peers) {
    const remark = "missing" in peer ? `is missing: ${peer.missing}` : `is ${describe(peer)}`;
    if (told.get(peer.peer) === remark) continue;
    told.set(peer.peer, remark);
    lines.push(`  ${peer.peer} ${remark}`);
  }
  for (const peer of strays(comparison)) {
    lines.push(
      `  ${peer.peer} trains differently: losses ${peer.losses.join(", ")}, not ${base.losses.join(", ")}`,
    );
  }
  if (otherLoad > QUIET) {
    lines.push(
      `  Other processes kept the CPU ${Math.round(otherLoad * 100)} % busy: these figures cannot be trusted.`,
    );
  }
  return lines.join("\n");
}

function describe({ name, version, details }: Hello): string {
  const list = Object.entries(details).map(([key, value]) => `${key} ${value}`);
  return `${name} ${version} (${list.join(", ")})`;
}

/** The share of all cores that is in use, watched for a moment. */
async function load(): Promise<number> {
  const snapshot = () =>
    cpus().reduce(
      ({ idle, total }, { times }) => ({
        idle: idle + times.idle,
        total: total + times.idle + times.user + times.sys + times.nice + times.irq,
      }),
      { idle: 0, total: 0 },
    );
  const before = snapshot();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const after = snapshot();
  return 1 - (after.idle - before.idle) / Math.max(1, after.total - before.total);
}

/** The peers whose losses show that they do not compute the same; a loss that is not a number counts. */
function strays({ peers }: Comparison): Measured[] {
  return peers.filter((peer) => "msPerStep" in peer).filter((peer) => !(peer.lossDifference <= SAME_LOSS));
}

/** Milliseconds with three digits. */
function time(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3);
}

class UsageError extends Error {}

function wholeNumber(text: string, option: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new UsageError(`--${option} takes whole numbers from ${least} on, not "${text}"`);
  }
  return value;
}

function known<T>(name: string, all: ReadonlyMap<string, T>, option: string): T {
  const found = all.get(name);
  if (found === undefined)
    throw new UsageError(`--${option} takes ${[...all.keys()].join(", ")}; not "${name}"`);
  return found;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      workloads: { type: "string", default: "lenet5,cifar10,mlp" },
      batches: { type: "string", default: "1,8" },
      peers: { type: "string", default: PEERS.map((peer) => peer.name).join(",") },
      backends: { type: "string" },
      rounds: { type: "string", default: "5" },
      millis: { type: "string", default: "300" },
      warmup: { type: "string", default: "1000" },
      timeout: { type: "string", default: "120" },
      json: { type: "string" },
    },
  });
  const byName = new Map(PEERS.map((peer) => [peer.name, peer]));
  const workloads = new Map(Object.keys(WORKLOADS).map((name) => [name, name]));
  const options: Options = {
    peers:
      values.backends === undefined
        ? values.peers.split(",").map((name) => known(name, byName, "peers"))
        : values.backends.split(",").map(kiln),
    rounds: wholeNumber(values.rounds, "rounds", 1),
    millis: wholeNumber(values.millis, "millis", 0),
    warmup: wholeNumber(values.warmup, "warmup", 0),
    timeout: wholeNumber(values.timeout, "timeout", 1) * 1000,
  };
  const jobs = values.workloads
    .split(",")
    .map((name) => known(name, workloads, "workloads"))
    .flatMap((workload) =>
      values.batches.split(",").map((batch) => ({ workload, batch: wholeNumber(batch, "batches", 1) })),
    );

  const machine = {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.version,
  };
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
  console.log("forward + backward + SGD update, float32, cross-entropy; medians\n");

  const results: Comparison[] = [];
  const told = new Map<string, string>();
  for (const { workload, batch } of jobs) {
    const result = await compare(workload, batch, options);
    results.push(result);
    console.log(`${render(result, told)}\n`);
  }
  if (values.backends !== undefined) {
    const { backends, workloads, batches } = values;
    const args = ["--import", "tsx", "src/kernels.ts", "--backends", backends];
    const asked = ["--workloads", workloads, "--batches", batches];
    execFileSync(process.execPath, [...args, ...asked], { stdio: "inherit" });
  }
  if (values.json !== undefined) {
    const { rounds, millis, warmup } = options;
    const report = { date: new Date().toISOString(), machine, rounds, millis, warmup, results };
    mkdirSync(dirname(values.json), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return results.some((result) => strays(result).length > 0) ? 1 : 0;
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
