/**
 * The form of a kernel for backends that compute one element per thread: a single loop over threads whose body finds
 * its indices from the thread's number, computes, and stores once, at that number.
 */

import { invariant } from "../../src/core/errors.ts";
import { stridesOf } from "../../src/core/shape.ts";
import { toAffine } from "../../src/loop/affine.ts";
import { add, div, int, local, mod, mul, variable } from "../../src/loop/build.ts";
import type { BufferParam, Expr, Induction, Stmt } from "../../src/loop/types.ts";
import { mapExpressions, substitute } from "../../src/loop/walk.ts";
import { type GridLoop, lowerReductions, type StoreTarget } from "./lower-reductions.ts";
import { reduceStrength } from "./strength-reduction.ts";

/** The loop variable that counts threads. */
export const THREAD = "thread";

/** The nest of `loops` around one store as a loop over threads; the store must fill its buffer in order. */
export function linearizeGrid(
  loops: readonly GridLoop[],
  store: StoreTarget,
  buffers: readonly BufferParam[],
): Stmt[] {
  const extents = loops.map(({ extent }) => extent);
  const strides = stridesOf(extents);
  requireRowMajor(loops, strides, store);
  const body: Stmt[] = [];
  // Where to store needs no arithmetic: the thread's number is the place.
  let level: readonly Stmt[] = reduceStrength(lowerReductions(loops, [{ ...store, index: int(0) }], buffers));
  loops.forEach(({ name, extent }, axis) => {
    const loop = level[level.length - 1];
    invariant(loop.kind === "for" && loop.name === name, "grid loops are nested perfectly");
    body.push(...level.slice(0, -1));
    const position = div(variable(THREAD), int(strides[axis]));
    body.push({ kind: "let", name, value: axis === 0 ? position : mod(position, int(extent)) });
    body.push(...(loop.inductions ?? []).map((pointer) => valueInIteration(pointer, pointer.init, name)));
    level = loop.body;
  });
  const last = level[level.length - 1];
  invariant(last.kind === "store", "a thread ends with its store");
  body.push(...level.slice(0, -1), { ...last, index: variable(THREAD) });
  const threads = extents.reduce((product, extent) => product * extent, 1);
  // What were loop variables are locals now.
  const indices = new Map(loops.map(({ name }) => [name, local(name, "int32")]));
  const settled = mapExpressions(withoutCopies(withoutInductions(body), new Map()), (e) =>
    substitute(e, indices),
  );
  return [{ kind: "for", name: THREAD, extent: threads, loop: "thread", body: settled }];
}

function requireRowMajor(loops: readonly GridLoop[], strides: readonly number[], store: StoreTarget): void {
  const { constant, terms } = toAffine(store.index);
  const inOrder =
    constant === 0 &&
    terms.size === loops.length &&
    loops.every(({ name }, axis) => terms.get(name)?.coefficient === strides[axis]);
  invariant(inOrder, `${store.buffer} is stored in the order of its elements`);
}

/** Bumped pointers as sums: a loop's header counts, and nothing else. */
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

/** Where a pointer starts: a name for it, unless it is one already. */
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

/** Names that stand for another name alone give way to it. */
function withoutCopies(body: readonly Stmt[], outer: ReadonlyMap<string, Expr>): Stmt[] {
  const copies = new Map(outer);
  return body.flatMap((s): Stmt[] => {
    const [renamed] = mapExpressions([{ ...s, ...(hasBody(s) && { body: [] }) }], (e) =>
      substitute(e, copies),
    );
    if (renamed.kind === "let" && (renamed.value.kind === "local" || renamed.value.kind === "var")) {
      copies.set(renamed.name, renamed.value);
      return [];
    }
    return [hasBody(s) ? ({ ...renamed, body: withoutCopies(s.body, copies) } as Stmt) : renamed];
  });
}

const hasBody = (s: Stmt): s is Extract<Stmt, { readonly body: readonly Stmt[] }> => "body" in s;
