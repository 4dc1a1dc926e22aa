/** The messages between the page and the worker that compiles and trains. */

import type { BackendName } from "kiln-js";

/** From the page to the worker: first what to run, then whether to continue. */
export type Request =
  | { readonly kind: "run"; readonly source: string; readonly backend: BackendName }
  | { readonly kind: "pause" }
  | { readonly kind: "resume" };

/** A kernel of the training step. */
export interface KernelView {
  readonly name: string;
  /** 1-based lines of the model that it comes from, without repetition. */
  readonly lines: readonly number[];
  /** Paths of the modules that it comes from, such as `conv1`. */
  readonly modules: readonly string[];
  readonly source: string;
  /** Operations that a run executes, a multiply-add counting as two. */
  readonly flops: number;
  readonly schedule: string;
}

/** A compiled training step. */
export interface CompiledView {
  /** The model's class. */
  readonly model: string;
  readonly backend: string;
  readonly milliseconds: number;
  readonly parameters: number;
  /** Bytes of the arena that activations, gradients and scratch share. */
  readonly arenaBytes: number;
  readonly kernels: readonly KernelView[];
}

export interface StageView {
  readonly name: string;
  readonly text: string;
  /** Whether the text is the same as that of the stage before. */
  readonly unchanged: boolean;
}

/** A mistake in the model, in one line. */
export interface Failure {
  readonly message: string;
  /** 1-based line of the model, if one is to blame. */
  readonly line?: number;
}

/** From the worker to the page. */
export type Report =
  | { readonly kind: "ready"; readonly backends: readonly string[] }
  | { readonly kind: "compiled"; readonly compiled: CompiledView }
  | { readonly kind: "stages"; readonly stages: readonly StageView[] }
  /** Milliseconds of each kernel, run by itself, in the order of `CompiledView.kernels`. */
  | { readonly kind: "measured"; readonly milliseconds: readonly number[] }
  /** The losses since the last report; `step` is the number of the last one. */
  | {
      readonly kind: "steps";
      readonly step: number;
      readonly losses: readonly number[];
      readonly samplesPerSecond: number;
    }
  | { readonly kind: "evaluated"; readonly accuracy: number }
  | { readonly kind: "ended"; readonly step: number }
  | { readonly kind: "failed"; readonly failure: Failure };
