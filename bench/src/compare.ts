/** Measures peers against each other: each in its own process, in turns, after proving that all do the same work. */

import { closeness } from "./closeness.ts";
import { nominalFlops } from "./flops.ts";
import { otherLoad } from "./machine.ts";
import { initialNumbers, MODELS } from "./models.ts";
import { type Job, Peer, PeerError, type PeerSpec } from "./peer.ts";
import { type Hello, median, type Proof } from "./protocol.ts";
import type { Comparison, Measured, Unmeasured } from "./report.ts";
import { initialParameters, WORKLOADS } from "./workloads.ts";

/** Times are in milliseconds. */
export interface Settings {
  readonly rounds: number;
  /** How long a peer's turn lasts; at least one step. */
  readonly millis: number;
  /** How long each peer runs before the first round. */
  readonly warmup: number;
  /** A peer that needs longer for one step is left out. */
  readonly stepLimit: number;
  /** A peer whose turns would last longer in all has fewer turns, but two at least. */
  readonly budget: number;
  /** A peer that does not answer for so long is ended. */
  readonly timeout: number;
}

/** Pause between turns, in which the threads of the peer before stop polling. */
const SETTLE = 20;
const LEAST_ROUNDS = 2;

/** A peer that takes part, and what it has shown so far. */
interface Running {
  readonly spec: PeerSpec;
  readonly peer: Peer;
  readonly hello: Hello;
  readonly proof: Proof;
  readonly rounds: number[];
  steps: number;
}

/** Peers that were too slow for a batch are not tried with larger ones. */
export class Comparer {
  private readonly specs: readonly PeerSpec[];
  private readonly settings: Settings;
  private readonly slow = new Map<string, { readonly batch: number; readonly reason: string }>();

  constructor(specs: readonly PeerSpec[], settings: Settings) {
    this.specs = specs;
    this.settings = settings;
  }

  /** Runs all peers in turns, round by round, so that other load on the machine affects all of them alike. */
  async compare(job: Job): Promise<Comparison> {
    const load = await otherLoad();
    const running = new Map<PeerSpec, Running>();
    const missing = new Map<PeerSpec, string>();
    const fail = async (spec: PeerSpec, error: unknown): Promise<void> => {
      if (!(error instanceof PeerError)) throw error;
      missing.set(spec, error.message);
      await running.get(spec)?.peer.stop();
      running.delete(spec);
    };
    try {
      for (const spec of this.specs) {
        try {
          running.set(spec, await this.start(spec, job));
        } catch (error) {
          await fail(spec, error);
        }
      }
      for (let round = 0; round < this.settings.rounds; round++) {
        for (const entry of [...running.values()]) {
          if (!this.hasTurn(entry)) continue;
          try {
            const { msPerStep, steps } = await entry.peer.run(this.settings.millis);
            entry.rounds.push(msPerStep);
            entry.steps += steps;
          } catch (error) {
            await fail(entry.spec, error);
          }
          await pause();
        }
      }
    } finally {
      await Promise.all([...running.values()].map(({ peer }) => peer.stop()));
    }

    const first = [...running.values()][0];
    const initial = job.task === "training" ? initialOf(job.workload) : new Map<string, Float32Array>();
    const peers = this.specs.map((spec): Measured | Unmeasured => {
      const entry = running.get(spec);
      if (entry === undefined) return { peer: spec.name, missing: missing.get(spec) ?? "did not run" };
      const { hello, proof, rounds, steps } = entry;
      return {
        peer: spec.name,
        kind: spec.kind,
        ...hello,
        msPerStep: median(rounds),
        rounds,
        steps,
        losses: proof.losses,
        ...(proof.peakBytes !== undefined && { peakBytes: proof.peakBytes }),
        closeness: closeness(proof, first.proof, initial),
      };
    });
    return {
      ...job,
      otherLoad: load,
      nominalFlops: await nominalFlops(job.workload, job.batch, job.task),
      peers,
    };
  }

  /** Starts a peer, has it prove its work and warms it up. Throws a `PeerError` if it cannot take part. */
  private async start(spec: PeerSpec, job: Job): Promise<Running> {
    const { stepLimit, warmup, timeout } = this.settings;
    if (spec.tasks !== undefined && !spec.tasks.includes(job.task)) {
      throw new PeerError(`it does ${spec.tasks.join(", ")} alone`);
    }
    const key = `${spec.name} ${job.workload} ${job.task}`;
    const before = this.slow.get(key);
    if (before !== undefined && before.batch <= job.batch) {
      throw new PeerError(`with batch ${before.batch} ${before.reason}`);
    }
    const started = await Peer.start(spec, job, timeout);
    if ("missing" in started) throw new PeerError(started.missing);
    const { peer, hello } = started;
    try {
      const proof = await peer.prove(stepLimit);
      if (proof.msPerStep < warmup) await peer.run(warmup);
      await pause();
      return { spec, peer, hello, proof, rounds: [], steps: 0 };
    } catch (error) {
      await peer.stop();
      if (error instanceof PeerError && error.tooSlow) {
        this.slow.set(key, { batch: job.batch, reason: error.message });
      }
      throw error;
    }
  }

  private hasTurn({ proof, rounds }: Running): boolean {
    const { millis, budget } = this.settings;
    const turn = Math.max(millis, proof.msPerStep);
    return rounds.length < LEAST_ROUNDS || (rounds.length + 1) * turn <= budget;
  }
}

/** All initial parameters of a workload by state-dict key. */
const initialOf = (name: string): ReadonlyMap<string, Float32Array> =>
  Object.hasOwn(MODELS, name) ? initialNumbers(MODELS[name]) : initialParameters(WORKLOADS[name]);

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLE));
