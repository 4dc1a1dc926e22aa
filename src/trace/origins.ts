/** Finds the line of the user's model that runs now, from the engine's stack trace. */

import { isForeignFile, parseFrame } from "../core/library-frames.ts";
import { exactPlace, type Origin } from "../core/origin.ts";

/** A place in a source file. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** The whole path with line and column; see `exactPlace`. */
  readonly exact: string;
}

/** How many frames are asked for: mostly a few suffice, and each costs. */
const FRAMES = [30, 60];

/** As deep as the calls of models go. */
const ALL_FRAMES = [60, 240];

/** What frames say, as the engine writes them: a trace meets the same ones all the time. Those that are not the user's say nothing. */
const known = new Map<string, Place | undefined>();

/**
 * The innermost frame of user code, or `undefined` when only library code runs. Frames outside of the
 * function named `boundary` (the call of `compile` in the user's program) do not count.
 */
export function userPlace(boundary?: string): Place | undefined {
  for (const most of FRAMES) {
    const frames = framesHere(most);
    for (const frame of frames) {
      if (boundary !== undefined && frame.includes(boundary)) return undefined;
      const place = placeOf(frame);
      if (place !== undefined) return place;
    }
    if (frames.length < most) return undefined;
  }
  return undefined;
}

/** All frames of user code inside of the function named `boundary`, innermost first. */
export function userPlaces(boundary: string): readonly Place[] {
  for (const most of ALL_FRAMES) {
    const frames = framesHere(most);
    const end = frames.findIndex((frame) => frame.includes(boundary));
    if (end < 0 && frames.length >= most && most !== ALL_FRAMES.at(-1)) continue;
    return frames.slice(0, end < 0 ? undefined : end).flatMap((frame) => placeOf(frame) ?? []);
  }
  return [];
}

/** The origin of what `module` does at `place`, which all but the first of `calls` have led to. */
export function originAt(place: Place | undefined, module: string, calls: readonly Place[]): Origin {
  const callers = calls.slice(1).map(({ file, line }) => ({ file, line }));
  const { file = "", line = 0 } = place ?? {};
  return { file, line, module, ...(callers.length > 0 && { callers }) };
}

function placeOf(frame: string): Place | undefined {
  if (known.has(frame)) return known.get(frame);
  const found = parseFrame(frame);
  let place: Place | undefined;
  if (found !== undefined && !isForeignFile(found.file)) {
    const { line, column } = found;
    const path = pathOf(found.file);
    place = { file: displayPath(path), line, exact: exactPlace(path, line, column) };
  }
  known.set(frame, place);
  return place;
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
