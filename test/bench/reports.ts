/** Made-up reports for the tests of what is made of reports. */

import type { Closeness } from "../../bench/src/closeness.ts";
import type { Job, PeerKind } from "../../bench/src/peer.ts";
import type { Comparison, Measured, Report, Unmeasured } from "../../bench/src/report.ts";

export const EQUAL: Closeness = { losses: 0, tensors: 0, changes: 0, worst: "fc1.weight" };

export function measured(
  peer: string,
  kind: PeerKind,
  msPerStep: number,
  more: Partial<Measured> = {},
): Measured {
  return {
    peer,
    kind,
    msPerStep,
    name: peer,
    version: "1.0",
    details: { threads: 1 },
    rounds: [msPerStep],
    steps: 5,
    losses: [],
    closeness: EQUAL,
    ...more,
  };
}

export function comparison(job: Job, ...peers: readonly (Measured | Unmeasured)[]): Comparison {
  return { ...job, otherLoad: 0, nominalFlops: 2e6, peers };
}

export function report(...results: readonly Comparison[]): Report {
  const machine = {
    cpu: "a CPU",
    cores: 2,
    memoryGiB: 8,
    system: "linux x64",
    node: "v20.20.2",
    peakGflops: 40,
  };
  return { date: "2026-11-21T12:00:00.000Z", machine, settings: { rounds: 5 }, results };
}
