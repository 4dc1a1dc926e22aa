/**
 * Turns pure expressions into statements: reductions become loops with accumulators, what does not change in
 * a loop is computed before it, and what is used twice is computed once. Reductions over the same axes at the
 * same place share one loop, so an unrolled tile becomes a block of accumulators (unroll-and-jam) by itself.
 *
 * This happens to nests: loops whose iterations are independent, each alone in the body of the one around it, with
 * nothing but stores inside, and the values that they store where those are named first. A serial loop belongs to no
 * nest, for what one of its iterations loads an earlier one may have stored; and what declares accumulators or lists has
 * been written out by its strategy already.
 */

import { invariant } from "../../src/core/errors.ts";
import {
  add,
  binary,
  compare,
  constant,
  float,
  int,
  local,
  mul,
  unary,
  variable,
} from "../../src/loop/build.ts";
import { Interner } from "../../src/loop/intern.ts";
import { LoadBounds } from "../../src/loop/load-bounds.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { RangeContext } from "../../src/loop/range.ts";
import { inBlocks } from "../../src/loop/sum-blocks.ts";
import type { BufferParam, Expr, LoopKind, Stmt } from "../../src/loop/types.ts";
import { usedBuffers } from "../../src/loop/used-buffers.ts";
import {
  axesKey,
  forEachChild,
  freeNames,
  isSubset,
  mapChildren,
  visitStatements,
} from "../../src/loop/walk.ts";
import type { Pass } from "../pass.ts";
import { type GridLoop, mayClash, type StoreTarget, storesIn } from "../scheduling/analysis/nest.ts";

type Reduce = Extract<Expr, { kind: "reduce" }>;

type For = Extract<Stmt, { kind: "for" }>;

export const lowerReductions: Pass<LoweredProgram, LoweredProgram> = {
  name: "lower-reductions",
  doc: "Reductions become loops with accumulators, those over the same axes in one; invariants move out of loops.",
  run: (program) => ({
    ...program,
    kernels: program.kernels.map((kernel) => ({ ...kernel, body: lowered(kernel.body, kernel.buffers) })),
  }),
};

/** The statements of a kernel with these buffers, nests lowered. Sections share no locals: each counts its own from 0. */
export function lowered(body: readonly Stmt[], buffers: readonly BufferParam[]): Stmt[] {
  if (body.some(({ kind }) => kind === "section"))
    return body.map((s) => (s.kind === "section" ? { ...s, body: lowered(s.body, buffers) } : s));
  return new Lowering(buffers, body).body(body, OUTSIDE);
}

interface Scope {
  /** Whether iterations of the loop around this point depend on each other. */
  readonly isSerial: boolean;
  /** Names of loop variables and locals that are known at this point. */
  readonly available: ReadonlySet<string>;
  readonly ranges: RangeContext;
  /** Expressions that already have a local. */
  readonly bound: ReadonlyMap<Expr, Expr>;
}

const OUTSIDE: Scope = {
  isSerial: false,
  available: new Set(),
  ranges: new RangeContext(),
  bound: new Map(),
};

class Lowering {
  private readonly interner = new Interner();
  private readonly loads: LoadBounds;
  /** The names that strategies gave. */
  private readonly taken = new Set<string>();
  private readonly counters = new Map<string, number>();

  constructor(buffers: readonly BufferParam[], body: readonly Stmt[]) {
    const lengths = new Map(buffers.map((b) => [b.name, b.length]));
    this.loads = new LoadBounds((buffer) => lengths.get(buffer) ?? 0);
    visitStatements(body, (s) => {
      if ("name" in s) this.taken.add(s.name);
    });
  }

  /** The statements with all nests among them lowered. */
  body(statements: readonly Stmt[], outer: Scope): Stmt[] {
    const isOpen = !statements.some(isWrittenOut) && !(outer.isSerial && statements.some(isLet));
    const result: Stmt[] = [];
    let scope = outer;
    for (let k = 0; k < statements.length; ) {
      const stores = isOpen ? storesAt(statements, k) : [];
      if (stores.length > 0) {
        result.push(...this.nest([], stores, scope));
        k += stores.length;
        continue;
      }
      const s = statements[k++];
      if (s.kind === "let" || s.kind === "accumulator")
        scope = { ...scope, available: new Set([...scope.available, s.name]) };
      result.push(...this.statement(s, scope));
    }
    return result;
  }

