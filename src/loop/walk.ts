/** Traversals of Loop IR that every pass shares: children, rebuilding, substitution, free variables. */

import type { Expr, ReduceAxis, Stmt } from "./types.ts";

const NONE: readonly never[] = [];

/** The direct subexpressions of `e`. */
export function children(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return NONE;
    case "load":
      return [e.index];
    case "unary":
    case "cast":
      return [e.a];
    case "binary":
    case "compare":
      return [e.a, e.b];
    case "select":
      return [e.condition, e.a, e.b];
    case "reduce":
      return [e.body];
    default:
      return e satisfies never;
  }
}

/** Calls `visit` for the direct subexpressions of `e`, in order. */
export function forEachChild(e: Expr, visit: (child: Expr) => void): void {
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return;
    case "load":
      visit(e.index);
      return;
    case "unary":
    case "cast":
      visit(e.a);
      return;
    case "binary":
    case "compare":
      visit(e.a);
      visit(e.b);
      return;
    case "select":
      visit(e.condition);
      visit(e.a);
      visit(e.b);
      return;
    case "reduce":
      visit(e.body);
      return;
    default:
      e satisfies never;
  }
}

/** `e` with each direct subexpression replaced by `f` of it; `e` itself when nothing changes. */
export function mapChildren(e: Expr, f: (child: Expr) => Expr): Expr {
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return e;
    case "load": {
      const index = f(e.index);
      return index === e.index ? e : { ...e, index };
    }
    case "unary":
    case "cast": {
      const a = f(e.a);
      return a === e.a ? e : { ...e, a };
    }
    case "binary":
    case "compare": {
      const a = f(e.a);
      const b = f(e.b);
      return a === e.a && b === e.b ? e : { ...e, a, b };
    }
    case "select": {
      const condition = f(e.condition);
      const a = f(e.a);
      const b = f(e.b);
      return condition === e.condition && a === e.a && b === e.b ? e : { ...e, condition, a, b };
    }
    case "reduce": {
      const body = f(e.body);
      return body === e.body ? e : { ...e, body };
    }
    default:
      return e satisfies never;
  }
}

/** Rebuilds an expression DAG bottom up, visiting every shared node once. */
export function rewriter(visit: (e: Expr) => Expr): (e: Expr) => Expr {
  const done = new Map<Expr, Expr>();
  const rewrite = (e: Expr): Expr => {
    const known = done.get(e);
    if (known !== undefined) return known;
    const result = visit(mapChildren(e, rewrite));
    done.set(e, result);
    return result;
  };
  return rewrite;
}

/** Replaces variables and locals by name. Bound names are unique by construction, so none is captured. */
export function substitute(e: Expr, replacements: ReadonlyMap<string, Expr>): Expr {
  if (replacements.size === 0) return e;
  const done = new Map<Expr, Expr>();
  const replace = (node: Expr): Expr => {
    if (node.kind === "const") return node;
    if (node.kind === "var" || node.kind === "local") return replacements.get(node.name) ?? node;
    let result = done.get(node);
    if (result === undefined) {
      result = mapChildren(node, replace);
      done.set(node, result);
    }
    return result;
  };
  return replace(e);
}

/** Axes as a key: reductions with equal keys run in step. */
export const axesKey = (axes: readonly ReduceAxis[]): string =>
  axes.map((axis) => `${axis.name}<${axis.extent}`).join();

/** The tests of a conjunction. */
export function conjuncts(e: Expr): Expr[] {
  return e.kind === "binary" && e.op === "and" ? [...conjuncts(e.a), ...conjuncts(e.b)] : [e];
}

const NO_NAMES: ReadonlySet<string> = new Set();

const known = new WeakMap<Expr, ReadonlySet<string>>();

/** The set of one name, always the same object, so that unions of equal sets are recognised at once. */
const single = new Map<string, ReadonlySet<string>>();

/** Free variables and locals of an expression, remembered per node. */
export function freeNames(e: Expr): ReadonlySet<string> {
  if (e.kind === "const" || e.kind === "scalar") return NO_NAMES;
  if (e.kind === "var" || e.kind === "local") return only(e.name);
  let names = known.get(e);
  if (names === undefined) {
    names = findNames(e);
    known.set(e, names);
  }
  return names;
}

function only(name: string): ReadonlySet<string> {
  let names = single.get(name);
  if (names === undefined) {
    names = new Set([name]);
    single.set(name, names);
  }
  return names;
}

