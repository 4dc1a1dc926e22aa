/** Finds the line of the user's model that runs now, from the engine's stack trace. */

import { exactPlace } from "../core/origin.ts";

/** A place in a source file. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** The whole path with line and column; see `exactPlace`. */
  readonly exact: string;
}

/** Kiln's own folders, the built command's, or the one file that a bundler has made: frames inside are not the user's. */
const LIBRARY = (
  /\/src\/trace\/origins\.[jt]s$/.test(import.meta.url)
    ? ["../../src/", "../../passes/", "../../backends/"]
    : [/\/dist\/cli\/[^/]+$/.test(import.meta.url) ? "./" : import.meta.url]
).map((path) => new URL(path, import.meta.url).href);

const FRAME = /(?:\(|at |@)((?:file:\/\/|https?:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/;

/**
 * The innermost frame of user code, or `undefined` when only library code runs. Frames outside of the
 * function named `boundary` (the call of `compile` in the user's program) do not count.
 */
export function userPlace(boundary?: string): Place | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = limit;
  for (const frame of stack.split("\n")) {
    if (boundary !== undefined && frame.includes(boundary)) return undefined;
    const found = FRAME.exec(frame.trim());
    if (found === null || isForeign(found[1])) continue;
    const [path, line, column] = [pathOf(found[1]), Number(found[2]), Number(found[3])];
    return { file: displayPath(path), line, exact: exactPlace(path, line, column) };
  }
  return undefined;
}

function isForeign(file: string): boolean {
  const url = file.startsWith("/") ? `file://${file}` : file;
  return (
    url.includes("/node_modules/") ||
    url.startsWith("node:") ||
    LIBRARY.some((folder) => url.startsWith(folder))
  );
}

const pathOf = (file: string): string => decodeURI(file.replace(/^file:\/\//, "").replace(/\?.*$/, ""));

/** The path as dumps and messages show it: relative to the working directory where it lies below, else the file's name. */
export function displayPath(path: string): string {
  const base = typeof process === "undefined" ? "" : `${process.cwd()}/`;
  return base !== "" && path.startsWith(base)
    ? path.slice(base.length)
    : path.slice(path.lastIndexOf("/") + 1);
}