  private statement(s: Stmt, scope: Scope): Stmt[] {
    switch (s.kind) {
      case "for": {
        const nest = nestIn(s);
        return nest === undefined
          ? [{ ...s, body: this.body(s.body, insideOf(s, scope)) }]
          : this.nest(nest.loops, nest.body, scope);
      }
      case "if":
      case "section":
        return [{ ...s, body: this.body(s.body, scope) }];
      case "let":
      case "accumulator":
      case "assign":
      case "store":
      case "append":
        return [s];
      default:
        return s satisfies never;
    }
  }

  /** `innermost` are stores, and definitions before them. */
  private nest(loops: readonly GridLoop[], innermost: readonly Stmt[], scope: Scope): Stmt[] {
    for (const s of innermost) if (s.kind === "let") this.taken.delete(s.name);
    const stores = storesIn(innermost);
    const settled = inBlocks();
    const values = stores.map((s) => this.interner.intern(settled(s.value)));
    return this.enter(loops, "grid", values, scope, (results) => this.writes(stores, results));
  }

  /** Values are bound before the first store where a store might change what a later value loads. */
  private writes(stores: readonly StoreTarget[], values: readonly Expr[]): Stmt[] {
    const hazard = mayClash(stores, values);
    const lets: Stmt[] = [];
    const settled = values.map((value) => {
      if (!hazard || value.kind === "local" || value.kind === "const") return value;
      const name = this.fresh("t");
      lets.push({ kind: "let", name, value });
      return local(name, value.dtype);
    });
    return [
      ...lets,
      ...stores.map(({ buffer, index }, k): Stmt => ({ kind: "store", buffer, index, value: settled[k] })),
    ];
  }

  private fresh(stem: string): string {
    const number = this.counters.get(stem) ?? 0;
    this.counters.set(stem, number + 1);
    const name = `${stem}${number}`;
    return this.taken.has(name) ? this.fresh(stem) : name;
  }

  /** Emits `loops` around `finish`, hoisting what each level allows out of the levels below it. */
  private enter(
    loops: readonly GridLoop[],
    kind: LoopKind,
    roots: readonly Expr[],
    scope: Scope,
    finish: (values: Expr[]) => Stmt[],
  ): Stmt[] {
    const statements: Stmt[] = [];
    const bound = new Map(scope.bound);
    const here: Scope = { ...scope, bound };
    for (const group of this.candidates(roots, here, loops.length === 0))
      this.bind(group, here, bound, statements);
    if (loops.length === 0) {
      const replaced = this.replacer(bound);
      return [...statements, ...finish(roots.map(replaced))];
    }
    const [{ name, extent, loop = kind }, ...inner] = loops;
    const inside: Scope = {
      isSerial: false,
      available: new Set([...scope.available, name]),
      ranges: scope.ranges.withName(name, { low: 0, high: extent - 1 }),
      bound,
    };
    statements.push({
      kind: "for",
      name,
      extent,
      loop,
      body: this.enter(inner, kind, roots, inside, finish),
    });
    return statements;
  }

  /**
   * What is to be computed at this level: reductions (those over equal axes together) and, outside of the
   * innermost level, any real work; at the innermost level only what is used more than once.
   */
  private candidates(roots: readonly Expr[], scope: Scope, innermost: boolean): Expr[][] {
    const uses = innermost ? this.countUses(roots, scope) : undefined;
    const found = this.worthBinding(roots, scope, uses);
    if (innermost) return groupReductions(found);
    // Random words share nearly all of their arithmetic: written out one by one they would never end.
    const words = found.filter((e) => e.dtype === "uint32");
    const shared = this.worthBinding(words, scope, this.countUses(words, scope));
    return groupReductions([...new Set([...shared, ...found])]);
  }

  /** Work below `roots` that can be done here; with `uses`, only reductions and what is used more than once. */
  private worthBinding(
    roots: readonly Expr[],
    scope: Scope,
    uses: ReadonlyMap<Expr, number> | undefined,
  ): Expr[] {
    const found: Expr[] = [];
    const seen = new Set<Expr>();
    const seenGuarded = new Set<Expr>();
    const visit = (e: Expr, unconditional: boolean): void => {
      if (scope.bound.has(e)) return;
      if (seen.has(e) || (!unconditional && seenGuarded.has(e))) return;
      const worth = e.kind === "reduce" || (isWork(e) && (uses === undefined || (uses.get(e) ?? 0) > 1));
      if (worth && isSubset(freeNames(e), scope.available) && (unconditional || this.isSafe(e, scope))) {
        seen.add(e);
        if (uses !== undefined && e.kind !== "reduce") visitInner(e, unconditional);
        found.push(e);
        return;
      }
      (unconditional ? seen : seenGuarded).add(e);
      visitInner(e, unconditional);
    };
    const visitInner = (e: Expr, unconditional: boolean): void => {
      if (e.kind === "load") return;
      if (e.kind === "select") {
        visit(e.condition, unconditional);
        visit(e.a, false);
        visit(e.b, false);
      } else if (e.kind === "reduce") visit(e.body, unconditional);
      else forEachChild(e, (child) => visit(child, unconditional));
    };
    for (const root of roots) visit(root, true);
    return found;
  }

