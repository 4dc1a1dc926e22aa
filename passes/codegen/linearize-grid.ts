/**
 * The form of a kernel for backends that compute one element per thread: a single loop over threads whose body finds
 * its indices from the thread's number, computes, and stores once, at that number.
 */

import { invariant } from "../../src/core/errors.ts";
import { stridesOf } from "../../src/core/shape.ts";
import { add, div, int, local, mod, mul, variable } from "../../src/loop/build.ts";
import type { Expr, Induction, Kernel, Stmt } from "../../src/loop/types.ts";
import {
  freeNames,
  mapExpressions,
  mapOwn,
  ownExpressions,
  substitute,
  visitStatements,
} from "../../src/loop/walk.ts";

/** The loop variable that counts threads. */
export const THREAD = "thread";

/** A kernel's nest of grid loops around one store, which fills its buffer in order, as a loop over threads. */
export function linearized(kernel: Kernel): Kernel {
  const loops = gridLoopsIn(kernel.body);
  const extents = loops.map(({ extent }) => extent);
  const strides = stridesOf(extents);
  const body: Stmt[] = [];
  let level = kernel.body;
  loops.forEach(({ name, extent, inductions }, axis) => {
    body.push(...level.slice(0, -1));
    const position = div(variable(THREAD), int(strides[axis]));
    body.push({ kind: "let", name, value: axis === 0 ? position : mod(position, int(extent)) });
    body.push(...inductions.map((pointer) => valueInIteration(pointer, pointer.init, name)));
    level = loops[axis].body;
  });
  const last = level[level.length - 1];
  invariant(last.kind === "store", "a thread ends with its store");
  // The store needs no index arithmetic: the thread's number is the index.
  const place = { ...last, index: variable(THREAD) };
  const named = new Set(loops.map(({ name }) => name));
  const own = withoutUnused([...body, ...level.slice(0, -1), place], last.index, named);
  // The former loop variables are locals now.
  const indices = new Map(loops.map(({ name }) => [name, local(name, "int32")]));
  const settled = mapExpressions(withoutCopies(withoutInductions(own), new Map()), (e) =>
    substitute(e, indices),
  );
  const threads = extents.reduce((product, extent) => product * extent, 1);
  return { ...kernel, body: [{ kind: "for", name: THREAD, extent: threads, loop: "thread", body: settled }] };
}

interface GridLoop {
  readonly name: string;
  readonly extent: number;
  readonly inductions: readonly Induction[];
  readonly body: readonly Stmt[];
}

/** The grid loops, outermost first; before each there is nothing but definitions. */
function gridLoopsIn(body: readonly Stmt[]): GridLoop[] {
  const loop = body[body.length - 1];
  if (loop?.kind !== "for" || loop.loop !== "grid") return [];
  const { name, extent, inductions = [] } = loop;
  invariant(typeof extent === "number", "a grid loop has a literal extent");
  return [{ name, extent, inductions, body: loop.body }, ...gridLoopsIn(loop.body)];
}

/** The statements without the pointers that were used for `index` alone; `kept` are names that stay. */
function withoutUnused(body: readonly Stmt[], index: Expr, kept: ReadonlySet<string>): readonly Stmt[] {
  const used = new Set<string>();
  visitStatements(body, (s) => {
    for (const e of ownExpressions(s)) for (const name of freeNames(e)) used.add(name);
  });
  const unused = [...freeNames(index)].filter((name) => !used.has(name) && !kept.has(name));
  return unused.reduce<readonly Stmt[]>((statements, name) => {
    const pointer = statements.find((s) => s.kind === "let" && s.name === name);
    if (pointer?.kind !== "let") return statements;
    const rest = statements.filter((s) => s !== pointer);
    return withoutUnused(rest, pointer.value, kept);
  }, body);
}

/** Replaces bumped pointers by sums: a loop's header only counts. */
function withoutInductions(body: readonly Stmt[]): Stmt[] {
  return body.flatMap((s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, body: withoutInductions(s.body) }];
    if (s.kind !== "for") return [s];
    const { inductions = [], ...loop } = s;
    const starts = inductions.map((pointer) => startOf(pointer));
    const values = inductions.map((pointer, k) => valueInIteration(pointer, starts[k].value, s.name));
    return [
      ...starts.flatMap(({ statement }) => statement),
      { ...loop, body: [...values, ...withoutInductions(s.body)] },
    ];
  });
}

/** The start of a pointer as a name: a new one, unless it is a name already. */
function startOf({ name, init }: Induction): { readonly statement: Stmt[]; readonly value: Expr } {
  if (init.kind !== "binary") return { statement: [], value: init };
  const start = `${name}_start`;
  return {
    statement: [{ kind: "let", name: start, value: init }],
    value: local(start, "int32"),
  };
}

const valueInIteration = ({ name, step }: Induction, start: Expr, iteration: string): Stmt => ({
  kind: "let",
  name,
  value: add(start, mul(variable(iteration), int(step))),
});

/** Replaces names that only stand for another name. */
function withoutCopies(body: readonly Stmt[], outer: ReadonlyMap<string, Expr>): Stmt[] {
  const copies = new Map(outer);
  return body.flatMap((s): Stmt[] => {
    const renamed = mapOwn(s, (e) => substitute(e, copies));
    if (renamed.kind === "let" && (renamed.value.kind === "local" || renamed.value.kind === "var")) {
      copies.set(renamed.name, renamed.value);
      return [];
    }
    return ["body" in renamed ? { ...renamed, body: withoutCopies(renamed.body, copies) } : renamed];
  });
}
