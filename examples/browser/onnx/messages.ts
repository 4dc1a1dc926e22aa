/** The messages between the page and the worker that fine-tunes. */

/** A layer that has parameters. */
export interface LayerView {
  readonly name: string;
  readonly parameters: number;
}

/** The contents of a file. */
export interface ModelView {
  readonly name: string;
  readonly input: string;
  readonly classes: number;
  /** In the order of the file. */
  readonly layers: readonly LayerView[];
  /** The side of its input images; undefined if it takes rows of numbers. */
  readonly size: number | undefined;
}

/** From the page to the worker. */
export type Request =
  | { readonly kind: "open"; readonly name: string; readonly bytes: ArrayBuffer }
  /** Opens a small model that the worker makes. */
  | { readonly kind: "example" }
  /** Trains the last `layers` layers, starting from their current weights. */
  | { readonly kind: "start"; readonly layers: number }
  | { readonly kind: "pause" }
  /** Adds a drawn digit to the training data. */
  | { readonly kind: "teach"; readonly pixels: Float32Array; readonly digit: number }
  | { readonly kind: "guess"; readonly pixels: Float32Array }
  | { readonly kind: "save" };

/** From the worker to the page. */
export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly model: ModelView }
  | { readonly kind: "compiling" }
  | { readonly kind: "step"; readonly step: number; readonly loss: number }
  | { readonly kind: "evaluated"; readonly accuracy: number }
  | { readonly kind: "guessed"; readonly probabilities: readonly number[] }
  | { readonly kind: "taught"; readonly drawings: number }
  | { readonly kind: "saved"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "paused" }
  | { readonly kind: "failed"; readonly message: string };