  private countUses(roots: readonly Expr[], scope: Scope): Map<Expr, number> {
    const uses = new Map<Expr, number>();
    const visit = (e: Expr): void => {
      const count = uses.get(e) ?? 0;
      uses.set(e, count + 1);
      if (count > 0 || scope.bound.has(e) || e.kind === "load" || e.kind === "reduce") return;
      forEachChild(e, visit);
    };
    roots.forEach(visit);
    return uses;
  }

  /** Whether `e` may be evaluated without the guards around it: all its loads stay inside their buffers. */
  private isSafe(e: Expr, { ranges }: Scope): boolean {
    return this.loads.looseIn(e, ranges) === undefined;
  }

  /** Emits the computation of `group` and records its locals. */
  private bind(group: readonly Expr[], scope: Scope, bound: Map<Expr, Expr>, statements: Stmt[]): void {
    const [first] = group;
    if (first.kind === "reduce") {
      this.bindReductions(group as Reduce[], { ...scope, bound }, bound, statements);
      return;
    }
    if (bound.has(first)) return;
    // Reductions inside are loops of their own and come before the expression that uses them.
    for (const inner of groupReductions(outermostReductions(first, bound)))
      this.bind(inner, scope, bound, statements);
    const name = this.fresh("t");
    statements.push({ kind: "let", name, value: this.replacer(bound)(first) });
    bound.set(first, local(name, first.dtype));
  }

  private bindReductions(
    group: readonly Reduce[],
    scope: Scope,
    bound: Map<Expr, Expr>,
    statements: Stmt[],
  ): void {
    const open = group.filter((r) => !bound.has(r));
    if (open.length === 0) return;
    const bodies = [...new Set(open.map((r) => r.body))];
    const plans = bodies.map((body) =>
      this.accumulation(
        body,
        open.filter((r) => r.body === body),
      ),
    );
    for (const { declarations } of plans) statements.push(...declarations);
    const loops = open[0].axes.map(({ name, extent }) => ({ name, extent }));
    const inner = this.enter(loops, "reduce", bodies, scope, (values) =>
      plans.flatMap((plan, k) => plan.step(values[k])),
    );
    statements.push(...inner);
    for (const { results } of plans) for (const [reduction, value] of results) bound.set(reduction, value);
  }

  /** Accumulators for all reductions of one body, and the statements of one iteration. */
  private accumulation(body: Expr, reductions: readonly Reduce[]) {
    const has = (op: Reduce["op"]): Reduce | undefined => reductions.find((r) => r.op === op);
    const declarations: Stmt[] = [];
    const results: [Reduce, Expr][] = [];
    const steps: ((value: Expr) => Stmt[])[] = [];
    const accumulator = (stem: string, init: Expr, range?: readonly [number, number]): Expr => {
      const name = this.fresh(stem);
      declarations.push({ kind: "accumulator", name, init, ...(range && { range }) });
      return local(name, init.dtype);
    };
    const assign = (target: Expr, value: Expr): Stmt => {
      invariant(target.kind === "local", "an accumulator");
      return { kind: "assign", name: target.name, value };
    };
    const sum = has("sum");
    if (sum !== undefined) {
      const total = accumulator("acc", constant(0, body.dtype));
      results.push([sum, total]);
      steps.push((value) => [assign(total, add(total, value))]);
    }
    const max = has("max");
    const argmax = has("argmax");
    if (max !== undefined || argmax !== undefined) {
      const best = accumulator("best", float(Number.NEGATIVE_INFINITY));
      if (max !== undefined) results.push([max, best]);
      if (argmax === undefined) steps.push((value) => [assign(best, binary("max", best, value))]);
      else {
        const last = argmax.axes.reduce((n, axis) => n * axis.extent, 1) - 1;
        const winner = accumulator("winner", int(0), [0, last]);
        results.push([argmax, winner]);
        const position = argmax.axes.reduce<Expr>(
          (p, a) => add(mul(p, int(a.extent)), variable(a.name)),
          int(0),
        );
        steps.push((value) => {
          const name = this.fresh("t");
          const candidate = local(name, value.dtype);
          const wins = binary("or", compare("gt", candidate, best), unary("isnan", candidate));
          return [
            { kind: "let", name, value },
            { kind: "if", condition: wins, body: [assign(best, candidate), assign(winner, position)] },
          ];
        });
      }
    }
    return { declarations, results, step: (value: Expr): Stmt[] => steps.flatMap((step) => step(value)) };
  }

