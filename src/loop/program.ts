/** A lowered program: kernels in the order they run, over named buffers. Plain data, printable and loadable. */

import type { DType } from "../core/dtype.ts";
import { shortName } from "../core/dtype.ts";
import type { Layout } from "../core/layout.ts";
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
  /** How it lies in memory, where it is not row-major. */
  readonly layout?: Layout;
  /** Scratch of which each thread has its own copy. */
  readonly private?: true;
}

/** Names under which the user's tensors and results are found; a result may be a view with its own shape. */
export interface Binding {
  readonly name: string;
  readonly buffer: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** How a state lies in memory, where it is not row-major. Inputs and outputs always are. */
  readonly layout?: Layout;
}

export interface LoweredProgram {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  readonly buffers: readonly ProgramBuffer[];
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
  readonly states: readonly Binding[];
  readonly scalars: readonly string[];
  /** Threads that run it, each with a copy of its private scratch; 1 when absent. */
  readonly threads?: number;
  /** How many of the kernels, from the first, run before states are touched: the rest commit the step. */
  readonly commitFrom: number;
}

/** The dump of a program between lowering and printing. */
export function printProgram(program: LoweredProgram): string {
  const buffers = program.buffers
    .filter(({ role }) => role !== "state")
    .map(
      (b) =>
        `  ${b.role} ${b.name}: ${shortName(b.dtype)}${formatShape(b.shape)}${b.layout ? ` in order [${b.layout}]` : ""}  # ${b.value}`,
    );
  return [`program ${program.name}`, ...buffers, "", program.kernels.map(printKernel).join("\n\n")].join(
    "\n",
  );
}
