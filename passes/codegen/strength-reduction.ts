/**
 * Moves index arithmetic out of the inner loops: every index becomes a pointer plus a constant. A pointer starts
 * with its loop and is bumped by a constant step; indices that differ by a constant share one. Lanes of a
 * vector loop run together: their variable stays in the index and no pointer depends on it.
 */

import { bottomUp } from "../../src/core/topological.ts";
import { type Affine, fromAffine, type Term, toAffine } from "../../src/loop/affine.ts";
import { mapBodies } from "../../src/loop/alike.ts";
import { add, int, local, mul } from "../../src/loop/build.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Expr, Induction, Stmt } from "../../src/loop/types.ts";
import { children, freeNames, mapChildren, mapOwn, visitStatements } from "../../src/loop/walk.ts";
import type { Pass } from "../pass.ts";

export const strengthReduction: Pass<LoweredProgram, LoweredProgram> = {
  name: "strength-reduction",
  doc: "Indices become pointers that start before a loop and are bumped with it.",
  run: (program) => ({ ...program, kernels: mapBodies(program.kernels, ({ body }) => hoisted(body)) }),
};

/**
 * The same statements with hoisted indices; new locals are named
 * `p0`, `p1`, …, anew in each section, as they share none.
 */
function hoisted(body: readonly Stmt[]): Stmt[] {
  if (body.some(({ kind }) => kind === "section"))
    return body.map((s) => (s.kind === "section" ? { ...s, body: hoisted(s.body) } : s));
  const hoister = new Hoister(lanesOf(body));
  return hoister.body(body, new Set()).flatMap((item) => hoister.settle(item));
}

type For = Extract<Stmt, { kind: "for" }>;

/** A pointer that a loop needs before it starts. */
interface Pointer {
  readonly name: string;
  readonly value: Affine;
}

/** A statement, or a loop with the pointers that are still to be placed before it. */
interface Item {
  readonly pointers: readonly Pointer[];
  readonly statement: Stmt;
}

class Hoister {
  private readonly lanes: ReadonlySet<string>;
  private counter = 0;

  constructor(lanes: ReadonlySet<string>) {
    this.lanes = lanes;
  }

  /** Processes nested loops; `outside` holds the names known before this body's own loop. */
  body(statements: readonly Stmt[], outside: ReadonlySet<string>): Item[] {
    const known = new Set(outside);
    return statements.map((s): Item => {
      switch (s.kind) {
        case "for":
          return this.loop(s, known);
        case "if":
          return { pointers: [], statement: { ...s, body: this.settled(s.body, known) } };
        case "section":
          return { pointers: [], statement: { ...s, body: this.settled(s.body, new Set()) } };
        case "let":
        case "accumulator":
          known.add(s.name);
          return { pointers: [], statement: s };
        case "assign":
        case "store":
        case "append":
          return { pointers: [], statement: s };
        default:
          return s satisfies never;
      }
    });
  }

  /** An item with its pointers declared right before it. */
  settle({ pointers, statement }: Item): Stmt[] {
    return [
      ...pointers.map(({ name, value }): Stmt => ({ kind: "let", name, value: fromAffine(value) })),
      statement,
    ];
  }

  private settled(body: readonly Stmt[], outside: ReadonlySet<string>): Stmt[] {
    return this.body(body, outside).flatMap((item) => this.settle(item));
  }

  private loop(s: For, outside: ReadonlySet<string>): Item {
    const level = new Level(s.name, outside, this.lanes, () => `p${this.counter++}`);
    const inside = new Set([...outside, s.name, ...(s.inductions ?? []).map((i) => i.name)]);
    const body = this.body(s.body, inside).flatMap(({ pointers, statement }): Stmt[] => {
      const placed = pointers.flatMap(({ name, value }): Stmt[] => {
        if (level.isOutside(value)) {
          level.hoisted.push({ name, value });
          return [];
        }
        return [{ kind: "let", name, value: level.reduce(value) }];
      });
      return [...placed, level.statement(statement)];
    });
    const inductions = [...(s.inductions ?? []), ...level.inductions];
    return {
      pointers: level.hoisted,
      statement: { ...s, ...(inductions.length > 0 && { inductions }), body },
    };
  }
}

