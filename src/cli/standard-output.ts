/**
 * What becomes of a command when its output cannot be written: whoever reads it (`kiln train … | head`) may stop, and a
 * disk may be full. The work goes on where files come of it; afterwards the command says what is missing.
 */

import { KilnError } from "../core/errors.ts";
import { fileErrorReason } from "../files/reason.ts";

/** The first error of standard output. */
let fault: NodeJS.ErrnoException | undefined;
const listeners = new Set<() => void>();

/** Begins to watch. Nobody can be told that standard error fails. */
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

/** Why output is lost; `undefined` when it is not. */
export const outputFault = (): string | undefined => fault && fileErrorReason(fault);

/** Throws where output was lost, except to a reader who wanted no more of it. */
export async function checkOutput(): Promise<void> {
  await new Promise<void>((written) => process.stdout.write("", () => written()));
  if (fault === undefined || fault.code === "EPIPE") return;
  throw new KilnError(`cannot write to standard output: ${outputFault()}`);
}
