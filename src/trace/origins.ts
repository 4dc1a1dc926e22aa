/**
 * Finds the line of the user's model that runs now, from the engine's stack trace; for a model from a file, its reader
 * says what runs.
 */

import { isForeignFile, parseFrame } from "../core/library-frames.ts";
import { exactPlace, type Origin } from "../core/origin.ts";

/** A place in a source file. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** The whole path with line and column; see `exactPlace`. */
  readonly exact: string;
}

/** What runs now of a model that is a file. */
let told: Place | undefined;

/** Runs `body`, whose operations belong to `place` of a model's file. */
export function atPlace<T>(place: Place, body: () => T): T {
  const outer = told;
  told = place;
  try {
    return body();
  } finally {
    told = outer;
  }
}

/** How many frames are asked for: usually a few suffice, and each costs time. */
const FRAMES = [30, 60];

/** Deep enough for the calls of models. */
const ALL_FRAMES = [60, 240];

/**
 * What places of the code are, as the engine names them before source maps: a trace meets the same ones all the time.
 */
const known = new Map<string, Place | undefined>();

/**
 * The innermost frame of user code, or `undefined` when only library code runs. Frames outside of the
 * function named `boundary` (the call of `compile` in the user's program) do not count.
 */
export function userPlace(boundary?: string): Place | undefined {
  if (told !== undefined) return told;
  for (const most of FRAMES) {
    const { places, isWhole } = stackHere(most, boundary);
    if (places.length > 0) return places[0];
    if (isWhole) return undefined;
  }
  return undefined;
}

/** All frames of user code inside of the function named `boundary`, innermost first. */
export function userPlaces(boundary: string): readonly Place[] {
  const [usual, deepest] = ALL_FRAMES;
  const { places, isWhole } = stackHere(usual, boundary);
  const all = isWhole ? places : stackHere(deepest, boundary).places;
  return told === undefined ? all : [told, ...all];
}

/** The origin of what `module` does at `place`, which all but the first of `calls` have led to. */
export function originAt(place: Place | undefined, module: string, calls: readonly Place[]): Origin {
  const callers = calls.slice(1).map(({ file, line }) => ({ file, line }));
  const { file = "", line = 0 } = place ?? {};
  return { file, line, module, ...(callers.length > 0 && { callers }) };
}

interface Stack {
  /** The user's frames among those that were asked for. */
  readonly places: readonly Place[];
  /** Whether there is nothing beyond them that counts. */
  readonly isWhole: boolean;
}

/**
 * A stack of at most so many frames. Source maps are asked for places that have not been met before, since that takes
 * longer than all the rest.
 */
function stackHere(most: number, boundary: string | undefined): Stack {
  const sites = sitesHere(most);
  let texts: readonly string[] | undefined = sites === undefined ? framesHere(most) : undefined;
  const count = sites?.length ?? texts!.length - 1;
  const places: Place[] = [];
  for (let k = 0; k < count; k++) {
    const name = sites === undefined ? texts![k + 1] : sites[k].getFunctionName();
    if (boundary !== undefined && name?.includes(boundary)) return { places, isWhole: true };
    const key = sites === undefined ? texts![k + 1] : keyOf(sites[k]);
    if (!known.has(key)) {
      // The message comes before the frames.
      texts ??= framesHere(most);
      known.set(key, placeOf(texts[k + 1] ?? ""));
    }
    const place = known.get(key);
    if (place !== undefined) places.push(place);
  }
  return { places, isWhole: count < most };
}

/** A frame as V8 has it before it is text, with the place in the code that runs. */
interface Site {
  getFileName(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  getFunctionName(): string | null;
}

const keyOf = (site: Site): string =>
  `${site.getFileName()}:${site.getLineNumber()}:${site.getColumnNumber()}`;

/** The frames as V8 has them; `undefined` in other engines, which have only text. */
function sitesHere(most: number): readonly Site[] | undefined {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = most;
  Error.prepareStackTrace = (_, sites) => sites;
  const { stack } = new Error() as { readonly stack?: unknown };
  [Error.stackTraceLimit, Error.prepareStackTrace] = [stackTraceLimit, prepareStackTrace];
  return Array.isArray(stack) ? stack : undefined;
}

function framesHere(most: number): readonly string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = most;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = limit;
  return stack.split("\n");
}

function placeOf(frame: string): Place | undefined {
  const found = parseFrame(frame);
  if (found === undefined || isForeignFile(found.file)) return undefined;
  const { line, column } = found;
  const path = pathOf(found.file);
  return { file: displayPath(path), line, exact: exactPlace(path, line, column) };
}

const pathOf = (file: string): string => decodeURI(file.replace(/^file:\/\//, "").replace(/\?.*$/, ""));

/**
 * The path as dumps and messages show it: relative to the working directory if it is below that, else the file's name.
 */
export function displayPath(path: string): string {
  const base = typeof process === "undefined" ? "" : `${process.cwd()}/`;
  return base !== "" && path.startsWith(base)
    ? path.slice(base.length)
    : path.slice(path.lastIndexOf("/") + 1);
}
