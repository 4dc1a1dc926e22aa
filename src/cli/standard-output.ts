/**
 * Handles output that cannot be written: whoever reads it (`kiln train … | head`) may stop, and a
 * disk may be full. The work goes on if it writes files; afterwards the command says what is missing.
 */

import { KilnError } from "../core/errors.ts";
import { fileErrorReason } from "../files/reason.ts";

/** The first error of standard output. */
let fault: NodeJS.ErrnoException | undefined;
const listeners = new Set<() => void>();

/** Begins to watch. There is nowhere to report errors of standard error. */
export function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    fault ??= error;
    for (const listener of listeners) listener();
    listeners.clear();
  });
  process.stderr.on("error", () => undefined);
}

/** Calls `listener` once output is lost. */
export const whenOutputIsLost = (listener: () => void): unknown => listeners.add(listener);

/** Why output is lost; `undefined` if it is not. */
export const outputFault = (): string | undefined => fault && fileErrorReason(fault);

/** Throws if output was lost, except to a reader who wanted no more of it. */
export async function checkOutput(): Promise<void> {
  await new Promise<void>((written) => process.stdout.write("", () => written()));
  if (fault === undefined || fault.code === "EPIPE") return;
  throw new KilnError(`cannot write to standard output: ${outputFault()}`);
}
