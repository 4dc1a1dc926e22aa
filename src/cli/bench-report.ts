/** What `kiln bench` prints: for each backend the time of a step, and a row for every kernel. */

import { formatOrigins } from "../core/origin.ts";
import type { KernelProfile, Profile } from "../runtime/profile.ts";
import type { Inspectable } from "../runtime/program.ts";

/** One backend's figures. */
export interface BenchResult extends Profile {
  readonly backend: string;
  readonly compileMilliseconds: number;
  readonly tuned: Inspectable["tuned"];
}

export interface BenchTitle {
  readonly model: string;
  readonly mode: "training" | "forward";
  readonly batchSize: number;
}

const WHAT = { training: "training step", forward: "forward pass" } as const;

/** All backends one after the other, the first one's time as the measure of the others. */
export function printProfiles(
  { model, mode, batchSize }: BenchTitle,
  results: readonly BenchResult[],
): string {
  const [first] = results;
  const parts = results.map((result) => {
    const ratio = result.milliseconds / first.milliseconds;
    const compared = result === first ? "" : `, ${ratio.toFixed(2)} × ${first.backend}`;
    const each = `${number(result.milliseconds)} ms${compared}`;
    return [
      `${result.backend}: ${each} (median of ${result.runs}; compiled in ${result.compileMilliseconds.toFixed(0)} ms)`,
      ...tuning(result),
      kernelTable(result.kernels),
    ].join("\n");
  });
  return [`${model}, ${WHAT[mode]}, batch ${batchSize}`, ...parts].join("\n\n");
}

/** What tuning came to, where it was asked for. */
function tuning({ tuned }: BenchResult): string[] {
  if (tuned.length === 0) return [];
  const count = (source: (typeof tuned)[number]["source"]): number =>
    tuned.filter((kernel) => kernel.source === source).length;
  const changed = tuned.filter(({ choice, first }) => choice !== first);
  return [
    `  tuned: ${count("measured")} kernels measured now, ${count("stored")} known before, ` +
      `${count("model")} left for want of time; ${changed.length} run otherwise than without tuning`,
    ...changed.map(
      ({ kernel, choice, milliseconds = 0, firstMilliseconds = 0 }) =>
        `    ${kernel}: ${number(firstMilliseconds)} -> ${number(milliseconds)} ms by ${choice}`,
    ),
  ];
}

function kernelTable(kernels: readonly KernelProfile[]): string {
  const total = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const expected = kernels.reduce((sum, { estimate = 0 }) => sum + estimate, 0);
  const share = (part: number, whole: number): string =>
    whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "";
  const rows = kernels.map((k) => [
    k.name,
    number(k.milliseconds),
    share(k.milliseconds, total),
    k.estimate === undefined ? "" : share(k.estimate, expected),
    k.gflops.toFixed(1),
    k.milliseconds > 0 ? (k.nominalFlops / k.milliseconds / 1e6).toFixed(1) : "0.0",
    k.schedule ?? "",
    formatOrigins(k.origins),
  ]);
  const head = ["kernel", "ms", "share", "expected", "GFLOP/s", "dense", "schedule", "at"];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const isNumber = (column: number): boolean => column >= 1 && column <= 5;
  return all
    .map((row) =>
      row
        .map((cell, k) => (isNumber(k) ? cell.padStart(widths[k]) : cell.padEnd(widths[k])))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join("\n");
}

/** Milliseconds with three digits or more that mean something. */
const number = (milliseconds: number): string =>
  milliseconds >= 100
    ? milliseconds.toFixed(0)
    : milliseconds >= 1
      ? milliseconds.toFixed(2)
      : milliseconds.toFixed(4);
