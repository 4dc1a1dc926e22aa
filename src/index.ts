/** The public API of Kiln. */

export { compareBackends } from "./compare/compare.ts";
export type * from "./compare/types.ts";
export { type BackendStatus, backends, compile, compileTraining } from "./compile.ts";
export { KilnError } from "./core/errors.ts";
export * as data from "./data/index.ts";
export * as F from "./nn/functional/index.ts";
export * as nn from "./nn/index.ts";
export * as optim from "./optim/index.ts";
export { load, save } from "./runtime/files/checkpoint.ts";
export type { ProfileOptions, ProgramProfile as Profile } from "./runtime/inspection/program-profile.ts";
export type { Program } from "./runtime/programs/program.ts";
export type { Gradients, Trainer } from "./runtime/programs/trainer.ts";
export { SummaryWriter } from "./summary/writer.ts";
export * as autograd from "./tensor/autograd.ts";
export {
  aminmax,
  arange,
  argsort,
  atleast1d,
  atleast2d,
  atleast3d,
  broadcastTo,
  bucketize,
  cat,
  chunk,
  diag,
  diagEmbed,
  diagflat,
  diagonal,
  dsplit,
  dstack,
  flatten,
  flip,
  fliplr,
  flipud,
  full,
  gather,
  generatorState,
  hsplit,
  hstack,
  type IndexItem,
  indexAdd,
  indexCopy,
  indexFill,
  indexSelect,
  kthvalue,
  manualSeed,
  maskedSelect,
  matmul,
  moveaxis,
  movedim,
  narrow,
  noGrad,
  nonzero,
  ones,
  permute,
  rand,
  randint,
  randn,
  repeatInterleave,
  reshape,
  roll,
  rot90,
  type Slice,
  type Sorted,
  type SortOptions,
  scatter,
  scatterAdd,
  searchsorted,
  select,
  setGeneratorState,
  slice,
  sort,
  split,
  stack,
  stdMean,
  swapaxes,
  swapdims,
  Tensor,
  type TopkOptions,
  take,
  takeAlongDim,
  tensor,
  tensorSplit,
  tile,
  topk,
  transpose,
  tril,
  triu,
  unbind,
  unflatten,
  unique,
  varMean,
  vsplit,
  vstack,
  where,
  zeros,
} from "./tensor/index.ts";
export type { Outputs, Tensors } from "./tensor/tensor-tree.ts";
export { type ScanOptions, scan } from "./trace/scan.ts";
