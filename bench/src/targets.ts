/** How fast Kiln is meant to be, as ratios to peers of the same run, and whether a run meets that. */

import { isSame } from "./closeness.ts";
import type { Task } from "./protocol.ts";
import { type Comparison, formatRatio, type Measured, measuredPeers } from "./report.ts";
import { table } from "./table.ts";

/** Figures for the jobs in `JOBS`, in that order. */
interface Targets {
  readonly task: Task;
  readonly than: string;
  /** The peer to be faster than, among those measured. */
  readonly peer: (measured: readonly Measured[]) => Measured | undefined;
  readonly factors: readonly number[];
}

const JOBS = [
  { workload: "lenet5", batch: 1 },
  { workload: "lenet5", batch: 8 },
  { workload: "lenet5", batch: 64 },
  { workload: "cifar10", batch: 1 },
  { workload: "cifar10", batch: 8 },
  { workload: "cifar10", batch: 64 },
  { workload: "mlp", batch: 64 },
] as const;

const named =
  (name: string) =>
  (measured: readonly Measured[]): Measured | undefined =>
    measured.find(({ peer }) => peer === name);

function fastestJavaScript(measured: readonly Measured[]): Measured | undefined {
  return measured
    .filter(({ kind }) => kind === "javascript")
    .reduce<Measured | undefined>(
      (best, peer) => (best && best.msPerStep <= peer.msPerStep ? best : peer),
      undefined,
    );
}

/** For the machine of two cores that Kiln is built on, plain SIMD. */
export const TARGETS: readonly Targets[] = [
  {
    task: "training",
    than: "PyTorch with 2 threads",
    peer: named("pytorch"),
    factors: [6, 2.5, 1.5, 1.5, 1.2, 1, 0.55],
  },
  {
    task: "training",
    than: "the best JavaScript peer",
    peer: fastestJavaScript,
    factors: [20, 14, 15, 18, 25, 25, 20],
  },
  {
    task: "inference",
    than: "TensorFlow.js wasm",
    peer: named("tfjs-wasm"),
    factors: [2, 2, 2.5, 2, 3, 3, 2],
  },
];

export interface Verdict {
  readonly task: Task;
  readonly workload: string;
  readonly batch: number;
  readonly than: string;
  readonly target: number;
  /** How many times faster Kiln is than `peer`; absent if one of the two was not measured. */
  readonly factor?: number;
  readonly peer?: string;
}

export const isMet = ({ factor, target }: Verdict): boolean => factor !== undefined && factor >= target;

/**
 * A verdict for every target. Kiln is represented by the first of its peers in
 * a comparison; peers that do different work first count as not measured.
 */
export function verdicts(results: readonly Comparison[]): readonly Verdict[] {
  return TARGETS.flatMap(({ task, than, peer: find, factors }) =>
    JOBS.map(({ workload, batch }, k): Verdict => {
      const verdict = { task, workload, batch, than, target: factors[k] };
      const comparison = results.find((r) => r.task === task && r.workload === workload && r.batch === batch);
      if (comparison === undefined) return verdict;
      const measured = measuredPeers(comparison).filter((peer) =>
        isSame(peer.closeness, comparison.workload, comparison.task),
      );
      const kiln = measured.find(({ kind }) => kind === "kiln");
      const peer = find(measured);
      if (kiln === undefined || peer === undefined) return verdict;
      return { ...verdict, factor: peer.msPerStep / kiln.msPerStep, peer: peer.peer };
    }),
  );
}

/** All verdicts as a table, and how many targets are met. */
export function renderVerdicts(results: readonly Comparison[]): string {
  const all = verdicts(results);
  const head = ["task", "workload", "batch", "faster than", "peer", "target", "measured", "met"];
  const rows = all.map((verdict) => [
    verdict.task,
    verdict.workload,
    String(verdict.batch),
    verdict.than,
    verdict.peer ?? "–",
    `${verdict.target}×`,
    verdict.factor === undefined ? "not measured" : formatRatio(verdict.factor),
    verdict.factor === undefined ? "–" : isMet(verdict) ? "yes" : "no",
  ]);
  const met = all.filter(isMet).length;
  const open = all.filter(({ factor }) => factor === undefined).length;
  return [
    "Targets",
    table([head, ...rows], [2, 5, 6]),
    `  ${met} of ${all.length} met${open > 0 ? `, ${open} not measured` : ""}`,
  ].join("\n");
}
