/** Decides whether the iterations of a vector loop can run together, one in each lane, statement by statement. */

import { bottomUp } from "../src/core/topological.ts";
import type { Expr, Stmt } from "../src/loop/types.ts";
import { children, freeNames } from "../src/loop/walk.ts";

type For = Extract<Stmt, { kind: "for" }>;

/** Whether a loop has an iteration for each lane. */
export const isVectorLoop = (s: For, lanes: number): boolean => s.loop === "vector" && s.extent === lanes;

/**
 * False for bodies in which the iterations would diverge: lists they append to, loops
 * whose number of iterations differs, branches that differ and do more than assign, and
 * sums that all iterations share. Such a loop runs iteration by iteration.
 */
export function canRunTogether(loop: For, lanes: number): boolean {
  const inductions = (loop.inductions ?? []).map(({ name }) => name);
  return new Iterations(new Set([loop.name, ...inductions]), lanes).together(loop.body);
}

class Iterations {
  /** Names that may differ from iteration to iteration. */
  private readonly varying: Set<string>;
  private readonly accumulators = new Set<string>();
  private readonly lanes: number;

  constructor(varying: Set<string>, lanes: number) {
    this.varying = varying;
    this.lanes = lanes;
  }

  together(body: readonly Stmt[]): boolean {
    return body.every((s) => this.statement(s));
  }

  private statement(s: Stmt): boolean {
    switch (s.kind) {
      case "for":
        if (isVectorLoop(s, this.lanes)) return false;
        if (typeof s.extent !== "number" && this.varying.has(s.extent.count)) return false;
        for (const { name, init } of s.inductions ?? []) if (this.varies(init)) this.varying.add(name);
        return this.together(s.body);
      case "let":
        if (this.varies(s.value)) this.varying.add(s.name);
        return true;
      case "accumulator":
        this.varying.add(s.name);
        this.accumulators.add(s.name);
        return true;
      case "assign":
        return this.accumulators.has(s.name);
      case "store":
        return true;
      case "if":
        return this.varies(s.condition)
          ? s.body.every((inner) => inner.kind === "assign" && this.statement(inner) && !loads(inner.value))
          : this.together(s.body);
      case "append":
      case "section":
        return false;
      default:
        return s satisfies never;
    }
  }

  private varies(e: Expr): boolean {
    for (const name of freeNames(e)) if (this.varying.has(name)) return true;
    return false;
  }
}

/** What is assigned in a branch is computed in all lanes, and a load might need the branch. */
const loads = bottomUp<Expr, boolean>(children, (e, below) => e.kind === "load" || children(e).some(below));
