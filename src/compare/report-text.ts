/** A comparison as text for a terminal: for each backend the time of a step, and a row for every kernel. */

import { millisecondsText } from "../core/figures-text.ts";
import { plainLine } from "../inspect/escape.ts";
import {
  denseGflops,
  differenceText,
  memoryText,
  ratioText,
  shareText,
  subjectText,
  sumOf,
  timeShareText,
} from "./figures-text.ts";
import type { BackendResult, Comparison, KernelResult } from "./types.ts";

/** All backends one after the other, the first one's time as the measure of the others. `name` is what the model is called. */
export function comparisonText(comparison: Comparison, name: string = comparison.model): string {
  const { results } = comparison;
  const parts = results.map((result) => {
    const ratio = ratioText(result, results);
    const compared = ratio === "" ? "" : `, ${ratio} ${plainLine(results[0].backend)}`;
    const each = `${millisecondsText(result.milliseconds)} ms${compared}`;
    return [
      `${plainLine(result.backend)}: ${each} (median of ${result.runs}; compiled in ${result.compileMilliseconds.toFixed(0)} ms)`,
      ...tuning(result),
      `  difference: ${differenceText(result.difference, comparison)}`,
      `  memory: ${memoryText(result)}`,
      kernelTable(result.kernels),
    ].join("\n");
  });
  return [`${plainLine(name)}, ${subjectText(comparison)}`, ...parts].join("\n\n");
}

/** The result of tuning, if it was asked for. */
function tuning({ tuned }: BackendResult): string[] {
  if (tuned.length === 0) return [];
  const count = (source: (typeof tuned)[number]["source"]): number =>
    tuned.filter((kernel) => kernel.source === source).length;
  const changed = tuned.filter(({ choice, first }) => choice !== first);
  return [
    `  tuned: ${count("measured")} kernels measured now, ${count("stored")} known before, ` +
      `${count("model")} left for want of time; ${changed.length} run otherwise than without tuning`,
    ...changed.map(
      ({ kernel, choice, milliseconds = 0, firstMilliseconds = 0 }) =>
        `    ${plainLine(kernel)}: ${millisecondsText(firstMilliseconds)} -> ${millisecondsText(milliseconds)} ms by ${plainLine(choice)}`,
    ),
  ];
}

const HEADINGS = ["kernel", "ms", "share", "expected", "GFLOP/s", "dense", "schedule", "at"] as const;

function kernelTable(kernels: readonly KernelResult[]): string {
  const total = sumOf(kernels, ({ milliseconds }) => milliseconds);
  const expected = sumOf(kernels, ({ estimate = 0 }) => estimate);
  const rows = kernels.map((k) => [
    plainLine(k.name),
    millisecondsText(k.milliseconds),
    timeShareText(k, total),
    k.estimate === undefined || k.prepares ? "" : shareText(k.estimate, expected),
    k.gflops.toFixed(1),
    denseGflops(k).toFixed(1),
    plainLine(k.schedule ?? ""),
    plainLine(k.at),
  ]);
  const all = [[...HEADINGS], ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column].length)));
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
