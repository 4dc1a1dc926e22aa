/** Where a value came from in the user's model: every error, node and generated loop carries this. */

/** A line of the user's source and the path of the module that was running, such as `conv1`. */
export interface Origin {
  /** Path of the file, relative to the working directory where it lies below it; empty when unknown. */
  readonly file: string;
  /** 1-based line; 0 when unknown. */
  readonly line: number;
  /** Dotted module path, empty for the model itself. */
  readonly module: string;
}

/** A place to the column, as a key: `/home/me/lenet.ts:14:11`. */
export const exactPlace = (path: string, line: number, column: number): string => `${path}:${line}:${column}`;

/**
 * One origin as messages and dumps show it: `examples/lenet.ts:14 conv1`. File and module names are the
 * user's text and stand in comments of generated code, so no line break of theirs survives.
 */
export function formatOrigin(origin: Origin): string {
  const place = origin.file === "" ? "" : `${origin.file}:${origin.line}`;
  const text = [place, origin.module].filter((part) => part !== "").join(" ");
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, "?");
}

/** All origins of a merged value, in the order they were met: `a.ts:14 conv1, a.ts:15`. */
export const formatOrigins = (origins: readonly Origin[]): string => origins.map(formatOrigin).join(", ");

/** Appends what is new of `extra` to `origins`; returns `origins` itself when nothing is new. */
export function mergeOrigins(origins: readonly Origin[], extra: readonly Origin[]): readonly Origin[] {
  const fresh = extra.filter((o) => !origins.some((known) => sameOrigin(known, o)));
  return fresh.length === 0 ? origins : [...origins, ...fresh];
}

function sameOrigin(a: Origin, b: Origin): boolean {
  return a.file === b.file && a.line === b.line && a.module === b.module;
}
