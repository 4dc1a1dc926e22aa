/** Tensors, their creation and random numbers. */

export { noGrad } from "./grad-mode.ts";
export { manualSeed, rand, randint, randn } from "./random.ts";
export { cat, chunk, type PadMode, pad, split, stack, where } from "./rearrange.ts";
export {
  apply,
  arange,
  full,
  type NestedNumbers,
  ones,
  type Storage,
  Tensor,
  tensor,
  zeros,
} from "./tensor.ts";
