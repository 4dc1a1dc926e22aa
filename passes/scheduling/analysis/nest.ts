/** A lowered kernel taken apart: its nests of grid loops with the stores inside. */

import { invariant } from "../../../src/core/errors.ts";
import type { Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { substitute } from "../../../src/loop/walk.ts";
import type { GridLoop, StoreTarget } from "../../codegen/lower-reductions.ts";

export interface Nest {
  readonly name: string;
  readonly loops: readonly GridLoop[];
  readonly stores: readonly StoreTarget[];
}

/** Every strategy takes the same kernels apart, and finds what it knows of their expressions by identity. */
const known = new WeakMap<Kernel, readonly Nest[]>();

/** The nests of a kernel as `lower` makes them: sections of perfectly nested loops around stores. */
export function nestsOf(kernel: Kernel): readonly Nest[] {
  let nests = known.get(kernel);
  if (nests === undefined) {
    nests = nestsIn(kernel);
    known.set(kernel, nests);
  }
  return nests;
}

function nestsIn(kernel: Kernel): Nest[] {
  const [first] = kernel.body;
  if (first?.kind === "section") {
    return kernel.body.map((s) => {
      invariant(s.kind === "section", "a kernel of sections");
      return nestOf(s.name, s.body);
    });
  }
  return [nestOf(kernel.name, kernel.body)];
}

function nestOf(name: string, body: readonly Stmt[]): Nest {
  const loops: GridLoop[] = [];
  let inner = body;
  while (inner.length === 1 && inner[0].kind === "for") {
    const [loop] = inner;
    invariant(typeof loop.extent === "number", "a grid loop has a literal extent");
    loops.push({ name: loop.name, extent: loop.extent });
    inner = loop.body;
  }
  const lets = new Map<string, Expr>();
  const stores = inner.flatMap((s): StoreTarget[] => {
    if (s.kind === "let") {
      lets.set(s.name, substitute(s.value, lets));
      return [];
    }
    invariant(s.kind === "store", "a lowered nest holds stores alone");
    return [{ buffer: s.buffer, index: s.index, value: substitute(s.value, lets) }];
  });
  return { name, loops, stores };
}