/** The pointers of one loop, found while the indices directly inside it are rewritten. */
class Level {
  readonly inductions: Induction[] = [];
  readonly hoisted: Pointer[] = [];
  private readonly name: string;
  private readonly outside: ReadonlySet<string>;
  private readonly lanes: ReadonlySet<string>;
  private readonly fresh: () => string;
  private readonly known = new Map<string, string>();
  private readonly rewritten = new Map<Expr, Expr>();

  constructor(name: string, outside: ReadonlySet<string>, lanes: ReadonlySet<string>, fresh: () => string) {
    this.name = name;
    this.outside = new Set([...outside].filter((known) => !lanes.has(known)));
    this.lanes = lanes;
    this.fresh = fresh;
  }

  /** Whether `form` is known before the loop starts. */
  isOutside(form: Affine): boolean {
    return [...form.terms.values()].every(({ atom }) => this.isOutsideAtom(atom));
  }

  private isOutsideAtom(atom: Expr): boolean {
    if (atom.kind === "var" || atom.kind === "local") return this.outside.has(atom.name);
    return !hasLoad(atom) && [...freeNames(atom)].every((name) => this.outside.has(name));
  }

  /** Rewrites the indices of a statement; bodies of nested loops have been rewritten already. */
  statement(s: Stmt): Stmt {
    const own = mapOwn(s, this.expression, (e) => this.reduce(toAffine(this.expression(e))));
    return own.kind === "if" ? { ...own, body: own.body.map((inner) => this.statement(inner)) } : own;
  }

  private readonly expression = (e: Expr): Expr => {
    if (e.kind === "const" || e.kind === "var" || e.kind === "local") return e;
    let result = this.rewritten.get(e);
    if (result === undefined) {
      result = mapChildren(e, this.expression);
      if (result.kind === "load") result = { ...result, index: this.reduce(toAffine(result.index)) };
      this.rewritten.set(e, result);
    }
    return result;
  };

  /** `form` as a pointer + the part that only the loop's body knows + a constant. */
  reduce(form: Affine): Expr {
    const outer = new Map<string, Term>();
    const inner: Term[] = [];
    let step = 0;
    form.terms.forEach((term, key) => {
      if (key === this.name && !this.lanes.has(key)) step = term.coefficient;
      else if (this.isOutsideAtom(term.atom)) outer.set(key, term);
      else inner.push(term);
    });
    const base = this.base(outer, step);
    if (base === undefined) return fromAffine(form);
    const sum = inner.reduce((e, { atom, coefficient }) => add(e, mul(atom, int(coefficient))), base);
    return add(sum, int(form.constant));
  }

  /** The pointer for `outer + step·loop`, or `undefined` if the form is simple enough already. */
  private base(outer: ReadonlyMap<string, Term>, step: number): Expr | undefined {
    const [only] = outer.values();
    const isPlain =
      outer.size === 0 || (outer.size === 1 && only.coefficient === 1 && only.atom.kind !== "binary");
    if (step === 0 ? isPlain : outer.size === 0 && step === 1) return undefined;
    let key = `${step}`;
    outer.forEach(({ coefficient }, term) => {
      key += `|${coefficient}·${term}`;
    });
    let name = this.known.get(key);
    if (name === undefined) {
      name = this.fresh();
      this.known.set(key, name);
      const value: Affine = { constant: 0, terms: outer };
      if (step === 0) this.hoisted.push({ name, value });
      else this.inductions.push({ name, init: fromAffine(value), step });
    }
    return local(name, "int32");
  }
}

/** The variables of all vector loops. */
function lanesOf(body: readonly Stmt[]): ReadonlySet<string> {
  const lanes = new Set<string>();
  visitStatements(body, (s) => {
    if (s.kind === "for" && s.loop === "vector") lanes.add(s.name);
  });
  return lanes;
}

const hasLoad = bottomUp<Expr, boolean>(children, (e, loads) => e.kind === "load" || children(e).some(loads));
