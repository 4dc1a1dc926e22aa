/**
 * How the driver and a peer talk: JSON lines over a peer's standard input and output.
 *
 * A peer is started with `--workload NAME --batch N` (and options of its own) and prints one line, `Hello` or
 * `Missing`. Each line `run MILLISECONDS` it answers with one line, `RunResult` or `Failed`; `quit`, or the end of
 * its input, ends it. Whatever else it has to say goes to standard error.
 */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { WORKLOADS, type Workload } from "./workloads.ts";

/** A peer is ready: its weights are loaded and its batches stand in memory. */
export interface Hello {
  readonly name: string;
  readonly version: string;
  /** What else decides the speed: BLAS, threads, data type. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** A peer cannot run here. */
export interface Missing {
  readonly missing: string;
}

/** The steps of one `run`. */
export interface RunResult {
  readonly steps: number;
  /** The median over the steps of this run. */
  readonly msPerStep: number;
  /** The losses of the first five steps since the start; the same in every answer. */
  readonly losses: readonly number[];
}

/** A `run` that went wrong. */
export interface Failed {
  readonly error: string;
}

/** How many losses a peer reports; the first run has at least as many steps. */
export const REPORTED_LOSSES = 5;

/** The middle of the sorted values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What a peer was asked for. */
export interface PeerRequest {
  readonly workload: Workload;
  readonly batch: number;
  /** The command-line options beside `--workload` and `--batch`. */
  readonly options: Readonly<Record<string, string>>;
}

/** What a peer written in JavaScript provides; `serve` does the rest. */
export interface PeerTrainer extends Hello {
  /** Forward, backward and update for a step counted from 0; returns the loss before the update. */
  step(index: number): number | Promise<number>;
  dispose?(): void | Promise<void>;
}

/** Thrown by a peer that cannot run here, with the reason. */
export class MissingPeerError extends Error {}

/** Runs a peer: parses its command line, starts it, and answers until it is told to quit. */
export async function serve(
  start: (request: PeerRequest) => PeerTrainer | Promise<PeerTrainer>,
): Promise<void> {
  const say = (message: Hello | Missing | RunResult | Failed) =>
    process.stdout.write(`${JSON.stringify(message)}\n`);
  console.log = console.error;
  console.info = console.error;

  let trainer: PeerTrainer;
  try {
    trainer = await start(parseRequest(process.argv.slice(2)));
  } catch (error) {
    say({ missing: reasonOf(error) });
    return;
  }
  say({ name: trainer.name, version: trainer.version, details: trainer.details });

  const losses: number[] = [];
  let done = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, argument] = line.trim().split(/\s+/);
    if (command === "quit") break;
    if (command !== "run" || !(Number(argument) >= 0)) {
      say({ error: `expected "run MILLISECONDS" or "quit" but got "${line}"` });
      continue;
    }
    try {
      const times: number[] = [];
      const begin = performance.now();
      const end = begin + Number(argument);
      let before = begin;
      do {
        const loss = await trainer.step(done++);
        const now = performance.now();
        times.push(now - before);
        before = now;
        if (losses.length < REPORTED_LOSSES) losses.push(loss);
      } while (before < end || losses.length < REPORTED_LOSSES);
      say({ steps: times.length, msPerStep: median(times), losses });
    } catch (error) {
      say({ error: reasonOf(error) });
    }
  }
  await trainer.dispose?.();
}

function parseRequest(args: string[]): PeerRequest {
  const { tokens } = parseArgs({ args, strict: false, tokens: true });
  const options: Record<string, string> = {};
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token.kind !== "option") throw new Error(`unexpected argument "${args[token.index]}"`);
    const next = tokens[i + 1];
    if (token.value !== undefined) options[token.name] = token.value;
    else if (next?.kind === "positional") {
      options[token.name] = next.value;
      i++;
    } else throw new Error(`--${token.name} needs a value`);
  }
  const { workload: name = "", batch: batchText = "", ...rest } = options;
  const batch = Number(batchText);
  if (!Object.hasOwn(WORKLOADS, name))
    throw new Error(`--workload is one of ${Object.keys(WORKLOADS).join(", ")}`);
  if (!Number.isInteger(batch) || batch < 1) throw new Error("--batch is a whole number from 1 on");
  return { workload: WORKLOADS[name], batch, options: rest };
}

function reasonOf(error: unknown): string {
  if (error instanceof MissingPeerError) return error.message;
  if (error instanceof Error) {
    if ("code" in error && error.code === "ERR_MODULE_NOT_FOUND") {
      return `${error.message.split("\n")[0].replace(/ imported from .*/, "")}; run npm install in bench/`;
    }
    return `${error.name}: ${error.message}`;
  }
  return String(error);
}
