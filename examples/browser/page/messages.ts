/** The messages between the page and the worker that trains. */

import type { BackendName, BackendStatus } from "kiln-js";

export interface Settings {
  readonly backend: BackendName;
  readonly learningRate: number;
}

/** From the page to the worker. */
export type Request =
  | { readonly kind: "start"; readonly settings: Settings }
  | { readonly kind: "pause" }
  | { readonly kind: "reset" }
  /** Asks for the prediction of a drawing, in the form of {@link DigitsView}; undefined if the sheet is empty again. */
  | {
      readonly kind: "draw";
      readonly backend: Settings["backend"];
      readonly pixels: Float32Array | undefined;
    };

export interface KernelView {
  readonly name: string;
  /** Lines of the model that it comes from. */
  readonly origins: string;
  readonly source: string;
}

/** The results of compiling a training step. */
export interface CompiledView {
  /** The backend that really runs: `gpujs:webgl2` if `gpujs` was chosen. */
  readonly backend: string;
  readonly milliseconds: number;
  readonly kernels: readonly KernelView[];
  readonly stages: readonly { readonly name: string; readonly text: string }[];
}

/** From the worker to the page. */
export type Report =
  | { readonly kind: "ready"; readonly backends: readonly BackendStatus[]; readonly digits: DigitsView }
  | { readonly kind: "compiling"; readonly backend: string }
  | { readonly kind: "compiled"; readonly compiled: CompiledView }
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly digitsPerSecond: number }
  | { readonly kind: "evaluated"; readonly evaluation: Evaluation }
  /** The probabilities of the digits for the drawing. */
  | { readonly kind: "guessed"; readonly probabilities: readonly number[] }
  /** The speed of wasm for the same model here. */
  | { readonly kind: "compared"; readonly digitsPerSecond: number }
  | { readonly kind: "paused" }
  | { readonly kind: "reset" }
  | { readonly kind: "failed"; readonly message: string };

/** The test digits that the page shows. */
export interface DigitsView {
  readonly size: number;
  /** One image after another, 0 (paper) to 1 (ink). */
  readonly pixels: Float32Array;
  readonly labels: Int32Array;
}

export interface Evaluation {
  /** The share of all test digits that was recognised. */
  readonly accuracy: number;
  /** The predictions for the shown digits, and their probabilities. */
  readonly predictions: readonly { readonly digit: number; readonly confidence: number }[];
}
