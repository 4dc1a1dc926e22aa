/** The options and results of `compareBackends`: plain data that JSON can hold unchanged. */

import type { CompilableModel, CompilableOptimizer } from "../compile.ts";
import type { BackendName, CommonOptions } from "../driver/build.ts";
import type { TunedKernel } from "../loop/tuning-task.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { MemoryInfo } from "../runtime/inspection/figures.ts";
import type { TensorSpec } from "../runtime/programs/signature.ts";
import type { TraceableLoss } from "../trace/trace.ts";

/** A model as it is compared. */
export type ComparedModel = CompilableModel;

/** The options of {@link compareBackends}. */
export interface CompareOptions extends Pick<CommonOptions, "threads" | "tune"> {
  /** Shapes of the inputs, the batch first. */
  readonly inputs: readonly TensorSpec[];
  /** A whole training step, as is usual where a `loss` is given, or the forward pass in evaluation mode. */
  readonly mode?: "training" | "forward";
  /** The loss of a training step; without one the forward pass is compared. */
  readonly loss?: TraceableLoss;
  /** Shapes of the targets; by default what the loss wants for the model's output. */
  readonly targets?: readonly TensorSpec[];
  /**
   * Makes the optimizer of a step from the parameters that are learned, in the model's order; they are copies, and the
   * model's own never change. SGD with momentum 0.9 and a learning rate of 0.001 by default.
   */
  readonly optimizer?: (parameters: readonly Parameter[]) => CompilableOptimizer;
  /** Names as `backends()` lists them; by default wasm, js and, where they can run, c and gpujs on a GPU. */
  readonly backends?: readonly BackendName[];
  /** Another batch than that of `inputs`: the new size of dimension 0 of everything that has the same as the first input. */
  readonly batchSize?: number;
  /** How long each backend is measured (default: 1000). */
  readonly milliseconds?: number;
  /** Whether to hold what each kernel stores against the oracle, as is done by default. */
  readonly verify?: boolean;
  /** Called with what is being done, in a few words. */
  readonly onProgress?: (what: string) => void;
}

/** One model on several backends. */
export interface Comparison {
  /** The name of the model's class. */
  readonly model: string;
  /** What was compared. */
  readonly mode: "training" | "forward";
  /** The number of samples in a step or pass. */
  readonly batchSize: number;
  /** The engine and the processor. */
  readonly machine: string;
  /** In the order in which they were asked for. */
  readonly results: readonly BackendResult[];
}

/** The results of one backend. */
export interface BackendResult {
  /** What ran, with its mode: `gpujs:webgl2` where `gpujs` was asked for. */
  readonly backend: string;
  /** How long compiling took, in milliseconds. */
  readonly compileMilliseconds: number;
  /** The median time of a step or forward pass, copying in and out included; a mean where the clock is too coarse for one. */
  readonly milliseconds: number;
  /** The number of runs measured. */
  readonly runs: number;
  /** What the program allocates, in bytes. */
  readonly memory: MemoryInfo;
  /** In the order in which they run. */
  readonly kernels: readonly KernelResult[];
  /** The difference from the oracle. */
  readonly difference: Difference;
  /** What the tuner chose for each kernel, if tuning was asked for. */
  readonly tuned: readonly TunedKernel[];
}

/** One kernel of a program. */
export interface KernelResult {
  /** Its name in dumps. */
  readonly name: string;
  /** The kernel before scheduling, of which packs, lists and partial sums are parts: what backends have in common. */
  readonly partOf: string;
  /** The lines of the model that it comes from: `lenet.ts:14 conv1`. */
  readonly at: string;
  /** The median time of one run by itself, or the mean. */
  readonly milliseconds: number;
  /** Whether it reads nothing but states: it runs once, and again when one of these has changed. */
  readonly prepares: boolean;
  /** 10⁹ operations a second of those that it executes, a multiply-add counting as two. */
  readonly gflops: number;
  /** Operations that it executes; entries of winner lists count as full. */
  readonly flops: number;
  /** Operations of the dense form. */
  readonly nominalFlops: number;
  /** Bytes of all buffers that it reads and writes. */
  readonly bytes: number;
  /** Operations per byte. */
  readonly intensity: number;
  /** The transformations that made it, as dumps print them. */
  readonly schedule?: string;
  /** The time that the cost model expects, in multiply-adds. */
  readonly estimate?: number;
  /** What the cost model expects, in dense GFLOP/s on the machine of the benchmarks. */
  readonly estimatedGflops?: number;
}

/** The difference from the oracle, or why it is not known. */
export type Difference = Checked | NotChecked;

/** The result of a comparison with the oracle. */
export interface Checked {
  /** Whether numbers were compared with the oracle. */
  readonly checked: true;
  /** Samples in the run that was compared with the oracle: fewer than were timed, if the oracle would take too long. */
  readonly batchSize: number;
  /** Where the difference is largest, of numbers that rounding leaves some digits of. */
  readonly largest: ValueDifference | null;
  /** The first kernel in run order whose difference rounding does not explain. */
  readonly first: ValueDifference | null;
  /** All stored values in run order. */
  readonly values: readonly ValueDifference[];
}

/** Why numbers were not compared with the oracle. */
export interface NotChecked {
  /** Whether numbers were compared with the oracle. */
  readonly checked: false;
  /** Why not. */
  readonly reason: string;
}

/** One value that a kernel stores, compared with the oracle. */
export interface ValueDifference {
  /** The kernel that stores it. */
  readonly kernel: string;
  /** The lines of the model that the kernel comes from. */
  readonly at: string;
  /** As dumps name it: `%7`, `@conv1.weight`. */
  readonly value: string;
  /**
   * Of floating-point numbers the largest difference over the largest value, of others the share of elements that differ.
   * `Number.MAX_VALUE` where only one of the two is finite, or the oracle has nothing but zeros.
   */
  readonly difference: number;
  /** How large it may be by rounding alone; with 1 and more rounding leaves no digit of these numbers. */
  readonly allowed: number;
  /** The number of elements. */
  readonly elements: number;
  /**
   * How many elements differ by more than that. A few of many may come of a decision: a relu or a maximum over numbers that
   * are nearly equal, and so are ordered otherwise.
   */
  readonly beyond: number;
}
