/** Where a value came from in the user's model: every error, node and generated loop carries this. */

/** A line of a source file. */
export interface Line {
  /** Path of the file, relative to the working directory if it is below that. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

/** A line of the user's source and the path of the module that was running, such as `conv1`. */
export interface Origin {
  /** Path of the file, relative to the working directory if it is below that; empty if unknown. */
  readonly file: string;
  /** 1-based line; 0 when unknown. */
  readonly line: number;
  /** Dotted module path, empty for the model itself. */
  readonly module: string;
  /**
   * The lines whose calls led there, such as that of `x = this.layer1.forward(x)`, innermost first. Known after a trace;
   * text forms leave them out.
   */
  readonly callers?: readonly Line[];
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

/**
 * The module that work with these origins belongs to: the innermost one that holds all of them. `conv1` where the model's
 * own line that calls it is an origin as well; empty where several parts of the model have a share.
 */
export const moduleOf = (origins: readonly Origin[]): string =>
  innermostModule(origins.map(({ module }) => module));

/** The same of the paths of modules. */
export function innermostModule(modules: readonly string[]): string {
  const paths = [...new Set(modules)];
  const innermost = paths.filter((path) => !paths.some((other) => other !== path && isWithin(other, path)));
  const [first = [], ...rest] = innermost.map((path) => path.split("."));
  const shared = first.findIndex((part, k) => rest.some((parts) => parts[k] !== part));
  return (shared < 0 ? first : first.slice(0, shared)).join(".");
}

const isWithin = (path: string, outer: string): boolean => outer === "" || path.startsWith(`${outer}.`);

/** Appends what is new of `extra` to `origins`; returns `origins` itself when nothing is new. */
export function mergeOrigins(origins: readonly Origin[], extra: readonly Origin[]): readonly Origin[] {
  let merged = origins;
  for (const origin of extra) {
    const position = merged.findIndex((known) => sameOrigin(known, origin));
    if (position < 0) merged = [...merged, origin];
    else {
      const both = withCallers(merged[position], origin.callers);
      if (both !== merged[position]) merged = merged.with(position, both);
    }
  }
  return merged;
}

/** `origin` as what these lines have led to as well; `origin` itself where they are known to have. */
function withCallers(origin: Origin, callers: readonly Line[] = []): Origin {
  const known = origin.callers ?? [];
  if (callers === known) return origin;
  const fresh = callers.filter((line) => !known.some((other) => sameLine(line, other)));
  return fresh.length === 0 ? origin : { ...origin, callers: [...known, ...fresh] };
}

function sameOrigin(a: Origin, b: Origin): boolean {
  return sameLine(a, b) && a.module === b.module;
}

const sameLine = (a: Line, b: Line): boolean => a.file === b.file && a.line === b.line;
