/** The words through which a program starts a run on a worker: one block of shared memory for each worker. */

/** Positions in a worker's block of 32-bit words. */
export const CONTROL = {
  /** Changes with every request to the worker: it sleeps on this word. */
  ticket: 0,
  /** 1 while the worker sleeps. */
  sleeping: 1,
  /** Counts the runs that have been requested, and those that it has taken part in. */
  asked: 2,
  runs: 3,
  /** Counts the requests to handle its messages. */
  calls: 4,
  /** What to run. */
  program: 5,
  threads: 6,
  from: 7,
  to: 8,
  base: 9,
} as const;

export const CONTROL_WORDS = 16;

/** How often a worker polls for the next run before it sleeps: some tenths of a millisecond. */
export const LOOKS = 100_000;

/** Messages to a worker; `serve` ends each batch of them. */
export type ToWorker =
  | { readonly kind: "start"; readonly thread: number; readonly control: SharedArrayBuffer }
  | { readonly kind: "load"; readonly id: number; readonly module: object; readonly memory: object }
  | { readonly kind: "unload"; readonly id: number }
  | { readonly kind: "serve" };

/** Its answers: a program is loaded, or something went wrong. */
export type FromWorker =
  | { readonly kind: "loaded"; readonly id: number }
  | { readonly kind: "failed"; readonly reason: string };
