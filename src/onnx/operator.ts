/** Definitions of operators, one each: the importer runs them, and docs/onnx.md is generated from them. */

import type { Tensor } from "../tensor/tensor.ts";
import type { Call } from "./call.ts";
import type { Constant } from "./constant.ts";
import type { Value } from "./value.ts";

/**
 * A result of an operator: a tensor has the element type of the first input that Kiln computes with in the same dtype;
 * a constant is known without running a program.
 */
export type Result = Tensor | Value | Constant;

export interface Operator {
  readonly name: string;
  /** Which inputs must be known at compile time, since shapes depend on them. */
  readonly known?: readonly number[];
  /** Which inputs are weights: an initializer there is trained. */
  readonly weights?: readonly number[];
  /** Which inputs are statistics that it may update in training mode. */
  readonly statistics?: readonly number[];
  /** Whether the result is the first input rearranged, so that it is a weight if that is one. */
  readonly moves?: boolean;
  /** Whether results of 8 and 16 bits may leave their range, and wrap around. */
  readonly wraps?: boolean;
  /**
   * How it reads uint32, which Kiln stores as the bits of int32: it needs only their bits, or their order, where
   * `elements` means that its first output consists of elements of its inputs; or it handles the type itself. Without
   * this, uint32 is an error.
   */
  readonly unsigned?: "bits" | "order" | "elements" | "type";
  /**
   * Whether its results may be larger than its inputs, so that 64-bit integers may leave int32. It takes floats as
   * well, by which that is detected.
   */
  readonly grows?: boolean;
  /** A description of what Kiln does not support. */
  readonly limits?: string;
  /** Computes the outputs; unused ones may be missing. */
  run(call: Call): Result | readonly (Result | undefined)[];
  /** The same for known inputs, as far as shape arithmetic needs it; `undefined` if it is left to the program. */
  fold?(call: Call): Constant | readonly Constant[] | undefined;
}

/** An operator's results as a list. */
export const resultList = (result: ReturnType<Operator["run"]>): readonly (Result | undefined)[] =>
  Array.isArray(result) ? result : [result as Result];
