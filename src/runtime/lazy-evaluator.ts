/**
 * Computes lazy tensors: their graph is compiled like any other, once for each structure, so that a loop that
 * repeats its operations compiles in its first turn and only runs after that.
 */

import type { TypedArray } from "../core/dtype.ts";
import { printGraph } from "../ir/print.ts";
import type { Evaluator } from "../tensor/context.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type LazyTrace, traceLazy } from "../trace/trace.ts";
import { readOutputArrays } from "./program.ts";
import type { Variant } from "./variant.ts";

/** Structures that are kept compiled; the one used longest ago goes first. */
const MOST_PROGRAMS = 64;

export class LazyEvaluator implements Evaluator {
  private readonly compile: (trace: LazyTrace) => Promise<Variant>;
  private readonly programs = new Map<string, Promise<Variant>>();
  private tail: Promise<unknown> = Promise.resolve();
  /** How often a structure was compiled, and how often a compiled one was found. */
  readonly counts = { compiled: 0, reused: 0 };

  constructor(compile: (trace: LazyTrace) => Promise<Variant>) {
    this.compile = compile;
  }

  async evaluate(tensors: readonly Tensor[]): Promise<TypedArray[]> {
    const trace = traceLazy(tensors);
    const leaves = await Promise.all(trace.leaves.map((leaf) => leaf.data()));
    const run = this.tail.then(() => this.run(trace, leaves));
    this.tail = run.catch(() => undefined);
    return run;
  }

  private async run(trace: LazyTrace, leaves: readonly TypedArray[]): Promise<TypedArray[]> {
    const variant = await this.programFor(trace);
    await variant.feed(leaves);
    await variant.compute({});
    return readOutputArrays(variant);
  }

  private async programFor(trace: LazyTrace): Promise<Variant> {
    const key = printGraph(trace.graph);
    let program = this.programs.get(key);
    if (program === undefined) {
      this.counts.compiled++;
      program = this.compile(trace);
      program.catch(() => this.programs.delete(key));
    } else {
      this.counts.reused++;
      this.programs.delete(key);
    }
    this.programs.set(key, program);
    if (this.programs.size > MOST_PROGRAMS) {
      const [[oldest, variant]] = this.programs;
      this.programs.delete(oldest);
      (await variant).executable.dispose();
    }
    return program;
  }
}
