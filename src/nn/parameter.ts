/** Parameter: a tensor that a model learns. Held in a module's field, it is found there by name. */

import { KilnError } from "../core/errors.ts";
import { formatTensor } from "../tensor/format.ts";
import { Tensor } from "../tensor/tensor.ts";
import { PARAMETER } from "./brand.ts";

export class Parameter extends Tensor {
  /** Takes over the storage of `data`; both see what is written to it, as in PyTorch. */
  constructor(data: Tensor, requiresGrad = true) {
    if (data.behind.kind !== "leaf") {
      throw new KilnError(
        "a Parameter needs a tensor that holds numbers, such as rand(3, 4), and not the result of an operation: " +
          "read that first, with tensor(await x.data(), { shape: x.shape })",
      );
    }
    if (requiresGrad && data.dtype !== "float32") {
      throw new KilnError(`a Parameter that is learned must be float32, not ${data.dtype}`);
    }
    super(data.shape, data.dtype, data.behind);
    this.requiresGrad = requiresGrad;
  }

  get [PARAMETER](): true {
    return true;
  }

  override async format(): Promise<string> {
    const suffixes = this.requiresGrad ? ["requires_grad=True"] : [];
    return `Parameter containing:\n${formatTensor(await this.data(), this.shape, this.dtype, suffixes)}`;
  }
}
