/** What `KILN_DEBUG` shows of a compilation: a line for the program and, at higher levels, its passes and kernels. */

import { shortName } from "../../core/dtype.ts";
import { bytesText, flopsText, millisecondsWithUnit } from "../../core/figures-text.ts";
import { formatOrigins } from "../../core/origin.ts";
import { formatShape } from "../../core/shape.ts";
import { type Artifact, isGraph, isPlan, type StageDump } from "../../ir/artifact.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { Debug } from "./debug.ts";
import type { Compilation, KernelInfo } from "./figures.ts";

/** What was compiled, and why. */
export interface Asked {
  /** Such as `forward pass` or `training step`. */
  readonly what: string;
  /** Why a new program was needed; absent for the first. */
  readonly why?: string | undefined;
}

/** What is reported: the time is that of the whole compilation, including tracing. */
interface Compiled {
  readonly compilation: Compilation;
  readonly compileMilliseconds: number;
}

export function logCompilation(
  debug: Debug,
  { what, why }: Asked,
  { compilation, compileMilliseconds }: Compiled,
): void {
  const { plan, backend, kernels, memory, stages } = compilation;
  const { threads = 1 } = plan;
  const on = threads === 1 ? "1 thread" : `${threads} threads`;
  const figures = [
    `compiled in ${millisecondsWithUnit(compileMilliseconds)}`,
    `${backend} on ${on}`,
    counted(kernels.length, "kernel"),
    `${bytesText(memory.arenaBytes)} arena, ${bytesText(memory.parameterBytes)} states`,
  ];
  debug.write(
    `${programLabel(plan, what)}: ${figures.join(", ")}${why === undefined ? "" : `; because ${why}`}`,
  );
  if (debug.level < 2) return;
  let before: Artifact | undefined;
  for (const stage of stages) {
    debug.write(passLine(stage, before));
    before = stage.artifact;
  }
  for (const kernel of kernels) debug.write(kernelLine(kernel));
}

/** A program by its model, its purpose and its inputs: `lenet training step f32[64,1,32,32] i32[64]`. */
export const programLabel = ({ name, inputs }: ProgramPlan, what: string): string =>
  [name, what, ...inputs.map(({ dtype, shape }) => shortName(dtype) + formatShape(shape))].join(" ");

function passLine(
  { name, artifact, text, unchanged, milliseconds }: StageDump,
  before: Artifact | undefined,
): string {
  const change =
    name === "source"
      ? `${bytesText(text.length)} of code`
      : unchanged
        ? "unchanged"
        : changeOf(artifact, before);
  return `  pass ${name.padEnd(14)} ${millisecondsWithUnit(milliseconds).padStart(10)}  ${change}`;
}

/** The counts of an artifact, before and after: `nodes 24 -> 21, groups 0 -> 5`. */
function changeOf(artifact: Artifact, before: Artifact | undefined): string {
  const known = before === undefined ? {} : countsOf(before);
  const counts = Object.entries(countsOf(artifact))
    .flatMap(([what, count]) => {
      const old = known[what];
      if (old === undefined) return count === 0 ? [] : [`${what} ${count}`];
      return old === count ? [] : [`${what} ${old} -> ${count}`];
    })
    .concat(isPlan(artifact) ? [`arena ${bytesText(artifact.arenaBytes)}`] : []);
  return counts.length === 0 ? "changed" : counts.join(", ");
}

const countsOf = (artifact: Artifact): Readonly<Record<string, number>> =>
  isGraph(artifact)
    ? {
        nodes: artifact.nodes.length,
        groups: artifact.groups?.length ?? 0,
        views: artifact.views?.length ?? 0,
      }
    : { kernels: artifact.kernels.length, buffers: artifact.buffers.length };

function kernelLine({ name, prepares, flops, bytes, schedule, origins }: KernelInfo): string {
  const place = formatOrigins(origins);
  return [
    `  kernel ${name}: ${prepares ? "prepares, " : ""}${flopsText(flops)}`,
    bytesText(bytes),
    ...(schedule === undefined ? [] : [schedule]),
    ...(place === "" ? [] : [`at ${place}`]),
  ].join(", ");
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
