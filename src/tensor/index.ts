/** Tensors, their creation and random numbers. */

export { arange, full, ones, tensor, zeros } from "./creation.ts";
export { noGrad } from "./grad-mode.ts";
export { matmul } from "./products.ts";
export {
  type GeneratorState,
  generatorState,
  manualSeed,
  rand,
  randint,
  randn,
  setGeneratorState,
} from "./random.ts";
export { cat, chunk, type PadMode, pad, reshape, split, stack, where } from "./rearrange.ts";
export { apply, type NestedNumbers, type Storage, Tensor } from "./tensor.ts";
