/** Tensors, their creation and random numbers. */

export { arange, full, ones, tensor, zeros } from "./creation.ts";
export { maskedSelect, nonzero, unique } from "./data-dependent.ts";
export { diag, diagEmbed, diagflat, diagonal, tril, triu } from "./diagonals.ts";
export { einsum } from "./einsum.ts";
export { noGrad } from "./grad-mode.ts";
export { type IndexItem, type Slice, slice } from "./indexing.ts";
export {
  empty,
  emptyLike,
  eye,
  fullLike,
  linspace,
  logspace,
  meshgrid,
  onesLike,
  randLike,
  randnLike,
  zerosLike,
} from "./likes.ts";
export { indexSelect, take, takeAlongDim } from "./lookup.ts";
export {
  atleast1d,
  atleast2d,
  atleast3d,
  dsplit,
  dstack,
  hsplit,
  hstack,
  tensorSplit,
  unbind,
  vsplit,
  vstack,
} from "./parts.ts";
export {
  addmm,
  addmv,
  addr,
  baddbmm,
  bmm,
  dot,
  kron,
  matmul,
  mm,
  mv,
  outer,
  tensordot,
  trace,
} from "./products.ts";
export {
  type GeneratorState,
  generatorState,
  manualSeed,
  rand,
  randint,
  randn,
  setGeneratorState,
} from "./random.ts";
export {
  cat,
  chunk,
  expand as broadcastTo,
  flatten,
  flip,
  movedim,
  movedim as moveaxis,
  narrow,
  type PadMode,
  pad,
  permute,
  reshape,
  select,
  split,
  stack,
  transpose,
  transpose as swapaxes,
  transpose as swapdims,
  unflatten,
  where,
} from "./rearrange.ts";
export { fliplr, flipud, repeatInterleave, roll, rot90, tile } from "./repetition.ts";
export { indexAdd, indexCopy, indexFill, scatter, scatterAdd } from "./scatter.ts";
export { bucketize, type SearchOptions, searchsorted } from "./search.ts";
export { argsort, kthvalue, type Sorted, type SortOptions, sort, type TopkOptions, topk } from "./sorting.ts";
export {
  type AminmaxOptions,
  aminmax,
  gather,
  stdMean,
  type VarianceOptions,
  varMean,
} from "./statistics.ts";
export { apply, type NestedNumbers, type Storage, Tensor } from "./tensor.ts";
