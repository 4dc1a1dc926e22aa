/**
 * Lowers one nest: reductions become loops with accumulators, loop invariants are computed before the loop, and
 * what is used twice is computed once. Reductions over the same axes at the same place share one loop, so an unrolled
 * tile becomes a block of accumulators (unroll-and-jam) by itself.
 */

import { invariant } from "../../src/core/errors.ts";
import { add, binary, constant, float, int, local, mul, replaces, variable } from "../../src/loop/build.ts";
import { Interner } from "../../src/loop/intern.ts";
import { LoadBounds } from "../../src/loop/load-bounds.ts";
import type { RangeContext } from "../../src/loop/range.ts";
import { givesPosition } from "../../src/loop/semantics.ts";
import { inBlocks } from "../../src/loop/sum-blocks.ts";
import { areLargerThan } from "../../src/loop/tree-size.ts";
import type { BufferParam, Expr, LoopKind, Stmt } from "../../src/loop/types.ts";
import { isIndex } from "../../src/loop/typing.ts";
import {
  axesKey,
  forEachChild,
  freeNames,
  isSubset,
  mapChildren,
  outermost,
  ownExpressions,
  visitStatements,
} from "../../src/loop/walk.ts";
import { type GridLoop, mayClash, type StoreTarget } from "../scheduling/analysis/nest.ts";

type Reduce = Extract<Expr, { kind: "reduce" }>;

/** Expressions of so many nodes, if written out in place, are bound part by part. */
const LARGE = 100;

/** What is known at a point of a kernel. */
export interface Scope {
  /** Names of loop variables and locals. */
  readonly available: ReadonlySet<string>;
  readonly ranges: RangeContext;
  /** Expressions that already have a local. */
  readonly bound: ReadonlyMap<Expr, Expr>;
}

/** Lowers the nests of one kernel, or of one section of it; new names differ from those in `taken`. */
export class NestLowering {
  private readonly interner = new Interner();
  private readonly loads: LoadBounds;
  private readonly taken: ReadonlySet<string>;
  private readonly counters = new Map<string, number>();

  constructor(buffers: readonly BufferParam[], taken: ReadonlySet<string>) {
    const lengths = new Map(buffers.map((b) => [b.name, b.length]));
    this.loads = new LoadBounds((buffer) => lengths.get(buffer) ?? 0);
    this.taken = taken;
  }

  /** `stores` inside of `loops`, all of them at once. */
  nest(loops: readonly GridLoop[], stores: readonly StoreTarget[], scope: Scope): Stmt[] {
    const settled = inBlocks();
    const values = stores.map((s) => this.interner.intern(settled(s.value)));
    return this.enter(loops, "grid", values, scope, (results) => this.writes(stores, results));
  }

  /** Values are bound before the first store if a store might change what a later value loads. */
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
      const last = finish(roots.map(replaced));
      return kind === "reduce" ? atFirstUse(statements, last) : [...statements, ...last];
    }
    const [{ name, extent, loop = kind }, ...inner] = loops;
    const inside: Scope = {
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
    // Large shared values are written once: written in place, random
    // words and the winners of rows would grow exponentially.
    const large = found.filter((e) => e.kind !== "reduce" && areLargerThan([e], LARGE));
    const shared = this.worthBinding(large, scope, this.countUses(large, scope));
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
    const reductions = outermost(
      [first],
      (e) => e.kind === "reduce",
      (e) => bound.has(e),
    );
    for (const inner of groupReductions(reductions)) this.bind(inner, scope, bound, statements);
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
    const positions = reductions.filter(({ op }) => givesPosition(op));
    for (const reduction of positions) {
      const best = accumulator("best", float(Number.NEGATIVE_INFINITY));
      if (max !== undefined) results.push([max, best]);
      const last = reduction.axes.reduce((n, axis) => n * axis.extent, 1) - 1;
      const winner = accumulator("winner", int(0), [0, last]);
      results.push([reduction, winner]);
      const position = reduction.axes.reduce<Expr>(
        (p, a) => add(mul(p, int(a.extent)), variable(a.name)),
        int(0),
      );
      steps.push((value) => {
        const name = this.fresh("t");
        const candidate = local(name, value.dtype);
        const condition = replaces(reduction.op, candidate, best);
        return [
          { kind: "let", name, value },
          { kind: "if", condition, body: [assign(best, candidate), assign(winner, position)] },
        ];
      });
    }
    if (max !== undefined && positions.length === 0) {
      const best = accumulator("best", float(Number.NEGATIVE_INFINITY));
      results.push([max, best]);
      steps.push((value) => [assign(best, binary("max", best, value))]);
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

/**
 * Moves definitions to their first use, so that no more of them are live at once than a tile needs: engines that keep
 * the order of the code would otherwise hold all that an iteration loads in registers, next to its sums.
 */
function atFirstUse(definitions: readonly Stmt[], users: readonly Stmt[]): Stmt[] {
  const open = new Map<string, Extract<Stmt, { kind: "let" }>>();
  const result: Stmt[] = [];
  for (const s of definitions) {
    if (s.kind === "let") open.set(s.name, s);
    else return [...definitions, ...users];
  }
  const place = (names: Iterable<string>): void => {
    for (const name of names) {
      const definition = open.get(name);
      if (definition === undefined) continue;
      open.delete(name);
      place(freeNames(definition.value));
      result.push(definition);
    }
  };
  for (const s of users) {
    place(namesIn(s));
    result.push(s);
  }
  return result;
}

/** The names that a statement reads. */
function namesIn(s: Stmt): ReadonlySet<string> {
  const names = new Set<string>();
  visitStatements([s], (inner) => {
    for (const e of ownExpressions(inner)) for (const name of freeNames(e)) names.add(name);
  });
  return names;
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
      return !isIndex(e);
    default:
      return e satisfies never;
  }
}

/** Groups reductions over equal axes; everything else is by itself, in the order it was met. */
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
