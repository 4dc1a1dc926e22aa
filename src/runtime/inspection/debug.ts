/**
 * `KILN_DEBUG`: whether Kiln reports what it does while a user's program runs, how much, and where. The variable is read
 * once; as long as it is not set nobody builds a text.
 */

import { debugSetting, isNode } from "../../core/debug-setting.ts";
import { plainLine } from "../../core/plain-line.ts";

/** What the levels show; each shows all that those below it show. */
export const DEBUG_LEVELS = {
  1: "every compilation, and the stacks of errors in the command line",
  2: "its passes and kernels",
  3: "the times of runs, summed up once a second",
  4: "the times of kernels, which are then run one by one",
} as const;

export interface Debug {
  readonly level: number;
  /** Shows one line; the prefix and the line break are its own. */
  write(line: string): void;
}

/** What the variable asks for: a level, 0 for none, `undefined` for what cannot be understood. */
export function debugLevel(value: unknown): number | undefined {
  const text = String(value ?? "").trim();
  if (text === "") return 0;
  return text === "0" || Object.keys(DEBUG_LEVELS).includes(text) ? Number(text) : undefined;
}

/** A debug output of that level that hands its lines, made harmless for a terminal, to `sink`. */
export const debugTo = (level: number, sink: (line: string) => void): Debug => ({
  level,
  write: (line) => sink(plainLine(`kiln: ${line}`)),
});

/** Read when somebody first asks, so that a page can set it before its first compilation. */
let known: { readonly debug: Debug | undefined } | undefined;

/** Where to tell what happens, when somebody wants to know. */
export function currentDebug(): Debug | undefined {
  known ??= { debug: readDebug(debugSetting(), standardSink()) };
  return known.debug;
}

/** Has `debug` in the variable's place from now on; for tests. */
export function setDebug(debug: Debug | undefined): void {
  known = { debug };
}

/** The debug output for a variable of that value; what cannot be understood is said once and shows nothing. */
export function readDebug(value: unknown, sink: (line: string) => void): Debug | undefined {
  const level = debugLevel(value);
  if (level === undefined) {
    const levels = Object.entries(DEBUG_LEVELS).map(([name, what]) => `${name} (${what})`);
    debugTo(0, sink).write(
      `KILN_DEBUG is ${JSON.stringify(String(value))}, which is no level, so nothing is shown; ` +
        `it may be 0 (nothing), ${levels.join(", ")}`,
    );
  }
  return level === undefined || level === 0 ? undefined : debugTo(level, sink);
}

/** Standard error, or a page's console at the level that its reader can switch on. */
const standardSink = (): ((line: string) => void) =>
  isNode() ? (line) => console.error(line) : (line) => console.debug(line);
