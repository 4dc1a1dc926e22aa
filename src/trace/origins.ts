/** Finds the line of the user's model that runs now, from the engine's stack trace. */

import { isForeignFile, parseFrame } from "../core/library-frames.ts";
import { exactPlace } from "../core/origin.ts";

/** A place in a source file. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** The whole path with line and column; see `exactPlace`. */
  readonly exact: string;
}

/** How many frames are asked for: mostly a few suffice, and each costs. */
const FRAMES = [30, 60];

/** Frames that are known not to be the user's, as the engine writes them: a trace meets the same ones all the time. */
const foreign = new Set<string>();

/**
 * The innermost frame of user code, or `undefined` when only library code runs. Frames outside of the
 * function named `boundary` (the call of `compile` in the user's program) do not count.
 */
export function userPlace(boundary?: string): Place | undefined {
  for (const most of FRAMES) {
    const frames = framesHere(most);
    for (const frame of frames) {
      if (boundary !== undefined && frame.includes(boundary)) return undefined;
      if (foreign.has(frame)) continue;
      const found = parseFrame(frame);
      if (found === undefined) continue;
      if (isForeignFile(found.file)) foreign.add(frame);
      else {
        const { line, column } = found;
        const path = pathOf(found.file);
        return { file: displayPath(path), line, exact: exactPlace(path, line, column) };
      }
    }
    if (frames.length < most) return undefined;
  }
  return undefined;
}

function framesHere(most: number): readonly string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = most;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = limit;
  return stack.split("\n");
}

const pathOf = (file: string): string => decodeURI(file.replace(/^file:\/\//, "").replace(/\?.*$/, ""));

/** The path as dumps and messages show it: relative to the working directory where it lies below, else the file's name. */
export function displayPath(path: string): string {
  const base = typeof process === "undefined" ? "" : `${process.cwd()}/`;
  return base !== "" && path.startsWith(base)
    ? path.slice(base.length)
    : path.slice(path.lastIndexOf("/") + 1);
}
