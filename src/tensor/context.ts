/** The ambient state of tensor operations: who records them while a model is traced, who evaluates them otherwise. */

import { invariant } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Value } from "../ir/types.ts";
import type { StepRecorder } from "./step-recorder.ts";
import type { Tensor } from "./tensor.ts";
import type { Version } from "./version.ts";

/** What a random operation draws from: `stream` tells apart those that share seed and step (both int32[]). */
export interface RandomSource {
  readonly seed: Tensor;
  readonly step: Tensor;
  readonly stream: string;
  /** In the body of a loop the number of the iteration (int32[]), which draws its own numbers. */
  readonly iteration?: Tensor;
}

/** Receives every operation while a model is traced. */
export interface Recorder {
  /** Whether it records the body of a loop, inside a model's trace or the interactive program. */
  readonly isBody: boolean;
  /** Notifies a trace of a whole training step of gradients and optimizers; other traces have none. */
  readonly step?: StepRecorder | undefined;
  /** The builder of its graph, for operations without a tensor. */
  readonly builder: GraphBuilder;
  record(op: string, inputs: readonly Tensor[], attrs: Attrs): Tensor;
  /** The value of a tensor in its graph; a tensor from outside becomes part of it. */
  valueOf(tensor: Tensor): Value;
  /** Whether `tensor` lives no longer than the trace: it is not one of the program's states or constants. */
  isLocal(tensor: Tensor): boolean;
  /** Records that `tensor` was just created from numbers. */
  made(tensor: Tensor): void;
  /**
   * Announces that the memory of `owner`, which is not a view, is about to be changed in place; throws if a program
   * cannot do that. A tensor from before the trace holds its final value after each run. A parameter may only be
   * constrained, before the optimizer's update.
   */
  change(owner: Tensor, isConstraint?: boolean): void;
  /** A new stream of the program's random numbers, which each of its runs draws anew. */
  randomSource(): RandomSource;
  /** The line of the user's model that runs now. */
  origin(): Origin;
}

/** Computes what tensors wait for outside of tracing; the driver injects one. */
export interface Evaluator {
  /**
   * Begins to compute these versions at once, and others `alongside` in the same program; resolves when they are
   * computed. It does not fail if the others cannot be computed: reading them reports the error.
   */
  compute(versions: readonly Version[], alongside?: readonly Version[]): Promise<void>;
  /** The line of the user's program that runs now, for what is found out only later. */
  origin(): Origin | undefined;
}

/** How gradients are derived. */
export interface GradientOptions {
  /** Whether what was saved is kept for another call. */
  readonly retainGraph: boolean;
  /** Whether the gradients remember how they were made, so that they have gradients themselves. */
  readonly createGraph: boolean;
}

/** Goes back through what made tensors; the driver injects one. */
export interface Differentiator {
  /** The gradients of `Σ roots·cotangents` for `inputs`; `undefined` for those that the roots do not depend on. */
  gradients(
    callee: string,
    roots: readonly Tensor[],
    cotangents: readonly (Tensor | undefined)[],
    inputs: readonly Tensor[],
    options: GradientOptions,
  ): readonly (Tensor | undefined)[];
  /** Adds such gradients to `grad` of the leaves that `root` depends on, or of `inputs` alone. */
  backward(
    root: Tensor,
    cotangent: Tensor | undefined,
    inputs: readonly Tensor[] | undefined,
    options: GradientOptions,
  ): void;
}

let recorder: Recorder | undefined;
let evaluator: Evaluator | undefined;
let differentiator: Differentiator | undefined;

export const currentRecorder = (): Recorder | undefined => recorder;

/** Runs `body` with `active` recording every tensor operation; without one they happen at once. */
export function recordWith<T>(active: Recorder | undefined, body: () => T): T {
  const outer = recorder;
  recorder = active;
  try {
    return body();
  } finally {
    recorder = outer;
  }
}

export function injectEvaluator(implementation: Evaluator): void {
  evaluator = implementation;
}

export const currentEvaluator = (): Evaluator | undefined => evaluator;

export function injectDifferentiator(implementation: Differentiator): void {
  differentiator = implementation;
}

export function currentDifferentiator(): Differentiator {
  invariant(differentiator !== undefined, "a differentiator is injected by src/compile.ts");
  return differentiator;
}

/** The modules whose `forward` is running, outermost first. */
export const moduleStack: object[] = [];

/** Runs `body` as part of `module`'s forward, so that what it computes names that module. */
export function insideModule<T>(module: object, body: () => T): T {
  moduleStack.push(module);
  try {
    return body();
  } finally {
    moduleStack.pop();
  }
}
