/** What Kiln knows of an operator: one definition each, from which the importer runs it and docs/onnx.md is made. */

import type { Tensor } from "../tensor/tensor.ts";
import type { Call } from "./call.ts";
import type { Constant } from "./constant.ts";
import type { Value } from "./value.ts";

/**
 * What an operator gives: a tensor has the element type of the first input that Kiln computes with in the same dtype; a
 * constant is known without a program that runs.
 */
export type Result = Tensor | Value | Constant;

export interface Operator {
  readonly name: string;
  /** Which inputs must be known when the model is compiled, since shapes depend on them. */
  readonly known?: readonly number[];
  /** Which inputs are weights, that is: an initializer there is learned. */
  readonly weights?: readonly number[];
  /** Which inputs are statistics that it may move while it trains. */
  readonly statistics?: readonly number[];
  /** Whether the result is the first input's elements in another arrangement, so that it is as much a weight as that. */
  readonly moves?: boolean;
  /** Whether whole numbers of 8 and 16 bits may leave their range, and wrap around. */
  readonly wraps?: boolean;
  /**
   * How it reads numbers of 32 bits without a sign, which Kiln has as the bits of int32: their bits are all that it needs,
   * or their order, where `elements` says that its first output is made of elements of its inputs; or it looks at their
   * type itself. Without a word of it such numbers are errors.
   */
  readonly unsigned?: "bits" | "order" | "elements" | "type";
  /**
   * Whether its results may be larger than its inputs, so that whole numbers of 64 bits may leave int32. It takes floats as
   * well, which tell.
   */
  readonly grows?: boolean;
  /** What of it Kiln does not have, in words. */
  readonly limits?: string;
  /** Computes the outputs; those that nobody reads may be missing. */
  run(call: Call): Result | readonly (Result | undefined)[];
  /** The same where all inputs are known, of what shape arithmetic needs; `undefined` where it is left to the program. */
  fold?(call: Call): Constant | readonly Constant[] | undefined;
}

/** What an operator gives as a list. */
export const resultList = (result: ReturnType<Operator["run"]>): readonly (Result | undefined)[] =>
  Array.isArray(result) ? result : [result as Result];
