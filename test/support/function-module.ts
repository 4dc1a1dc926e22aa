/** A function of tensors as a model, for tests of what forward may contain. */

import { nn, type Tensor } from "kiln-js";

export class FunctionModule extends nn.Module {
  readonly #call: (...inputs: Tensor[]) => Tensor;

  constructor(call: (...inputs: Tensor[]) => Tensor) {
    super();
    this.#call = call;
  }

  forward(...inputs: Tensor[]): Tensor {
    return this.#call(...inputs);
  }
}
