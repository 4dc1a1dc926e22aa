/**
 * Kernels that differ only in the names of their buffers, as those of equal layers do: results about one of them hold
 * for all, and what is derived from one is derived for the others by renaming.
 */

import type { Expr, Kernel, Stmt } from "./types.ts";
import { children, mapExpressions, ownExpressions, rewriter } from "./walk.ts";

/** The kernel that another one is like, and the other one's names for its buffers. */
export interface Likeness {
  readonly of: Kernel;
  readonly names: ReadonlyMap<string, string>;
}

const known = new WeakMap<Kernel, Likeness>();

/** The first kernel that was found to be like `kernel`, if that was searched. */
export const likenessOf = (kernel: Kernel): Likeness | undefined => known.get(kernel);

/** Finds for each kernel the first one that it is like. */
export class Families {
  private readonly firsts = new Map<string, Kernel[]>();
  private readonly all = new Set<Kernel>();
  private readonly mayBeAlike: (a: string, b: string) => boolean;

  /** `mayBeAlike` says whether two buffers of the same kind may correspond; by default any may. */
  constructor(mayBeAlike: (a: string, b: string) => boolean = () => true) {
    this.mayBeAlike = mayBeAlike;
  }

  /** The kernel that `kernel` is like, also recorded for `likenessOf`; `undefined` for the first of its kind. */
  find(kernel: Kernel): Likeness | undefined {
    const earlier = known.get(kernel);
    if (earlier !== undefined && this.all.has(earlier.of) && this.allows(earlier.names)) return earlier;
    const key = outlineOf(kernel);
    const firsts = this.firsts.get(key) ?? [];
    for (const first of firsts) {
      const names = namesIn(kernel, first);
      if (!this.allows(names) || !areAlike(kernel, first, names)) continue;
      const likeness = { of: first, names };
      known.set(kernel, likeness);
      return likeness;
    }
    this.firsts.set(key, [...firsts, kernel]);
    this.all.add(kernel);
    return undefined;
  }

  private allows(names: ReadonlyMap<string, string>): boolean {
    for (const [a, b] of names) if (!this.mayBeAlike(a, b)) return false;
    return true;
  }
}

/** Each kernel with its statements rewritten by `rewrite`; those of kernels that are alike are rewritten once. */
export function mapBodies(
  kernels: readonly Kernel[],
  rewrite: (kernel: Kernel) => readonly Stmt[],
): readonly Kernel[] {
  const families = new Families();
  const made = new Map<Kernel, Kernel>();
  return kernels.map((kernel) => {
    const likeness = families.find(kernel);
    const first = likeness && made.get(likeness.of);
    const result =
      first === undefined
        ? withStatements(kernel, rewrite(kernel))
        : first === likeness!.of
          ? kernel
          : alikeTo(first, likeness!.names, withoutBody(kernel));
    made.set(kernel, result);
    return result;
  });
}

const withStatements = (kernel: Kernel, body: readonly Stmt[]): Kernel =>
  body === kernel.body ? kernel : { ...kernel, body };

/** A kernel without its statements, which may not have been materialised yet. */
export function withoutBody(kernel: Kernel): Omit<Kernel, "body"> {
  const entries = Object.keys(kernel).flatMap((key) =>
    key === "body" ? [] : [[key, kernel[key as keyof Kernel]] as const],
  );
  return Object.fromEntries(entries) as unknown as Omit<Kernel, "body">;
}

/**
 * A kernel with the statements of `first`, its buffers renamed by `names`; renaming happens when the statements are
 * read, which for most kernels they never are.
 */
export function alikeTo(
  first: Kernel,
  names: ReadonlyMap<string, string>,
  own: Omit<Kernel, "body">,
): Kernel {
  let body: readonly Stmt[] | undefined;
  const kernel: Kernel = {
    ...own,
    get body() {
      body ??= renamed(first.body, names);
      return body;
    },
  };
  known.set(kernel, { of: first, names });
  return kernel;
}

/** Statements with buffers renamed. */
export function renamed(body: readonly Stmt[], names: ReadonlyMap<string, string>): readonly Stmt[] {
  const rename = (name: string): string => names.get(name) ?? name;
  const loads = rewriter((e): Expr => (e.kind === "load" ? { ...e, buffer: rename(e.buffer) } : e));
  return mapExpressions(body, loads).map(function stores(s): Stmt {
    switch (s.kind) {
      case "store":
        return { ...s, buffer: rename(s.buffer) };
      case "append":
        return { ...s, values: s.values.map((v) => ({ ...v, buffer: rename(v.buffer) })) };
      case "for":
      case "if":
      case "section":
        return { ...s, body: s.body.map(stores) };
      case "let":
      case "accumulator":
      case "assign":
        return s;
      default:
        return s satisfies never;
    }
  });
}

/** A cheap summary that is equal for kernels that are alike. */
const outlineOf = ({ buffers, body, nominalFlops }: Kernel): string =>
  [
    nominalFlops,
    body.length,
    ...buffers.map((b) => [b.dtype, b.length, b.access, b.range, b.private].join()),
  ].join(";");

/** The names in `kernel` of the buffers of `first`, if they are alike. */
const namesIn = (kernel: Kernel, first: Kernel): ReadonlyMap<string, string> =>
  new Map(first.buffers.map(({ name }, k) => [name, kernel.buffers[k].name]));

/** Whether the kernels are equal except for these names. */
const areAlike = (kernel: Kernel, first: Kernel, names: ReadonlyMap<string, string>): boolean =>
  new Comparison(names).bodies(first.body, kernel.body);

class Comparison {
  private readonly names: ReadonlyMap<string, string>;
  /** Parts that were found to be alike: expressions share parts. */
  private readonly alike = new Map<Expr, Expr>();

  constructor(names: ReadonlyMap<string, string>) {
    this.names = names;
  }

  bodies(a: readonly Stmt[], b: readonly Stmt[]): boolean {
    return a.length === b.length && a.every((s, k) => this.statements(s, b[k]));
  }

  private statements(a: Stmt, b: Stmt): boolean {
    const own = ownExpressions(a);
    const others = ownExpressions(b);
    return (
      this.fields(a, b) &&
      own.length === others.length &&
      own.every((e, k) => this.expressions(e, others[k])) &&
      (!("body" in a && "body" in b) || this.bodies(a.body, b.body))
    );
  }

  private expressions(a: Expr, b: Expr): boolean {
    const known = this.alike.get(a);
    if (known !== undefined) return known === b;
    if (!this.fields(a, b)) return false;
    const others = children(b);
    if (!children(a).every((child, k) => this.expressions(child, others[k]))) return false;
    this.alike.set(a, b);
    return true;
  }

  /** Compares what two nodes hold besides expressions and statements; nodes with equal fields are of the same kind. */
  private fields(a: object, b: object): boolean {
    const others = b as Readonly<Record<string, unknown>>;
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      Object.entries(a).every(([key, value]) => this.values(key, value, others[key]))
    );
  }

  private values(key: string, a: unknown, b: unknown): boolean {
    if (key === "buffer") return this.names.get(a as string) === b;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
    // Expressions and statements are compared one by one.
    if (key === "body" || "kind" in a) return true;
    return this.fields(a, b);
  }
}
