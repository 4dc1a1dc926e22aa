/** Functions that arrange elements without computing with them. */

import type { Tensor } from "../../tensor/tensor.ts";

export { pad } from "../../tensor/rearrange.ts";

/** Joins the axes `startDim`…`endDim` into one (torch.flatten). */
export const flatten = (input: Tensor, startDim = 0, endDim = -1): Tensor => input.flatten(startDim, endDim);
