/** The results of a run of the benchmarks, as they are printed, drawn, judged and written to a file. */

import type { Closeness } from "./closeness.ts";
import type { Job, PeerKind } from "./peer.ts";
import type { Hello, Task } from "./protocol.ts";

/** A peer's figures for one job. */
export interface Measured extends Hello {
  readonly peer: string;
  readonly kind: PeerKind;
  /** The median over the rounds of each round's median. */
  readonly msPerStep: number;
  readonly rounds: readonly number[];
  /** Timed steps over all rounds. */
  readonly steps: number;
  readonly losses: readonly number[];
  /** The most memory of a training step besides parameters and optimizer states; absent if the peer does not know. */
  readonly peakBytes?: number;
  /** The difference of its results from those of the first peer that ran. */
  readonly closeness: Closeness;
}

/** A peer without figures. */
export interface Unmeasured {
  readonly peer: string;
  readonly missing: string;
}

export interface Comparison extends Job {
  /** The share of the CPU that other processes used just before. */
  readonly otherLoad: number;
  /** The operations of a step, counted from the net: floating-point, a multiply-add as two. */
  readonly nominalFlops: number;
  readonly peers: readonly (Measured | Unmeasured)[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** The maximum of one thread in 128-bit WebAssembly SIMD, multiplying and adding in registers. */
  readonly peakGflops: number;
}

export interface Report {
  /** When the run began, as ISO 8601 writes it. */
  readonly date: string;
  readonly machine: Machine;
  readonly settings: Readonly<Record<string, number>>;
  readonly results: readonly Comparison[];
}

export const isMeasured = (peer: Measured | Unmeasured): peer is Measured => "msPerStep" in peer;

export function measuredPeers({ peers }: Comparison): readonly Measured[] {
  return peers.filter(isMeasured);
}

/** The peer that the others are compared with: the first that ran. */
export function basePeer(comparison: Comparison): Measured | undefined {
  return measuredPeers(comparison)[0];
}

/** Nominal GFLOP/s: a peer that skips work, such as the zeros behind a max-pool, can exceed what it executes. */
export function gflops({ nominalFlops }: Comparison, { msPerStep }: Measured): number {
  return nominalFlops / msPerStep / 1e6;
}

/** How many threads a peer says it computes with. */
export function threadsOf({ details }: Hello): number {
  return Number(details.threads ?? 1);
}

/** A positive number with three digits, or all those before the point. */
export function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** How many times a peer's time is the base's, with two digits or, from 10 on, without fractions. */
export function formatRatio(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(ratio >= 1 ? 1 : 2)}×`;
}

/** The part of a report that the choices name; no choice takes all. */
export function chosen(
  report: Report,
  choices: {
    readonly tasks?: readonly Task[];
    readonly workloads?: readonly string[];
    readonly batches?: readonly number[];
    readonly peers?: readonly string[];
  },
): Report {
  const { tasks, workloads, batches, peers } = choices;
  const results = report.results
    .filter((r) => tasks?.includes(r.task) ?? true)
    .filter((r) => workloads?.includes(r.workload) ?? true)
    .filter((r) => batches?.includes(r.batch) ?? true)
    .map((r) => ({ ...r, peers: r.peers.filter(({ peer }) => peers?.includes(peer) ?? true) }));
  return { ...report, results };
}
