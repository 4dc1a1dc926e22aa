/** The peer's side of the protocol for peers written in JavaScript: everything except the step itself. */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { MODELS, type ModelWorkload } from "./models.ts";
import {
  encodeTensor,
  type Failed,
  type Hello,
  type Missing,
  median,
  PROVEN_STEPS,
  type Proof,
  type RunResult,
  TASKS,
  type Task,
} from "./protocol.ts";
import { WORKLOADS, type Workload } from "./workloads.ts";

/** The arguments of a peer. */
export interface PeerRequest<Job = Workload> {
  readonly workload: Job;
  readonly batch: number;
  readonly task: Task;
  /** The other options of its command line. */
  readonly options: Readonly<Record<string, string>>;
}

type Numbers = ArrayLike<number>;

/** A peer that trains. */
export interface PeerTrainer extends Hello {
  /** Forward, backward and update for a step counted from 0; returns the loss before the update. */
  step(index: number): number | Promise<number>;
  /** The parameters as they are now, by state-dict key, in PyTorch's layout. */
  parameters(): Iterable<readonly [string, Numbers]> | Promise<Iterable<readonly [string, Numbers]>>;
  /** The memory, as in a proof. */
  readonly peakBytes?: number;
  dispose?(): void | Promise<void>;
}

/** A peer that runs forward alone. */
export interface PeerPredictor extends Hello {
  /** The output [batch, classes] for a step counted from 0, in the host's memory. */
  predict(index: number): Numbers | Promise<Numbers>;
  dispose?(): void | Promise<void>;
}

/** Thrown by a peer that cannot run here, with the reason. */
export class MissingPeerError extends Error {}

/** Runs a peer: parses its command line, starts it, and answers until it is told to quit. */
export async function serve(
  start: (request: PeerRequest) => Promise<PeerTrainer | PeerPredictor>,
  startModel?: (request: PeerRequest<ModelWorkload>) => Promise<PeerTrainer | PeerPredictor>,
): Promise<void> {
  const say = (message: Hello | Missing | Proof | RunResult | Failed) =>
    process.stdout.write(`${JSON.stringify(message)}\n`);
  console.log = console.error;
  console.info = console.error;

  let peer: PeerTrainer | PeerPredictor;
  try {
    const { name, ...request } = parseRequest(process.argv.slice(2));
    if (Object.hasOwn(WORKLOADS, name)) peer = await start({ workload: WORKLOADS[name], ...request });
    else if (startModel === undefined) throw new MissingPeerError("it runs nets of plain layers alone");
    else peer = await startModel({ workload: MODELS[name], ...request });
  } catch (error) {
    say({ missing: reasonOf(error) });
    return;
  }
  const session = new Session(peer);
  say({ name: peer.name, version: peer.version, details: peer.details });
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, argument] = line.trim().split(/\s+/);
    if (command === "quit") break;
    try {
      if (!(Number(argument) >= 0)) throw new Error(`expected a command and milliseconds but got "${line}"`);
      else if (command === "prove") say(await session.prove(Number(argument)));
      else if (command === "run") say(await session.run(Number(argument)));
      else throw new Error(`expected "prove", "run" or "quit" but got "${line}"`);
    } catch (error) {
      say({ error: reasonOf(error) });
    }
  }
  await peer.dispose?.();
}

class Session {
  private readonly peer: PeerTrainer | PeerPredictor;
  private done = 0;

  constructor(peer: PeerTrainer | PeerPredictor) {
    this.peer = peer;
  }

  /** The first steps, one by one; has to be called once, before anything else. */
  async prove(limit: number): Promise<Proof | Failed> {
    const times: number[] = [];
    const losses: number[] = [];
    const tensors = new Map<string, Numbers>();
    for (let index = 0; index < PROVEN_STEPS; index++) {
      const begin = performance.now();
      const result = await this.step();
      times.push(performance.now() - begin);
      if (typeof result === "number") losses.push(result);
      else tensors.set(`output ${index}`, Float32Array.from(result));
      if (times[index] > limit) return tooSlow(times[index], limit);
    }
    const named = "predict" in this.peer ? tensors : await this.peer.parameters();
    const encoded = Array.from(named, ([name, values]) => [name, encodeTensor(values)] as const);
    const proof = { msPerStep: median(times), losses, tensors: Object.fromEntries(encoded) };
    return "predict" in this.peer || this.peer.peakBytes === undefined
      ? proof
      : { ...proof, peakBytes: this.peer.peakBytes };
  }

  /** Steps for so many milliseconds, at least one. */
  async run(millis: number): Promise<RunResult> {
    const times: number[] = [];
    let before = performance.now();
    const end = before + millis;
    do {
      await this.step();
      const now = performance.now();
      times.push(now - before);
      before = now;
    } while (before < end);
    return { steps: times.length, msPerStep: median(times) };
  }

  private step(): number | Numbers | Promise<number | Numbers> {
    const index = this.done++;
    return "predict" in this.peer ? this.peer.predict(index) : this.peer.step(index);
  }
}

function tooSlow(milliseconds: number, limit: number): Failed {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return {
    error: `one step takes ${seconds(milliseconds)}; the limit is ${seconds(limit)}`,
    tooSlow: true,
  };
}

function parseRequest(args: string[]): Omit<PeerRequest, "workload"> & { readonly name: string } {
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
  const { workload: name = "", batch: batchText = "", task: taskText = "training", ...rest } = options;
  const batch = Number(batchText);
  const known = [...Object.keys(WORKLOADS), ...Object.keys(MODELS)];
  if (!known.includes(name)) throw new Error(`--workload is one of ${known.join(", ")}`);
  if (!Number.isInteger(batch) || batch < 1) throw new Error("--batch is a whole number from 1 on");
  const task = TASKS.find((known) => known === taskText);
  if (task === undefined) throw new Error(`--task is one of ${TASKS.join(", ")}`);
  return { name, batch, task, options: rest };
}

function reasonOf(error: unknown): string {
  if (error instanceof MissingPeerError) return error.message;
  if (error instanceof Error) {
    if ("code" in error && error.code === "ERR_MODULE_NOT_FOUND") {
      return `${error.message.split("\n")[0].replace(/ imported from .*/, "")}; run npm ci in bench/`;
    }
    return `${error.name}: ${error.message}`;
  }
  return String(error);
}
