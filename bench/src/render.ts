/** One comparison as text. */

import { isSame } from "./closeness.ts";
import type { Hello } from "./protocol.ts";
import {
  basePeer,
  type Comparison,
  formatRatio,
  gflops,
  isMeasured,
  type Machine,
  type Measured,
  measuredPeers,
  type Report,
  threadsOf,
  threeDigits,
} from "./report.ts";
import { table } from "./table.ts";

/**
 * On a machine busier than this before the peers start, the
 * figures are unreliable, especially those of several threads.
 */
const QUIET = 0.1;

export function renderMachine({ cpu, cores, memoryGiB, system, node, peakGflops }: Machine): string {
  return (
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}\n` +
    `one thread reaches ${peakGflops.toFixed(1)} GFLOP/s in 128-bit WebAssembly SIMD: the peak that shares are of`
  );
}

/** The peers whose results show that they do not compute the same as the first. */
export function strays(comparison: Comparison): readonly Measured[] {
  return measuredPeers(comparison).filter(
    ({ closeness }) => !isSame(closeness, comparison.workload, comparison.task),
  );
}

/** A table, followed by remarks about the peers that are not in `told` yet. */
export function renderComparison(
  comparison: Comparison,
  machine: Machine,
  told: Map<string, string>,
): string {
  const { workload, batch, task, peers, otherLoad, nominalFlops } = comparison;
  const work = `${threeDigits(nominalFlops / 1e6)} MFLOP`;
  const lines = [`${workload}, batch ${batch}, ${task} (${work} a step)`];
  if (basePeer(comparison) !== undefined) lines.push(figures(comparison, machine));
  for (const peer of peers) {
    const remark = isMeasured(peer) ? `is ${describe(peer)}` : `is missing: ${peer.missing}`;
    if (told.get(peer.peer) === remark) continue;
    told.set(peer.peer, remark);
    lines.push(`  ${peer.peer} ${remark}`);
  }
  for (const { peer, closeness } of strays(comparison)) {
    lines.push(`  ${peer} does other work: ${closeness.worst} differs most; its time says nothing.`);
  }
  if (otherLoad > QUIET) {
    lines.push(
      `  Other processes kept the CPU ${Math.round(otherLoad * 100)} % busy: these figures cannot be trusted.`,
    );
  }
  return lines.join("\n");
}

function figures(comparison: Comparison, { peakGflops }: Machine): string {
  const base = basePeer(comparison)!;
  const isTraining = comparison.task === "training";
  const tellsMemory = measuredPeers(comparison).some(({ peakBytes }) => peakBytes !== undefined);
  const proofs = isTraining ? ["losses", "parameters", "… of change"] : ["outputs"];
  const head = [
    "peer",
    "ms/step",
    "rounds",
    `÷ ${base.peer}`,
    "GFLOP/s",
    "of peak",
    ...(tellsMemory ? ["MB"] : []),
    ...proofs,
  ];
  const rows = measuredPeers(comparison).map((peer) => {
    const { closeness } = peer;
    const rate = gflops(comparison, peer);
    const distances = isTraining
      ? [closeness.losses, closeness.tensors, closeness.changes]
      : [closeness.tensors];
    return [
      peer.peer,
      threeDigits(peer.msPerStep),
      `${threeDigits(Math.min(...peer.rounds))} – ${threeDigits(Math.max(...peer.rounds))}`,
      formatRatio(peer.msPerStep / base.msPerStep),
      rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2),
      `${((100 * rate) / (peakGflops * threadsOf(peer))).toFixed(rate >= 10 ? 0 : 1)} %`,
      ...(tellsMemory ? [megabytes(peer)] : []),
      ...distances.map((distance) => distance.toExponential(0)),
    ];
  });
  return table([head, ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/** The peak of a step's memory. */
const megabytes = ({ peakBytes }: Measured): string =>
  peakBytes === undefined ? "–" : threeDigits(peakBytes / 1e6);

/** Details that change from job to job, such as the time to compile, are only in the JSON. */
const TOLD_ELSEWHERE = "compile ms";

function describe({ name, version, details }: Hello): string {
  const list = Object.entries(details)
    .filter(([key]) => key !== TOLD_ELSEWHERE)
    .map(([key, value]) => `${key} ${value}`);
  return `${name} ${version} (${list.join(", ")})`;
}

/** A whole report, as it was printed while it was made. */
export function renderReport({ machine, results }: Report): string {
  const told = new Map<string, string>();
  return [renderMachine(machine), ...results.map((r) => renderComparison(r, machine, told))].join("\n\n");
}