  /** Replaces bound expressions by their locals. */
  private replacer(bound: ReadonlyMap<Expr, Expr>): (e: Expr) => Expr {
    const done = new Map<Expr, Expr>();
    const replace = (e: Expr): Expr => {
      const known = bound.get(e) ?? done.get(e);
      if (known !== undefined) return known;
      invariant(e.kind !== "reduce", "every reduction is bound before its use");
      const result = e.kind === "load" ? e : mapChildren(e, replace);
      done.set(e, result);
      return result;
    };
    return replace;
  }
}

/** Whether a statement is one that only lowering makes, or a strategy in its place. */
const isWrittenOut = ({ kind }: Stmt): boolean =>
  kind === "accumulator" || kind === "assign" || kind === "append";

const isLet = ({ kind }: Stmt): boolean => kind === "let";

/** The stores from place `k` on, with the definitions before them; none where something else follows, or an order counts. */
function storesAt(statements: readonly Stmt[], k: number): readonly Stmt[] {
  let first = k;
  while (statements[first]?.kind === "let") first++;
  let end = first;
  while (statements[end]?.kind === "store") end++;
  return end === first || isOrdered(statements.slice(first, end)) ? [] : statements.slice(k, end);
}

/** Whether one of several stores loads what an earlier one may have stored. */
function isOrdered(stores: readonly Stmt[]): boolean {
  const stored = new Set<string>();
  return stores.some((s) => {
    const loads = usedBuffers([s]).loaded;
    const isLater = [...stored].some((name) => loads.has(name));
    if (s.kind === "store") stored.add(s.buffer);
    return isLater;
  });
}

/** The nest that `loop` is the outermost of, if it is one. */
function nestIn(loop: For): { readonly loops: GridLoop[]; readonly body: readonly Stmt[] } | undefined {
  const loops: GridLoop[] = [];
  for (let s: Stmt = loop; s.kind === "for"; ) {
    const { name, extent, loop: kind, inductions, body } = s as For;
    if (typeof extent !== "number" || inductions !== undefined || (kind !== "grid" && kind !== "vector"))
      return undefined;
    loops.push({ name, extent, loop: kind });
    if (body.length > 0 && storesAt(body, 0).length === body.length) return { loops, body };
    if (body.length !== 1) return undefined;
    [s] = body;
  }
  return undefined;
}

/** What is known inside of a loop that belongs to no nest. */
function insideOf({ name, extent, loop, inductions = [] }: For, { available, ranges, bound }: Scope): Scope {
  const most = typeof extent === "number" ? extent : extent.most;
  return {
    isSerial: loop === "serial" || loop === "reduce",
    available: new Set([...available, name, ...inductions.map((i) => i.name)]),
    ranges: ranges.withName(name, { low: 0, high: most - 1 }),
    bound,
  };
}

/** Loads and arithmetic are work; names, constants and integer index arithmetic are not. */
function isWork(e: Expr): boolean {
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return false;
    case "load":
    case "select":
    case "reduce":
    case "unary":
    case "compare":
      return true;
    case "cast":
      return isWork(e.a);
    case "binary":
      return e.dtype !== "int32";
    default:
      return e satisfies never;
  }
}

/** Reductions over equal axes side by side, everything else by itself, in the order they were met. */
function groupReductions(found: readonly Expr[]): Expr[][] {
  const groups = new Map<string, Expr[]>();
  found.forEach((e, k) => {
    const key = e.kind === "reduce" ? axesKey(e.axes) : `#${k}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [e]);
    else group.push(e);
  });
  return [...groups.values()];
}

function outermostReductions(e: Expr, bound: ReadonlyMap<Expr, Expr>): Expr[] {
  const found = new Set<Expr>();
  const seen = new Set<Expr>();
  const visit = (node: Expr): void => {
    if (bound.has(node) || seen.has(node)) return;
    seen.add(node);
    if (node.kind === "reduce") found.add(node);
    else if (node.kind !== "load") forEachChild(node, visit);
  };
  visit(e);
  return [...found];
}
