/** What `backward` may be told: apart, for a tensor is long enough. */

import type { OptionNames } from "../core/option-names.ts";
import type { Tensor } from "./tensor.ts";

/** The named arguments of `backward`. */
export interface BackwardOptions {
  /** What arrives at the tensor, where it is no single number. */
  readonly gradient?: Tensor;
  /** Whether what was saved for this call is kept for another (default: as `createGraph` says). */
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
