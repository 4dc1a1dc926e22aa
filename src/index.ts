/** The public API of Kiln. */

export { type BackendStatus, backends, compile, compileTraining } from "./compile.ts";
export { KilnError } from "./core/errors.ts";
export * as data from "./data/index.ts";
export * as F from "./nn/functional/index.ts";
export * as nn from "./nn/index.ts";
export * as optim from "./optim/index.ts";
export { load, save } from "./runtime/checkpoint.ts";
export type { Program } from "./runtime/program.ts";
export type { Gradients, Trainer } from "./runtime/trainer.ts";
export {
  arange,
  cat,
  chunk,
  full,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  split,
  stack,
  Tensor,
  tensor,
  where,
  zeros,
} from "./tensor/index.ts";