/** Most nodes have the names of one child, and share its set. */
function findNames(e: Expr): ReadonlySet<string> {
  switch (e.kind) {
    case "const":
    case "scalar":
    case "var":
    case "local":
      return freeNames(e);
    case "load":
      return freeNames(e.index);
    case "unary":
    case "cast":
      return freeNames(e.a);
    case "binary":
    case "compare":
      return united(freeNames(e.a), freeNames(e.b));
    case "select":
      return united(united(freeNames(e.condition), freeNames(e.a)), freeNames(e.b));
    case "reduce": {
      const names = freeNames(e.body);
      if (!e.axes.some((axis) => names.has(axis.name))) return names;
      const bound = new Set(e.axes.map((axis) => axis.name));
      return new Set([...names].filter((name) => !bound.has(name)));
    }
    default:
      return e satisfies never;
  }
}

/** The union of two sets: one of the two if it contains the other. */
function united(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  if (a === b || isSubset(b, a)) return a;
  return isSubset(a, b) ? b : new Set([...a, ...b]);
}

/** Whether `b` holds all names of `a`. */
export function isSubset(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size > b.size) return false;
  for (const name of a) if (!b.has(name)) return false;
  return true;
}

/** Calls `visit` once for every distinct node below `e`, parents first. */
export function visitExpr(e: Expr, visit: (node: Expr) => void, seen: Set<Expr> = new Set()): void {
  const enter = (node: Expr): void => {
    if (seen.has(node)) return;
    seen.add(node);
    visit(node);
    forEachChild(node, enter);
  };
  enter(e);
}

/** Whether any node below `e` passes a test. */
export function someExpr(e: Expr, test: (node: Expr) => boolean): boolean {
  const seen = new Set<Expr>();
  const passes = (node: Expr): boolean => {
    if (seen.has(node)) return false;
    seen.add(node);
    return test(node) || children(node).some(passes);
  };
  return passes(e);
}

/** The outermost nodes below `roots` that pass a test, each once; does not look into `isClosed` nodes. */
export function outermost(
  roots: readonly Expr[],
  test: (node: Expr) => boolean,
  isClosed: (node: Expr) => boolean = () => false,
): Expr[] {
  const found: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e) || isClosed(e)) return;
    seen.add(e);
    if (test(e)) found.push(e);
    else if (e.kind !== "load") forEachChild(e, visit);
  };
  roots.forEach(visit);
  return found;
}

/** The expressions that a statement holds itself, without those of nested statements. */
export function ownExpressions(s: Stmt): readonly Expr[] {
  switch (s.kind) {
    case "for":
      return s.inductions?.map((induction) => induction.init) ?? NONE;
    case "let":
    case "assign":
      return [s.value];
    case "accumulator":
      return [s.init];
    case "store":
      return [s.index, s.value];
    case "if":
      return [s.condition];
    case "append":
      return [s.condition, s.base, ...s.values.map((v) => v.value)];
    case "section":
      return NONE;
    default:
      return s satisfies never;
  }
}

/** The statements nested directly in `s`. */
export function nested(s: Stmt): readonly Stmt[] {
  switch (s.kind) {
    case "for":
    case "section":
      return s.body;
    case "if":
      return s.body;
    case "let":
    case "accumulator":
    case "assign":
    case "store":
    case "append":
      return NONE;
    default:
      return s satisfies never;
  }
}

/** A statement with its own expressions mapped by `f`, and its indices by `place`. */
export function mapOwn(s: Stmt, f: (e: Expr) => Expr, place: (e: Expr) => Expr = f): Stmt {
  switch (s.kind) {
    case "for":
      if (s.inductions === undefined) return s;
      return { ...s, inductions: s.inductions.map((i) => ({ ...i, init: place(i.init) })) };
    case "let":
    case "assign":
      return { ...s, value: f(s.value) };
    case "accumulator":
      return { ...s, init: f(s.init) };
    case "store":
      return { ...s, index: place(s.index), value: f(s.value) };
    case "if":
      return { ...s, condition: f(s.condition) };
    case "append": {
      const [condition, base] = [f(s.condition), place(s.base)];
      return { ...s, condition, base, values: s.values.map((v) => ({ ...v, value: f(v.value) })) };
    }
    case "section":
      return s;
    default:
      return s satisfies never;
  }
}

/** Rebuilds statements with every expression mapped by `f`. */
export function mapExpressions(body: readonly Stmt[], f: (e: Expr) => Expr): Stmt[] {
  return body.map((s) => {
    const own = mapOwn(s, f);
    return "body" in own ? { ...own, body: mapExpressions(own.body, f) } : own;
  });
}

/** Calls `visit` for every statement of `body`, parents first. */
export function visitStatements(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const s of body) {
    visit(s);
    visitStatements(nested(s), visit);
  }
}
