/** Starts a peer as a process of its own and talks to it; a peer that cannot run is a value with a reason. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Failed, Hello, Missing, Proof, RunResult, Task } from "./protocol.ts";

/** Kiln itself; code that also runs in a browser, JavaScript or WebAssembly; machine code of the platform. */
export type PeerKind = "kiln" | "javascript" | "native";

/** How a peer is started; the job is added to the arguments. */
export interface PeerSpec {
  readonly name: string;
  readonly command: string;
  /** Paths are relative to bench/. */
  readonly args: readonly string[];
  /** Its abilities, if limited. */
  readonly tasks?: readonly Task[];
  readonly kind: PeerKind;
}

/** What is measured. */
export interface Job {
  readonly workload: string;
  readonly batch: number;
  readonly task: Task;
}

/** A peer that cannot take part, and why. */
export interface MissingPeer {
  readonly spec: PeerSpec;
  readonly missing: string;
}

/** An error of a running peer. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  /** A step takes longer than the limit, or nothing came in time. */
  readonly tooSlow: boolean;

  constructor(message: string, tooSlow = false) {
    super(message);
    this.tooSlow = tooSlow;
  }
}

const DIRECTORY = fileURLToPath(new URL("..", import.meta.url));

/** A started peer. One request at a time. */
export class Peer {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #timeout: number;
  #errors = "";
  #failure: string | null = null;

  private constructor(
    readonly spec: PeerSpec,
    { workload, batch, task }: Job,
    timeout: number,
  ) {
    this.#timeout = timeout;
    const job = ["--workload", workload, "--batch", String(batch), "--task", task];
    this.#process = spawn(spec.command, [...spec.args, ...job], {
      cwd: DIRECTORY,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process.on("error", (error) => {
      this.#failure = `cannot start ${spec.command}: ${error.message}`;
    });
    // Writing to a peer that has just died is not a crash: the missing answer shows it.
    this.#process.stdin!.on("error", () => {});
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts a peer and waits until it is ready. Never throws for a peer that cannot run. */
  static async start(
    spec: PeerSpec,
    job: Job,
    timeout: number,
  ): Promise<{ peer: Peer; hello: Hello } | MissingPeer> {
    const peer = new Peer(spec, job, timeout);
    try {
      const answer = await peer.#answer<Hello | Missing>();
      if ("missing" in answer) {
        await peer.stop();
        return { spec, missing: answer.missing };
      }
      return { peer, hello: answer };
    } catch (error) {
      await peer.stop();
      if (error instanceof PeerError) return { spec, missing: error.message };
      throw error;
    }
  }

  /**
   * Makes the first steps and returns the results, unless one takes longer than `limit` milliseconds. Throws a
   * `PeerError` if the peer fails, dies or takes too long.
   */
  prove(limit: number): Promise<Proof> {
    return this.#ask<Proof>(`prove ${limit}`);
  }

  /** Makes steps for about so many milliseconds. Throws like `prove`. */
  run(millis: number): Promise<RunResult> {
    return this.#ask<RunResult>(`run ${millis}`);
  }

  async #ask<T extends object>(command: string): Promise<T> {
    this.#process.stdin!.write(`${command}\n`);
    const answer = await this.#answer<T | Failed>();
    if ("error" in answer) throw new PeerError(answer.error, answer.tooSlow);
    return answer;
  }

  /** Asks the peer to end, and ends it if it does not within two seconds. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdin!.end("quit\n");
    const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
    await gone;
    clearTimeout(timer);
  }

  /** The next line of the peer, as JSON. */
  async #answer<T extends object>(): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), this.#timeout);
    });
    const next = await Promise.race([this.#lines.next(), late]);
    clearTimeout(timer);
    if (next === "late") {
      this.#process.kill("SIGKILL");
      throw new PeerError(`no answer within ${this.#timeout / 1000} s`, true);
    }
    if (next.done) throw new PeerError(await this.#epitaph());
    try {
      const answer: unknown = JSON.parse(next.value);
      if (typeof answer === "object" && answer !== null) return answer as T;
    } catch {
      // Reported below.
    }
    throw new PeerError(`expected a line of JSON but got "${next.value.slice(0, 200)}"`);
  }

  /** Why the peer's output ended. */
  async #epitaph(): Promise<string> {
    const child = this.#process;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once("close", resolve));
    }
    if (this.#failure !== null) return this.#failure;
    const lines = this.#errors.split("\n").filter((line) => line.trim() !== "");
    const telling = lines.findLast((line) => /\b\w*(Error|Exception)\b/.test(line)) ?? lines.at(-1);
    const end =
      child.signalCode === null
        ? `ended with exit code ${child.exitCode}`
        : `was ended by ${child.signalCode}`;
    return telling === undefined ? end : `${end}: ${telling.trim()}`;
  }
}
