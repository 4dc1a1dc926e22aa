/** The words through which a program starts a run on a worker: one block of shared memory for each worker. */

/** Positions in a worker's block of 32-bit words. */
export const CONTROL = {
  /** Changes with everything that the worker is asked to do: what it sleeps on. */
  ticket: 0,
  /** 1 while the worker sleeps. */
  sleeping: 1,
  /** Counts the runs that it has been asked for, and those that it has taken part in. */
  asked: 2,
  runs: 3,
  /** Counts the times that it has been sent to its messages. */
  calls: 4,
  /** What to run. */
  program: 5,
  threads: 6,
  from: 7,
  to: 8,
  base: 9,
} as const;

export const CONTROL_WORDS = 16;

/** How often a worker looks for the next run before it sleeps: some tenths of a millisecond. */
export const LOOKS = 100_000;

/** What a worker is told while it is at its messages; `serve` ends each batch of them. */
export type ToWorker =
  | { readonly kind: "start"; readonly thread: number; readonly control: SharedArrayBuffer }
  | { readonly kind: "load"; readonly id: number; readonly module: object; readonly memory: object }
  | { readonly kind: "unload"; readonly id: number }
  | { readonly kind: "serve" };

/** What it answers: a program is loaded, or something went wrong. */
export type FromWorker =
  | { readonly kind: "loaded"; readonly id: number }
  | { readonly kind: "failed"; readonly reason: string };
