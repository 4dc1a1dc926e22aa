/** Setting gradients back before the next `backward`, for modules and optimizers alike. */

import { noGrad } from "./grad-mode.ts";
import { constantLike } from "./in-place.ts";
import type { Tensor } from "./tensor.ts";

export interface ZeroGradOptions {
  /** Whether `grad` becomes `null` instead of zeros: optimizers then pass the parameter over. */
  readonly setToNone?: boolean;
}

/** Makes `grad` of every tensor that wants one zeros, or `null`. */
export function zeroGrad(tensors: Iterable<Tensor>, { setToNone = false }: ZeroGradOptions = {}): void {
  for (const tensor of tensors) {
    if (!tensor.requiresGrad) continue;
    if (tensor.grad !== null) tensor.grad.version.isKept = false;
    tensor.grad = setToNone ? null : noGrad(() => constantLike(tensor, 0));
  }
}
