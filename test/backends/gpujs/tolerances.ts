/** How far gpu.js's modes may lie from exact arithmetic, op by op: the one table, with the reason for each figure. */

import type { Mode } from "../../../backends/gpujs/modes.ts";

/** Errors are relative to the largest value of the tensor. */
export interface Tolerance {
  readonly value: number;
  /** Of gradients, which pass through several kernels and round after each. */
  readonly gradient: number;
}

/** Half a unit in the last place of a float32. */
const ROUNDING = 2 ** -24;

/** `cpu` adds up in double, and rounds what is no sum after each operation: a few roundings for an op that is one kernel. */
const DOUBLE: Tolerance = { value: 4 * ROUNDING, gradient: 16 * ROUNDING };

/** Everywhere else each operation rounds, so that a sum of a hundred terms may lose a few bits. */
const SINGLE: Tolerance = { value: 8 * ROUNDING, gradient: 32 * ROUNDING };

/** Ops whose formula loses more than its operations round, in single precision. */
const COARSE: Readonly<Record<string, { readonly tolerance: Tolerance; readonly reason: string }>> = {
  pow: {
    tolerance: { value: 8 * ROUNDING, gradient: 2 ** -17 },
    reason: "the gradient for the exponent has a logarithm, of which shaders leave some 20 bits",
  },
};

export function toleranceOf(op: string, mode: Mode): Tolerance {
  if (mode === "cpu") return DOUBLE;
  return COARSE[op]?.tolerance ?? SINGLE;
}
