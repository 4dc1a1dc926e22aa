/**
 * Turns pure expressions into statements, nest by nest (`lower-nest.ts`). A nest is perfectly nested independent loops
 * with nothing but stores inside, and definitions of the values that they store.
 * A serial loop belongs to no nest, since its iterations may load what earlier ones stored;
 * and strategies that declare accumulators or lists have lowered these themselves.
 */

import { mapBodies } from "../../src/loop/alike.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import { RangeContext } from "../../src/loop/range.ts";
import type { BufferParam, Stmt } from "../../src/loop/types.ts";
import { usedBuffers } from "../../src/loop/used-buffers.ts";
import { visitStatements } from "../../src/loop/walk.ts";
import type { Pass } from "../pass.ts";
import { type GridLoop, storesIn } from "../scheduling/analysis/nest.ts";
import { NestLowering, type Scope } from "./lower-nest.ts";

type For = Extract<Stmt, { kind: "for" }>;

export const lowerReductions: Pass<LoweredProgram, LoweredProgram> = {
  name: "lower-reductions",
  doc: "Reductions become loops with accumulators, those over the same axes in one; invariants move out of loops.",
  run: (program) => ({
    ...program,
    kernels: mapBodies(program.kernels, ({ body, buffers }) => lowered(body, buffers)),
  }),
};

/** The statements of a kernel with these buffers, nests lowered. Sections share no locals: each counts its own from 0. */
export function lowered(body: readonly Stmt[], buffers: readonly BufferParam[]): Stmt[] {
  if (body.some(({ kind }) => kind === "section"))
    return body.map((s) => (s.kind === "section" ? { ...s, body: lowered(s.body, buffers) } : s));
  return new Lowering(buffers, body).body(body, OUTSIDE);
}

/** What is known around a nest. */
interface Surroundings extends Scope {
  /** Whether iterations of the loop around this point depend on each other. */
  readonly isSerial: boolean;
}

const OUTSIDE: Surroundings = {
  isSerial: false,
  available: new Set(),
  ranges: new RangeContext(),
  bound: new Map(),
};

class Lowering {
  private readonly nests: NestLowering;
  /** The names that strategies gave, except those that lowering removes. */
  private readonly taken = new Set<string>();

  constructor(buffers: readonly BufferParam[], body: readonly Stmt[]) {
    visitStatements(body, (s) => {
      if ("name" in s) this.taken.add(s.name);
    });
    this.nests = new NestLowering(buffers, this.taken);
  }

  /** The statements with all nests among them lowered. */
  body(statements: readonly Stmt[], outer: Surroundings): Stmt[] {
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

  private statement(s: Stmt, scope: Surroundings): Stmt[] {
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
    return this.nests.nest(loops, storesIn(innermost), scope);
  }
}

/** Whether a statement is of a kind that only lowering, or a strategy instead of it, makes. */
const isWrittenOut = ({ kind }: Stmt): boolean =>
  kind === "accumulator" || kind === "assign" || kind === "append";

const isLet = ({ kind }: Stmt): boolean => kind === "let";

/**
 * The stores from index `k` on, with the definitions before them; none if something else follows, or if order matters.
 */
function storesAt(statements: readonly Stmt[], k: number): readonly Stmt[] {
  let first = k;
  while (statements[first]?.kind === "let") first++;
  let end = first;
  while (statements[end]?.kind === "store") end++;
  return end === first || isOrdered(statements.slice(first, end)) ? [] : statements.slice(k, end);
}

/** Whether one of several stores loads what an earlier one may have stored. */
function isOrdered(stores: readonly Stmt[]): boolean {
  if (stores.length < 2) return false;
  const stored = new Set<string>();
  return stores.some((s) => {
    const loads = usedBuffers([s]).loaded;
    const isLater = [...stored].some((name) => loads.has(name));
    if (s.kind === "store") stored.add(s.buffer);
    return isLater;
  });
}

/** The nest whose outermost loop is `loop`, if it is one. */
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

/** What is known inside a loop that belongs to no nest. */
function insideOf(
  { name, extent, loop, inductions = [] }: For,
  { available, ranges, bound }: Scope,
): Surroundings {
  const most = typeof extent === "number" ? extent : extent.most;
  return {
    isSerial: loop === "serial" || loop === "reduce",
    available: new Set([...available, name, ...inductions.map((i) => i.name)]),
    ranges: ranges.withName(name, { low: 0, high: most - 1 }),
    bound,
  };
}
