/**
 * `program.profile()` and `trainer.profile()`: how long a run
 * takes and where the time goes, without changing any state.
 */

import { KilnError } from "../../core/errors.ts";
import { millisecondsWithUnit } from "../../core/figures-text.ts";
import { checkOptionNames, type OptionNames } from "../../core/option-names.ts";
import { formatOrigins } from "../../core/origin.ts";
import { plainLine } from "../../core/plain-line.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { KernelInfo } from "./figures.ts";
import type { Profile } from "./profile.ts";

/** The options of `profile`. */
export interface ProfileOptions {
  /** How long to measure (default: 1000); a long run is measured a few times all the same. */
  readonly milliseconds?: number;
  /** What to run on, targets last (default: random numbers). The time of some kernels depends on their data. */
  readonly batch?: readonly Tensor[];
}

const OPTIONS = { milliseconds: true, batch: true } satisfies OptionNames<ProfileOptions>;

/** One kernel's part in a profile. */
export interface KernelFigures extends Omit<KernelInfo, "source"> {
  /** The median time, run by itself. */
  readonly milliseconds: number;
  /** The share of the time of all kernels that every run needs, from 0 to 1; 0 for one that prepares. */
  readonly share: number;
  /** 10⁹ executed operations per second. */
  readonly gflops: number;
  /** 10⁹ bytes per second, of the buffers that it reads and writes. */
  readonly gigabytes: number;
}

/** Where the time of a run goes. `String(profile)` is a table, and it is plain data for JSON. */
export class ProgramProfile {
  /** The backend that ran it, with its mode. */
  readonly backend: string;
  /** The median time of one run, everything included. */
  readonly milliseconds: number;
  /** The number of runs measured. */
  readonly runs: number;
  /** The kernels, in the order in which they run. */
  readonly kernels: readonly KernelFigures[];

  constructor(backend: string, { milliseconds, runs, kernels }: Profile) {
    this.backend = backend;
    this.milliseconds = milliseconds;
    this.runs = runs;
    const sum = timeOfRun(kernels);
    this.kernels = kernels.map(({ source: _, ...kernel }) => ({
      ...kernel,
      share: sum > 0 && !kernel.prepares ? kernel.milliseconds / sum : 0,
      gigabytes: kernel.milliseconds > 0 ? kernel.bytes / kernel.milliseconds / 1e6 : 0,
    }));
  }

  /** A line for the run, and a row for each kernel in the order they run. */
  toString(): string {
    const apart = timeOfRun(this.kernels);
    const head = ["kernel", "ms", "share", "GFLOP/s", "GB/s", "at"];
    const rows = this.kernels.map(({ name, milliseconds, prepares, share, gflops, gigabytes, origins }) => [
      name,
      millisecondsWithUnit(milliseconds).replace(" ms", ""),
      prepares ? "once" : `${(100 * share).toFixed(1)} %`,
      gflops.toFixed(1),
      gigabytes.toFixed(1),
      plainLine(formatOrigins(origins)),
    ]);
    const all = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
    const isText = (column: number): boolean => column === 0 || column === head.length - 1;
    const line = (row: readonly string[]): string =>
      row
        .map((cell, k) => (isText(k) ? cell.padEnd(widths[k]) : cell.padStart(widths[k])))
        .join("  ")
        .trimEnd();
    const title =
      `${this.backend}: ${millisecondsWithUnit(this.milliseconds)} a run (median of ${this.runs}); ` +
      `kernels one by one: ${millisecondsWithUnit(apart)}`;
    return [title, ...all.map((row) => `  ${line(row)}`)].join("\n");
  }
}

/** The time of all kernels that every run needs, one by one. */
const timeOfRun = (kernels: readonly Pick<KernelFigures, "milliseconds" | "prepares">[]): number =>
  kernels.reduce((sum, { milliseconds, prepares }) => (prepares ? sum : sum + milliseconds), 0);

/** The options with their defaults; throws for invalid ones. */
export function readProfileOptions(options: ProfileOptions): {
  readonly milliseconds: number;
  readonly batch: readonly Tensor[] | undefined;
} {
  checkOptionNames("profile", options, OPTIONS);
  const { milliseconds = 1000, batch } = options;
  if (!Number.isFinite(milliseconds) || milliseconds <= 0)
    throw new KilnError(`milliseconds must be a number above 0, not ${milliseconds}`);
  if (batch !== undefined && !Array.isArray(batch))
    throw new KilnError("batch must be a list of tensors: the inputs, then the targets");
  return { milliseconds, batch };
}
