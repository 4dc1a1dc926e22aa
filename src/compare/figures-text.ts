/** Figures of a comparison as people read them, the same in the table, the chart and the page. */

import { bytesText } from "../core/figures-text.ts";
import { plainLine } from "../inspect/escape.ts";
import { fewOf } from "./rounding.ts";
import type {
  BackendResult,
  Checked,
  Comparison,
  Difference,
  KernelResult,
  ValueDifference,
} from "./types.ts";

const MODES = { training: "training step", forward: "forward pass" } as const;

/** The compared program in words: `training step, batch 64`. */
export const subjectText = ({ mode, batchSize }: Comparison): string => `${MODES[mode]}, batch ${batchSize}`;

/** The same as a heading. */
export const headingText = (comparison: Comparison): string =>
  subjectText(comparison).replace(/^./, (first) => first.toUpperCase());

/** `2.10 ×`: how many times the time of the first backend; empty for that one itself. */
export function ratioText(result: BackendResult, [first]: readonly BackendResult[]): string {
  return result === first ? "" : `${(result.milliseconds / first.milliseconds).toFixed(2)} ×`;
}

/** A part in percent; empty where there is no whole. */
export const shareText = (part: number, whole: number): string =>
  whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "";

/** What the dense form of a kernel would take for the same speed. */
export const denseGflops = ({ nominalFlops, milliseconds }: KernelResult): number =>
  milliseconds > 0 ? nominalFlops / milliseconds / 1e6 : 0;

/** A sum over the kernels that every run needs. */
export const sumOf = (kernels: readonly KernelResult[], of: (kernel: KernelResult) => number): number =>
  kernels.reduce((sum, kernel) => (kernel.prepares ? sum : sum + of(kernel)), 0);

/** A kernel's part in the time of a run. */
export const timeShareText = ({ prepares, milliseconds }: KernelResult, whole: number): string =>
  prepares ? "once" : shareText(milliseconds, whole);

/** A relative difference: `2.2e-6`, or that there are NaN or infinity where the oracle has numbers. */
export const deviationText = (difference: number): string =>
  difference === 0 ? "0" : difference === Number.MAX_VALUE ? "without bound" : difference.toExponential(1);

/** What a comparison with the oracle came to, in one sentence. */
export function differenceText(difference: Difference, { batchSize }: Comparison): string {
  if (!difference.checked) return `not compared with the oracle: ${plainLine(difference.reason)}`;
  const { first, largest } = difference;
  const samples =
    difference.batchSize === batchSize ? "" : `; compared on ${samplesText(difference)} of ${batchSize}`;
  const most = largest === null ? "" : `at most ${deviationText(largest.difference)} (${valueText(largest)})`;
  if (first === null) {
    const found = largest === null ? "rounding leaves no digit of any value" : `${most}, which is rounding`;
    return `${found}${samples}`;
  }
  const kernel = `more than rounding first in kernel ${plainLine(first.kernel)}${placeText(first)}: ${deviationText(first.difference)} in ${plainLine(first.value)}, ${beyondText(first)}`;
  return `${kernel}${most === "" ? "" : `; ${most}`}${samples}`;
}

const samplesText = ({ batchSize }: Checked): string =>
  `${batchSize} ${batchSize === 1 ? "sample" : "samples"}`;

/** Numbers that are nearly equal may be ordered otherwise: then it is a few elements that differ. */
function beyondText({ beyond, elements }: ValueDifference): string {
  const count = `${beyond} of ${elements} ${elements === 1 ? "element" : "elements"}`;
  const isFew = elements > 1 && beyond <= fewOf(elements);
  return isFew ? `${count} (perhaps a relu or a maximum over nearly equal numbers)` : count;
}

const valueText = ({ kernel, value }: ValueDifference): string =>
  `${plainLine(value)} of kernel ${plainLine(kernel)}`;

const placeText = ({ at }: ValueDifference): string => (at === "" ? "" : ` at ${plainLine(at)}`);

/** The arena, how much of it is needed at once and where, and what outlives a run. */
export function memoryText({ memory }: BackendResult): string {
  const { arenaBytes, parameterBytes, peakBytes, peakKernel } = memory;
  const peak =
    peakKernel === "" ? "" : ` (${bytesText(peakBytes)} alive at once in kernel ${plainLine(peakKernel)})`;
  return `${bytesText(arenaBytes)} arena${peak}, ${bytesText(parameterBytes)} parameters and other states`;
}

/** The largest deviation of what a kernel stores, if it was compared: of the same kernel, should samples be fewer. */
export function deviationOf({ name }: KernelResult, difference: Difference): ValueDifference | undefined {
  if (!difference.checked) return undefined;
  const own = difference.values.filter(({ kernel }) => kernel === name);
  return own.reduce<ValueDifference | undefined>(
    (most, value) => (most === undefined || value.difference > most.difference ? value : most),
    undefined,
  );
}
