/**
 * `KILN_DEBUG`: whether Kiln reports what it does while a user's program runs, in how much detail, and where. The
 * variable is read once; if it is not set, no texts are built.
 */

import { debugSetting, isNode } from "../../core/debug-setting.ts";
import { plainLine } from "../../core/plain-line.ts";

/** What the levels show; each includes those below it. */
export const DEBUG_LEVELS = {
  1: "every compilation, and the stacks of errors in the command line",
  2: "its passes and kernels",
  3: "the times of runs, summed up once a second",
  4: "the times of kernels, which are then run one by one",
} as const;

export interface Debug {
  readonly level: number;
  /** Shows one line; adds the prefix and the line break. */
  write(line: string): void;
}

/** The level in the variable: 0 for none, `undefined` for an invalid value. */
export function debugLevel(value: unknown): number | undefined {
  const text = String(value ?? "").trim();
  if (text === "") return 0;
  return text === "0" || Object.keys(DEBUG_LEVELS).includes(text) ? Number(text) : undefined;
}

/** A debug output of that level that passes its lines, made harmless for a terminal, to `sink`. */
export const debugTo = (level: number, sink: (line: string) => void): Debug => ({
  level,
  write: (line) => sink(plainLine(`kiln: ${line}`)),
});

/** Read on first use, so that a page can set it before its first compilation. */
let known: { readonly debug: Debug | undefined } | undefined;

/** The debug output, if one is wanted. */
export function currentDebug(): Debug | undefined {
  known ??= { debug: readDebug(debugSetting(), standardSink()) };
  return known.debug;
}

/** Replaces the variable's output by `debug` from now on; for tests. */
export function setDebug(debug: Debug | undefined): void {
  known = { debug };
}

/** The debug output for a value of the variable; an invalid one is reported once and shows nothing. */
export function readDebug(value: unknown, sink: (line: string) => void): Debug | undefined {
  const level = debugLevel(value);
  if (level === undefined) {
    const levels = Object.entries(DEBUG_LEVELS).map(([name, what]) => `${name} (${what})`);
    debugTo(0, sink).write(
      `KILN_DEBUG is ${JSON.stringify(String(value))}, which is not a level, so nothing is shown; ` +
        `the levels are 0 (nothing), ${levels.join(", ")}`,
    );
  }
  return level === undefined || level === 0 ? undefined : debugTo(level, sink);
}

/** Standard error, or a page's console at the level that its reader can switch on. */
const standardSink = (): ((line: string) => void) =>
  isNode() ? (line) => console.error(line) : (line) => console.debug(line);
