/** Tensors, their creation and random numbers. */

export { arange, full, ones, tensor, zeros } from "./creation.ts";
export {
  type CumulativeExtremes,
  cummax,
  cummin,
  cumprod,
  type DiffOptions,
  diff,
  logcumsumexp,
} from "./cumulative.ts";
export { maskedSelect, nonzero, unique } from "./data-dependent.ts";
export { diag, diagEmbed, diagflat, diagonal, tril, triu } from "./diagonals.ts";
export { cdist, pdist } from "./distances.ts";
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
  randintLike,
  randLike,
  randnLike,
  trilIndices,
  triuIndices,
  zerosLike,
} from "./likes.ts";
export { gather, indexSelect, take, takeAlongDim } from "./lookup.ts";
export type { NamedTuple } from "./named-tuple.ts";
export {
  type Interpolation,
  median,
  nanmedian,
  nanquantile,
  type QuantileOptions,
  quantile,
} from "./order-statistics.ts";
export {
  atleast1d,
  atleast2d,
  atleast3d,
  columnStack,
  dsplit,
  dstack,
  hsplit,
  hstack,
  tensorSplit,
  unbind,
  vsplit,
  vstack,
  vstack as rowStack,
} from "./parts.ts";
export {
  addbmm,
  addmm,
  addmv,
  addr,
  baddbmm,
  bmm,
  cross,
  dot,
  inner,
  kron,
  matmul,
  mm,
  mv,
  outer,
  tensordot,
  trace,
  vdot,
} from "./products.ts";
export { isFloatingPoint } from "./promotion.ts";
export {
  type GeneratorState,
  generatorState,
  manualSeed,
  normal,
  rand,
  randint,
  randn,
  randperm,
  setGeneratorState,
} from "./random.ts";
export {
  broadcastShapes,
  broadcastTensors,
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
export { bernoulli, multinomial } from "./sampling.ts";
export { indexAdd, indexCopy, indexFill, scatter, scatterAdd } from "./scatter.ts";
export { indexReduce, type ReduceOptions, type ScatterReduction, scatterReduce } from "./scatter-reduce.ts";
export { bucketize, type SearchOptions, searchsorted } from "./search.ts";
export {
  argsort,
  kthvalue,
  msort,
  type Sorted,
  type SortOptions,
  sort,
  type TopkOptions,
  topk,
} from "./sorting.ts";
export { type AminmaxOptions, aminmax, stdMean, type VarianceOptions, varMean } from "./statistics.ts";
export { apply, type NestedNumbers, type Storage, Tensor } from "./tensor.ts";
