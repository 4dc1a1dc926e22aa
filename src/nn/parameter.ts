/** Parameter: a tensor that a model learns. Held in a module's field, it is found there by name. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { PARAMETER } from "./brand.ts";

/**
 * A tensor that a model learns: in a module's field it is found under the field's name (torch.nn.Parameter).
 *
 * ```ts
 * class Scale extends nn.Module {
 *   readonly weight = new nn.Parameter(ones(3));
 *   override forward(x: Tensor): Tensor {
 *     return x.mul(this.weight);
 *   }
 * }
 * ```
 */
export class Parameter extends Tensor {
  /** Starts with the numbers of `data`, whatever operations made them. */
  constructor(data: Tensor, requiresGrad = true) {
    if (!(data instanceof Tensor)) {
      throw new KilnError(
        `a Parameter is made from a tensor, such as new nn.Parameter(tensor([1, 2])), not from ${describeValue(data)}`,
      );
    }
    if (data.behind.kind === "traced") {
      throw new KilnError(
        "a Parameter is made from a value inside forward, where there are no numbers: make it in the constructor",
      );
    }
    if (requiresGrad && data.dtype !== "float32") {
      throw new KilnError(`a Parameter that is learned must be float32, not ${data.dtype}`);
    }
    super(data.shape, data.dtype, data.behind.shared());
    this.requiresGrad = requiresGrad;
  }

  get [PARAMETER](): true {
    return true;
  }

  override async format(): Promise<string> {
    return HEADING + (await super.format());
  }

  override toString(): string {
    return HEADING + super.toString();
  }
}

const HEADING = "Parameter containing:\n";
