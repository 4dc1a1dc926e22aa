/** `autograd.grad`: gradients as results, which can have gradients themselves. */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { formatShape } from "../core/shape.ts";
import { requireTensor } from "./arguments.ts";
import { currentDifferentiator } from "./context.ts";
import { zeros } from "./creation.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** The named arguments of {@link grad}. */
export interface GradOptions {
  /** The gradient that arrives at each of the outputs; single numbers need none. */
  readonly gradOutputs?: Tensor | readonly (Tensor | null | undefined)[];
  /** Whether the gradients remember how they were made, so that they have gradients themselves. */
  readonly createGraph?: boolean;
  /** Whether the saved tensors are kept for another call (default: the value of `createGraph`). */
  readonly retainGraph?: boolean;
  /** Whether an input that the outputs do not depend on gets `null` instead of causing an error. */
  readonly allowUnused?: boolean;
  /** Whether such an input gets zeros instead; implies `allowUnused`. */
  readonly materializeGrads?: boolean;
}

const GRAD_OPTIONS = {
  gradOutputs: true,
  createGraph: true,
  retainGraph: true,
  allowUnused: true,
  materializeGrads: true,
} satisfies OptionNames<GradOptions>;

/** One, or several. */
export const listOf = <T>(value: T | readonly T[]): readonly T[] =>
  Array.isArray(value) ? value : [value as T];

/**
 * The gradients of the sum of `outputs`, weighted by `gradOutputs`, with respect to each of `inputs`: leaves or
 * intermediate tensors that require gradients. Nothing is added to `grad`. With `createGraph` they are differentiable,
 * in compiled `forward` and losses as well as outside (torch.autograd.grad).
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions & { readonly allowUnused: true; readonly materializeGrads?: false },
): (Tensor | null)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options?: GradOptions,
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  return withOrigin(() => {
    checkOptionNames("grad", options, GRAD_OPTIONS);
    const { createGraph = false, retainGraph = createGraph, materializeGrads = false } = options;
    const { allowUnused = materializeGrads, gradOutputs } = options;
    const [roots, wanted] = [listOf(outputs), listOf(inputs)];
    for (const tensor of [...roots, ...wanted]) requireTensor("grad", tensor);
    if (roots.length === 0 || wanted.length === 0)
      throw new KilnError(`grad is given no ${roots.length === 0 ? "outputs" : "inputs"}`);
    const arriving = gradOutputs === undefined ? roots.map(() => undefined) : listOf(gradOutputs);
    if (arriving.length !== roots.length)
      throw new KilnError(`grad is given ${roots.length} outputs and ${arriving.length} gradOutputs`);
    const cotangents = arriving.map((tensor) => tensor ?? undefined);
    const found = currentDifferentiator().gradients("grad", roots, cotangents, wanted, {
      createGraph,
      retainGraph,
    });
    return found.map((gradient, k) => {
      if (gradient !== undefined) return gradient;
      if (materializeGrads) return zeros(...wanted[k].shape);
      if (allowUnused) return null;
      throw new KilnError(
        `grad: the outputs do not depend on input ${k}, a tensor of shape ${formatShape(wanted[k].shape)}: ` +
          "{ allowUnused: true } gives null for it, { materializeGrads: true } zeros",
      );
    });
  });
}
