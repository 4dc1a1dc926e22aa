/** All parameters as one vector, and back (torch.nn.utils). */

import { KilnError } from "../../core/errors.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { cat } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** The elements of all parameters, one after the other (torch.nn.utils.parameters_to_vector); gradients pass. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  const own = [...parameters];
  if (own.length === 0) throw new KilnError("parametersToVector needs at least one parameter");
  return cat(own.map((parameter) => parameter.reshape(-1)));
}

/** Gives parameters the elements of a vector, in the order of {@link parametersToVector} (torch.nn.utils.vector_to_parameters). */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const own = [...parameters];
  const total = own.reduce((sum, parameter) => sum + parameter.numel(), 0);
  if (vector.ndim !== 1 || vector.shape[0] !== total)
    throw new KilnError(`vectorToParameters needs a vector of ${total} elements but got [${vector.shape}]`);
  noGrad(() => {
    let start = 0;
    for (const parameter of own) {
      const count = parameter.numel();
      parameter.copy_(vector.narrow(0, start, count).reshape(parameter.shape));
      start += count;
    }
  });
}
