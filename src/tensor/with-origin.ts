/** Gives the errors of tensor functions their line: what is checked before an operation is recorded has no node yet. */

import { KilnError } from "../core/errors.ts";
import { currentRecorder } from "./context.ts";

/** Runs `body`; an error of its own gets the line of the model that is being traced, if one is. */
export function withOrigin<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const origin = currentRecorder()?.origin();
    if (error instanceof KilnError && error.origins.length === 0 && origin !== undefined)
      throw new KilnError(error.message, [origin]);
    throw error;
  }
}
