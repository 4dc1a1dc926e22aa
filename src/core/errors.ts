/** The one error type that a user's mistake produces: what was wrong, where in the model, what to do. */

import { debugSetting } from "./debug-setting.ts";
import { withoutOwnFrames } from "./library-frames.ts";
import { formatOrigins, type Origin } from "./origin.ts";

/** Thrown for everything a user can mend. Its message is one line that stands on its own. */
export class KilnError extends Error {
  /** Where in the user's model the fault lies; empty when it lies elsewhere (a file, an option). */
  declare readonly origins: readonly Origin[];

  constructor(message: string, origins: readonly Origin[] = []) {
    const place = formatOrigins(origins);
    // The user's line lies below many of Kiln's own.
    const limit = Error.stackTraceLimit;
    if (limit < FRAMES) Error.stackTraceLimit = FRAMES;
    super(place === "" ? message : `${message} (${place})`);
    Error.stackTraceLimit = limit;
    // What an engine prints of an error that nobody caught: the message, which names the place, and the user's own lines.
    Object.defineProperty(this, "origins", { value: origins });
    if (this.stack !== undefined && !showsOwnFrames())
      Object.defineProperty(this, "stack", { value: withoutOwnFrames(this.stack), writable: true });
  }
}

// On the prototype, where engines find it for the first line of a trace and print no field of it.
Object.defineProperty(KilnError.prototype, "name", { value: "KilnError" });

/** Frames that a trace has at least. */
const FRAMES = 60;

/** Whoever looks into Kiln wants to see its frames, too. */
function showsOwnFrames(): boolean {
  const level = debugSetting();
  return level !== undefined && `${level}` !== "" && `${level}` !== "0";
}

/** A device has gone with all that lay on it, as GPUs may at any time. */
export class DeviceLostError extends KilnError {}

/** A thread has gone in the middle of a run. Unless the run was writing its changes by then, none has been made. */
export class ThreadLostError extends KilnError {}

/** A model's state is partly that before a step and partly that after it: only other numbers mend that. */
export class DamagedStateError extends KilnError {}

const PLEASE_REPORT =
  "this is a defect of Kiln, not of your model: please report it, with this text, the model's source, the shapes of its inputs " +
  "and the options that it was compiled with";

/** A broken promise inside the compiler; reaching one is a defect of Kiln, and its message asks for a report. */
export class InternalError extends Error {
  override readonly name = "InternalError";
  /** What is wrong, for whoever tells it in other words. */
  readonly fault: string;

  constructor(fault: string) {
    super(`${fault}\n${PLEASE_REPORT}`);
    this.fault = fault;
  }
}

/** Throws an {@link InternalError} unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
