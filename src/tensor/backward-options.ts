/** The options of `backward`, in a file of their own since tensor.ts is long enough. */

import type { OptionNames } from "../core/option-names.ts";
import type { Tensor } from "./tensor.ts";

/** The named arguments of `backward`. */
export interface BackwardOptions {
  /** The gradient that arrives at the tensor, if it is not a single number. */
  readonly gradient?: Tensor;
  /** Whether the saved tensors are kept for another call (default: the value of `createGraph`). */
  readonly retainGraph?: boolean;
  /** Whether the gradients remember how they were made, so that they have gradients themselves. */
  readonly createGraph?: boolean;
  /** The tensors whose `grad` is added to (default: all leaves). */
  readonly inputs?: Tensor | readonly Tensor[];
}

export const BACKWARD_OPTIONS = {
  gradient: true,
  retainGraph: true,
  createGraph: true,
  inputs: true,
} satisfies OptionNames<BackwardOptions>;
