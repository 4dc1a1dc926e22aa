/** Taking gradients away before the next `backward`, for modules and optimizers alike. */

import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { currentRecorder } from "./context.ts";
import { noGrad } from "./grad-mode.ts";
import { constantLike } from "./in-place.ts";
import type { Tensor } from "./tensor.ts";

/** The options of `zeroGrad`. */
export interface ZeroGradOptions {
  /**
   * Whether `grad` becomes `null`, as it does by default: optimizers then pass the tensor over, until `backward`
   * reaches it again. With `false` the gradients that there are become zeros.
   */
  readonly setToNone?: boolean;
}

const ZERO_GRAD = { setToNone: true } satisfies OptionNames<ZeroGradOptions>;

/**
 * Sets `grad` of every tensor to `null`, or an existing one to zeros (torch.nn.Module.zero_grad). That includes tensors
 * that no longer require gradients, because an optimizer would still apply the one they have.
 */
export function zeroGrad(tensors: Iterable<Tensor>, options: ZeroGradOptions = {}): void {
  checkOptionNames("zeroGrad", options, ZERO_GRAD);
  const { setToNone = true } = options;
  const step = currentRecorder()?.step;
  for (const tensor of tensors) {
    step?.zeroed(tensor);
    if (tensor.grad === null) continue;
    if (!tensor.grad.isTraced) tensor.grad.version.isSaved = false;
    tensor.grad = setToNone ? null : noGrad(() => constantLike(tensor, 0, "zeroGrad"));
  }
}
