/** The one error type that a user's mistake produces: what was wrong, where in the model, what to do. */

import { debugSetting } from "./debug-setting.ts";
import { withoutOwnFrames } from "./library-frames.ts";
import { formatOrigins, type Origin } from "./origin.ts";

/** Thrown for everything that a user can fix. Its message is one line that can be understood by itself. */
export class KilnError extends Error {
  /** Where in the user's model the fault is; empty if it is elsewhere (a file, an option). */
  declare readonly origins: readonly Origin[];

  constructor(message: string, origins: readonly Origin[] = []) {
    const place = formatOrigins(origins);
    // The user's line is below many of Kiln's own frames.
    const limit = Error.stackTraceLimit;
    if (limit < FRAMES) Error.stackTraceLimit = FRAMES;
    super(place === "" ? message : `${message} (${place})`);
    Error.stackTraceLimit = limit;
    // What engines print of an uncaught error: the message, which names the place, and the user's own lines.
    Object.defineProperty(this, "origins", { value: origins });
    if (this.stack !== undefined && !showsOwnFrames())
      Object.defineProperty(this, "stack", { value: withoutOwnFrames(this.stack), writable: true });
  }
}

// On the prototype, where engines find it for the first line of a trace and print no field of it.
Object.defineProperty(KilnError.prototype, "name", { value: "KilnError" });

/** Frames that a trace has at least. */
const FRAMES = 60;

/** With KILN_DEBUG, Kiln's own frames are shown as well. */
function showsOwnFrames(): boolean {
  const level = debugSetting();
  return level !== undefined && `${level}` !== "" && `${level}` !== "0";
}

/** A device was lost with everything on it, as may happen to GPUs at any time. */
export class DeviceLostError extends KilnError {}

/** A thread was lost in the middle of a run. Nothing was changed, unless the run was already writing its changes. */
export class ThreadLostError extends KilnError {}

/** A model's state is partly that before a step and partly that after it, and must be replaced, such as by a checkpoint. */
export class DamagedStateError extends KilnError {}

const PLEASE_REPORT =
  "this is a defect of Kiln, not of your model: please report it, with this text, the model's source, the shapes of its inputs " +
  "and the options that it was compiled with";

/** A broken invariant inside the compiler. It is a defect of Kiln, and its message asks for a report. */
export class InternalError extends Error {
  override readonly name = "InternalError";
  /** What is wrong, for callers that rephrase it. */
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
