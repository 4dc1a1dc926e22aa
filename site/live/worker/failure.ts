/** Describes in one line what is wrong with a model, and which of its lines is to blame. */

import type { Failure } from "../messages.ts";
import { MODEL_FILE, SourceError } from "./strip-types.ts";

/** The places in the model at the end of a message. */
const PLACES = / \((?:model\.ts:\d+[^()]*)+\)$/;

/** The failure for an error, from any source. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: `the model threw ${String(error)}` };
  const line = error instanceof SourceError ? error.line : lineOf(error);
  const [message] = error.message.split("\n");
  // Kiln's own messages are complete; an engine's need the kind of error to be understood.
  const isPlain = error.name === "KilnError" || error instanceof SourceError || error.name === "Error";
  const text = isPlain ? message : `${error.name}: ${message}`;
  if (line === undefined) return { message: text };
  // The place is shown next to the message, and in the source.
  return { message: text.replace(PLACES, ""), line };
}

/** The line of the model: the one in a `KilnError`, else the innermost one of the stack. */
function lineOf(error: Error): number | undefined {
  const { origins = [] } = error as { readonly origins?: readonly { readonly line: number }[] };
  if (origins.length > 0 && origins[0].line > 0) return origins[0].line;
  const found = (error.stack ?? "").split(`${MODEL_FILE}:`)[1];
  const line = Number.parseInt(found ?? "", 10);
  return Number.isNaN(line) ? undefined : line;
}
