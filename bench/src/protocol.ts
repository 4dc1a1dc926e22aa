/**
 * The protocol between the driver and a peer: JSON lines over a peer's standard input and output.
 *
 * A peer is started with `--workload NAME --batch N --task training|inference` (and options of its own) and prints
 * one line, `Hello` or `Missing`. To `prove LIMIT` it answers with the results of its first steps, `Proof`, or gives
 * up (`Failed`) after a step that takes longer than LIMIT milliseconds; to each line `run MILLISECONDS` with one line
 * `RunResult` or `Failed`; `quit`, or the end of its input, ends it. Everything else it prints goes to standard
 * error.
 */

/** The kind of a step: a batch forward, backward and an update; or only forward. */
export const TASKS = ["training", "inference"] as const;
export type Task = (typeof TASKS)[number];

/** A peer is ready: its weights are loaded and its batches are in memory. */
export interface Hello {
  readonly name: string;
  readonly version: string;
  /** What else affects the speed: BLAS, data type; `threads` is how many it computes with. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** A peer cannot run here. */
export interface Missing {
  readonly missing: string;
}

/** The number of steps in a peer's proof. */
export const PROVEN_STEPS = 5;

/** The results of the first steps. */
export interface Proof {
  /** The median of these steps. */
  readonly msPerStep: number;
  /** The loss of each step before its update; empty for inference. */
  readonly losses: readonly number[];
  /**
   * The parameters after the last step by state-dict key, in PyTorch's layout; for inference the output of each step,
   * `output 0` on. Little-endian float32 in base64.
   */
  readonly tensors: Readonly<Record<string, string>>;
  /**
   * The most memory that a training step uses besides parameters and optimizer states: activations, gradients and
   * scratch, in bytes; absent if the peer does not know.
   */
  readonly peakBytes?: number;
}

/** The steps of one `run`. */
export interface RunResult {
  readonly steps: number;
  /** The median over the steps of this run. */
  readonly msPerStep: number;
}

/** A command that went wrong. */
export interface Failed {
  readonly error: string;
  /** Because a step took longer than the limit; larger batches will not fare better. */
  readonly tooSlow?: boolean;
}

/** The middle of the sorted values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Numbers as encoded in a proof; float64 peers round theirs. */
export function encodeTensor(values: ArrayLike<number>): string {
  return Buffer.from(Float32Array.from(values).buffer).toString("base64");
}

export function decodeTensor(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new Float32Array(bytes.buffer);
}
