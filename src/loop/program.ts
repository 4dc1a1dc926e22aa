/** A lowered program: kernels in the order they run, over named buffers. Plain data, printable and loadable. */

import type { DType } from "../core/dtype.ts";
import { shortName } from "../core/dtype.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { printKernel } from "./print.ts";
import type { Kernel } from "./types.ts";

/** `state` buffers belong to the store and outlive a run; all others lie in the program's arena. */
export type BufferRole = "input" | "output" | "state" | "intermediate" | "scratch";

export interface ProgramBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly role: BufferRole;
  /** The value as the graph's text names it. */
  readonly value: string;
}

/** Names under which the user's tensors and results are found; a result may be a view with its own shape. */
export interface Binding {
  readonly name: string;
  readonly buffer: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface LoweredProgram {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  readonly buffers: readonly ProgramBuffer[];
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
  readonly states: readonly Binding[];
  readonly scalars: readonly string[];
  /** How many of the kernels, from the first, run before states are touched: the rest commit the step. */
  readonly commitFrom: number;
}

/** The dump of a program between lowering and printing. */
export function printProgram(program: LoweredProgram): string {
  const buffers = program.buffers
    .filter(({ role }) => role !== "state")
    .map((b) => `  ${b.role} ${b.name}: ${shortName(b.dtype)}${formatShape(b.shape)}  # ${b.value}`);
  return [`program ${program.name}`, ...buffers, "", program.kernels.map(printKernel).join("\n\n")].join(
    "\n",
  );
}
