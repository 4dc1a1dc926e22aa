/** The ambient state of tensor operations: who records them while a model is traced, who evaluates them otherwise. */

import type { TypedArray } from "../core/dtype.ts";
import type { Origin } from "../core/origin.ts";
import type { Attrs } from "../ir/types.ts";
import type { Tensor } from "./tensor.ts";

/** Receives every operation while a model is traced. */
export interface Recorder {
  record(op: string, inputs: readonly Tensor[], attrs: Attrs): Tensor;
  /** The line of the user's model that runs now. */
  origin(): Origin;
}

/** Computes lazy tensors outside of tracing; the driver injects one. */
export interface Evaluator {
  evaluate(tensors: readonly Tensor[]): Promise<TypedArray[]>;
}

let recorder: Recorder | undefined;
let evaluator: Evaluator | undefined;

export const currentRecorder = (): Recorder | undefined => recorder;

/** Runs `body` with `active` recording every tensor operation. */
export function recordWith<T>(active: Recorder, body: () => T): T {
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
