/** Checks the options that users give a backend. */

import { KilnError } from "../src/core/errors.ts";
import type { BackendOptions } from "./backend.ts";

/** More threads than any processor's cores would gain nothing; each costs memory. */
export const MOST_THREADS = 64;

/** Throws unless `threads`, if given, is a valid number of threads. */
export function checkThreads({ threads }: BackendOptions): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) return;
  throw new KilnError(`threads must be a whole number from 1 to ${MOST_THREADS}, not ${threads}`);
}

/** Throws if more than the one thread is wanted that programs of the backend `name` run on. */
export function requireOneThread(name: string, options: BackendOptions): void {
  checkThreads(options);
  const { threads = 1 } = options;
  if (threads === 1) return;
  throw new KilnError(
    `the ${name} backend runs on one thread, not on ${threads}; the wasm backend has threads`,
  );
}
