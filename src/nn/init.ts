/**
 * Initial values of parameters (`nn.init`): PyTorch's functions that fill a tensor in place, and the initialisers that
 * they and the layers use.
 */

export { calculateGain, fanInAndFanOut, type Nonlinearity } from "./init/fan.ts";
export * from "./init/fill.ts";
export {
  constant,
  type Initializer,
  kaimingUniform,
  kaimingUniformBound,
  normal,
  uniform,
} from "./init/initializer.ts";
