/**
 * Computes lazy tensors: their graph is compiled like any other, once for each structure, so that a loop that
 * repeats its operations compiles in its first turn and only runs after that.
 */

import { allocate, type TypedArray } from "../core/dtype.ts";
import { DeviceLostError } from "../core/errors.ts";
import { printGraph } from "../ir/print.ts";
import type { Evaluator } from "../tensor/context.ts";
import { HostStorage } from "../tensor/storage.ts";
import type { Version } from "../tensor/version.ts";
import { isConstant, type LazyTrace, traceLazy } from "../trace/lazy.ts";
import { readOutputArrays } from "./program.ts";
import type { Variant } from "./variant.ts";

/** Structures that are kept compiled; the one used longest ago goes first. */
const MOST_PROGRAMS = 64;

/** The numbers written in the user's program that a structure was first met with, and its program for them. */
interface Structure {
  readonly constants: string;
  readonly specialised: LazyProgram;
  /** For all other numbers; compiled when they first differ. */
  general: LazyProgram | undefined;
}

interface LazyProgram {
  readonly variant: Promise<Variant>;
}

export class LazyEvaluator implements Evaluator {
  private readonly compile: (trace: LazyTrace) => Promise<Variant>;
  private readonly structures = new Map<string, Structure>();
  private tail: Promise<unknown> = Promise.resolve();
  /** How often a structure was compiled, and how often a compiled one was found. */
  readonly counts = { compiled: 0, reused: 0 };

  constructor(compile: (trace: LazyTrace) => Promise<Variant>) {
    this.compile = compile;
  }

  /** Begins to compute `wanted` and what is kept on the way; who reads them waits. Resolves when all are there. */
  compute(wanted: readonly Version[]): Promise<void> {
    const missing = wanted.filter(({ operation }) => operation !== undefined);
    if (missing.length === 0) return Promise.resolve();
    const { trace, program } = this.programFor(missing);
    const numbers = this.run(trace, program);
    for (const [k, versions] of trace.outputs.entries()) {
      const storage = numbers.then((arrays) => new HostStorage(arrays[k]));
      for (const version of versions) version.settle(storage);
    }
    return numbers.then(() => undefined);
  }

  private run(trace: LazyTrace, program: LazyProgram): Promise<TypedArray[]> {
    const turn = this.tail.then(async () => {
      const leaves = await Promise.all(trace.leaves.map(numbersOf));
      try {
        return await runOn(await program.variant, leaves);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        // All that was lost is programs, which hold nothing.
        this.structures.clear();
        return runOn(await this.compile(trace), leaves);
      }
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  /** The trace to run and its program: one made for the constants of the first time, else one that takes any. */
  private programFor(wanted: readonly Version[]): { trace: LazyTrace; program: LazyProgram } {
    const lifted = traceLazy(wanted, true);
    const key = printGraph(lifted.graph);
    const constants = lifted.leaves.filter(isConstant).map(valueOfConstant).join();
    const found = this.structures.get(key);
    if (found === undefined) {
      const trace = traceLazy(wanted, false);
      const program = this.compiled(trace, key);
      this.remember(key, { constants, specialised: program, general: undefined });
      return { trace, program };
    }
    this.remember(key, found);
    if (found.constants === constants) {
      this.counts.reused++;
      return { trace: traceLazy(wanted, false), program: found.specialised };
    }
    if (found.general === undefined) found.general = this.compiled(lifted, key);
    else this.counts.reused++;
    return { trace: lifted, program: found.general };
  }

  private compiled(trace: LazyTrace, key: string): LazyProgram {
    this.counts.compiled++;
    const variant = this.tail.then(() => this.compile(trace));
    variant.catch(() => this.structures.delete(key));
    return { variant };
  }

  private remember(key: string, structure: Structure): void {
    this.structures.delete(key);
    this.structures.set(key, structure);
    if (this.structures.size <= MOST_PROGRAMS) return;
    const [[oldest, { specialised, general }]] = this.structures;
    this.structures.delete(oldest);
    // The turns that were given these programs come first.
    const disposal = this.tail.then(async () => {
      (await specialised.variant).executable.dispose();
      (await general?.variant)?.executable.dispose();
    });
    this.tail = disposal.catch(() => undefined);
  }
}

async function runOn(variant: Variant, leaves: readonly TypedArray[]): Promise<TypedArray[]> {
  await variant.feed(leaves);
  await variant.compute({});
  return readOutputArrays(variant);
}

const valueOfConstant = (version: Version): number => version.operation!.attrs.value as number;

const numbersOf = (leaf: Version): TypedArray | Promise<TypedArray> =>
  isConstant(leaf) ? allocate(leaf.dtype, 1).fill(valueOfConstant(leaf)) : leaf.read();
