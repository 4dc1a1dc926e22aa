/** The public API of Kiln. */

export { compareBackends } from "./compare/compare.ts";
export type * from "./compare/types.ts";
export {
  type BackendName,
  type BackendStatus,
  backends,
  type CommonOptions,
  type CompilableModel,
  type CompilableOptimizer,
  type CompileOptions,
  type CompileStepOptions,
  type CompileTrainingOptions,
  compile,
  compileStep,
  compileTraining,
  type TuneOptions,
} from "./compile.ts";
export type { NumberArray } from "./core/conversion.ts";
export type { DType, TypedArray } from "./core/dtype.ts";
export { KilnError } from "./core/errors.ts";
export type { Origin } from "./core/origin.ts";
export type { Shape } from "./core/shape.ts";
export * as data from "./data/index.ts";
export * as F from "./nn/functional/index.ts";
export * as nn from "./nn/index.ts";
export * as optim from "./optim/index.ts";
export type { LayerSummary, ParameterCount } from "./overview/layers.ts";
export { type ModelSummary, type SummaryMemory, type SummaryOptions, summary } from "./overview/summary.ts";
export { load, save } from "./runtime/files/checkpoint.ts";
export type { Loadable } from "./runtime/files/source.ts";
export type { KernelInfo, MemoryInfo } from "./runtime/inspection/figures.ts";
export type {
  KernelFigures,
  ProfileOptions,
  ProgramProfile as Profile,
} from "./runtime/inspection/program-profile.ts";
export type { AccumulationState } from "./runtime/programs/accumulation.ts";
export type { CompiledStep } from "./runtime/programs/compiled-step.ts";
export type { Program } from "./runtime/programs/program.ts";
export type { InputSpec, TensorSpec } from "./runtime/programs/signature.ts";
export type { StageText } from "./runtime/programs/specialization.ts";
export type { StepOptions, StepResult } from "./runtime/programs/step-result.ts";
export type { Gradients, Trainer } from "./runtime/programs/trainer.ts";
export { SummaryWriter, type SummaryWriterOptions } from "./summary/writer.ts";
export type { AlphaOptions } from "./tensor/arguments.ts";
export * as autograd from "./tensor/autograd.ts";
export type { BackwardOptions } from "./tensor/backward-options.ts";
export type { CreationOptions, TensorOptions } from "./tensor/creation.ts";
export {
  addbmm,
  addmm,
  addmv,
  addr,
  aminmax,
  arange,
  argsort,
  atleast1d,
  atleast2d,
  atleast3d,
  baddbmm,
  bernoulli,
  bmm,
  broadcastShapes,
  broadcastTensors,
  broadcastTo,
  bucketize,
  type CumulativeExtremes,
  cat,
  cdist,
  chunk,
  columnStack,
  cross,
  cummax,
  cummin,
  cumprod,
  type DiffOptions,
  diag,
  diagEmbed,
  diagflat,
  diagonal,
  diff,
  dot,
  dsplit,
  dstack,
  einsum,
  empty,
  emptyLike,
  eye,
  flatten,
  flip,
  fliplr,
  flipud,
  full,
  fullLike,
  gather,
  generatorState,
  hsplit,
  hstack,
  type IndexItem,
  type Interpolation,
  indexAdd,
  indexCopy,
  indexFill,
  indexReduce,
  indexSelect,
  inner,
  isFloatingPoint,
  kron,
  kthvalue,
  linspace,
  logcumsumexp,
  logspace,
  manualSeed,
  maskedSelect,
  matmul,
  median,
  meshgrid,
  mm,
  moveaxis,
  movedim,
  msort,
  multinomial,
  mv,
  type NamedTuple,
  nanmedian,
  nanquantile,
  narrow,
  noGrad,
  nonzero,
  normal,
  ones,
  onesLike,
  outer,
  pdist,
  permute,
  type QuantileOptions,
  quantile,
  type ReduceOptions,
  rand,
  randint,
  randintLike,
  randLike,
  randn,
  randnLike,
  randperm,
  repeatInterleave,
  reshape,
  roll,
  rot90,
  rowStack,
  type ScatterReduction,
  type Slice,
  type Sorted,
  type SortOptions,
  scatter,
  scatterAdd,
  scatterReduce,
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
  tensordot,
  tensorSplit,
  tile,
  topk,
  trace,
  transpose,
  tril,
  trilIndices,
  triu,
  triuIndices,
  unbind,
  unflatten,
  unique,
  varMean,
  vdot,
  vsplit,
  vstack,
  where,
  zeros,
  zerosLike,
} from "./tensor/index.ts";
export type { Labels } from "./tensor/labels.ts";
export * from "./tensor/pointwise-functions.ts";
export type { ScaledSumOptions } from "./tensor/products.ts";
export type { GeneratorState } from "./tensor/random.ts";
export type { SearchOptions } from "./tensor/search.ts";
export type { AminmaxOptions, VarianceOptions } from "./tensor/statistics.ts";
export type { NestedNumbers } from "./tensor/storage.ts";
export type { Outputs, Tensors } from "./tensor/tensor-tree.ts";
export { type ScanOptions, scan } from "./trace/scan.ts";
export type { TensorType, TraceableLoss } from "./trace/traceable.ts";
