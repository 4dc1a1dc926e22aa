/** How linear and convolution layers begin: PyTorch's default initialisation. */

import { type Shape, sizeOf } from "../core/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { fanInAndFanOut, type Initializer, kaimingUniform, uniform } from "./init.ts";
import { Parameter } from "./parameter.ts";

/** A new parameter, filled by `initializer`. */
export function initialParameter(shape: Shape, initializer: Initializer): Parameter {
  const data = new Float32Array(sizeOf(shape));
  initializer(data, shape);
  return new Parameter(Tensor.fromData(data, shape, "float32"));
}

/** A weight spread evenly within ±1/√fanIn. */
export const defaultWeight = (shape: Shape): Parameter =>
  initialParameter(shape, kaimingUniform(Math.sqrt(5)));

/** The bias for such a weight, one number for each of the layer's outputs, within the same bounds. */
export function defaultBias(weight: Shape, outputs = weight[0]): Parameter {
  const bound = 1 / Math.sqrt(fanInAndFanOut(weight).fanIn);
  return initialParameter([outputs], uniform(-bound, bound));
}
