/**
 * Computes lazy tensors: their graph is compiled like any other, once for each structure, so that a loop that repeats its
 * operations compiles in its first iteration and only runs after that.
 */

import { allocate, type TypedArray } from "../../core/dtype.ts";
import { DeviceLostError } from "../../core/errors.ts";
import type { Origin } from "../../core/origin.ts";
import { topologicalOrder } from "../../core/topological.ts";
import { printGraph } from "../../ir/print.ts";
import type { Evaluator } from "../../tensor/context.ts";
import { HostStorage } from "../../tensor/storage.ts";
import type { Version } from "../../tensor/version.ts";
import { isConstant, type LazyTrace, partOf, traceLazy } from "../../trace/lazy.ts";
import { userPlace } from "../../trace/origins.ts";
import type { Asked } from "../inspection/compile-log.ts";
import { currentDebug } from "../inspection/debug.ts";
import { type Run, readOutputArrays } from "./run.ts";
import type { Specialization } from "./specialization.ts";

/** How many structures are kept compiled; the least recently used is dropped first. */
const MOST_PROGRAMS = 64;

/** The numbers written in the user's program that a structure was first met with, and its program for them. */
interface Structure {
  readonly constants: string;
  readonly specialised: LazyProgram;
  /** For all other numbers; compiled when they first differ. */
  general: LazyProgram | undefined;
}

interface LazyProgram {
  readonly specialization: Promise<Specialization>;
}

/** What a computation runs on, and whether its program was there. */
interface Chosen {
  readonly trace: LazyTrace;
  readonly program: LazyProgram;
  readonly found: boolean;
}

type CompileLazy = (trace: LazyTrace, asked: Asked) => Promise<Specialization>;

export class LazyEvaluator implements Evaluator {
  private readonly compile: CompileLazy;
  private readonly structures = new Map<string, Structure>();
  private tail: Promise<unknown> = Promise.resolve();
  /** Versions that have been part of a computation. */
  private readonly computed = new WeakSet<Version>();
  /** How often a structure was compiled, and how often a compiled one was found. */
  readonly counts = { compiled: 0, reused: 0 };

  constructor(compile: CompileLazy) {
    this.compile = compile;
  }

  /**
   * Begins to compute `wanted`, others `alongside` in the same program, and what is kept on the way; who reads them waits.
   * Resolves when all are there, whether or not the others could be computed.
   */
  compute(wanted: readonly Version[], alongside: readonly Version[] = []): Promise<void> {
    const missing = [...wanted, ...alongside].filter(({ operation }) => operation !== undefined);
    if (missing.length === 0) return Promise.resolve();
    const what = whoAsks();
    this.keepRepeated(missing);
    const chosen = this.programFor(missing, what);
    const { outputs } = chosen.trace;
    const asked = new Set(wanted);
    const isWanted = outputs.map((versions) => versions.some((version) => asked.has(version)));
    const results = this.run(chosen, isWanted, what);
    const storages = outputs.map((versions, k) => {
      const storage = results.then((numbers) => new HostStorage(numbers[k]()));
      for (const version of versions) version.settle(storage);
      return storage;
    });
    return Promise.all(storages.filter((_, k) => isWanted[k]))
      .then(() => Promise.allSettled(storages))
      .then(() => undefined);
  }

  origin(): Origin | undefined {
    const place = userPlace();
    return place && { file: place.file, line: place.line, module: "" };
  }

  /**
   * Keeps what was computed before, on the way to other numbers, and is needed once more: so a loop that carries a tensor
   * whose numbers it never reads begins each turn with those of the turn before, instead of with the first.
   */
  private keepRepeated(wanted: readonly Version[]): void {
    const order = topologicalOrder(wanted, ({ operation }) => operation?.inputs ?? []);
    for (const version of order.filter((v) => !this.computed.has(v))) {
      for (const input of version.operation?.inputs ?? []) {
        if (!this.computed.has(input) || input.operation === undefined) continue;
        // What stands for several results is computed once more, and what it is made of is kept.
        const kept = input.type.others === undefined ? [input] : input.operation.inputs;
        for (const one of kept) one.isSaved = true;
      }
    }
    for (const version of order) if (!isConstant(version)) this.computed.add(version);
  }

  /** The numbers of all outputs: each either gives them or throws what kept it from being computed. */
  private run(chosen: Chosen, isWanted: readonly boolean[], what: string): Promise<(() => TypedArray)[]> {
    const { trace } = chosen;
    const turn = this.tail.then(async () => {
      try {
        return (await this.runTogether(chosen, what)).map((numbers) => () => numbers);
      } catch (error) {
        const parts = partsOf(isWanted);
        if (parts.length === 1) throw error;
        return this.runApart(trace, parts, what);
      }
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private async runTogether({ trace, program, found }: Chosen, what: string): Promise<TypedArray[]> {
    const leaves = await Promise.all(trace.leaves.map(numbersOf));
    try {
      const specialization = await program.specialization;
      return await specialization.run(lazyRun(what, found), leaves, {});
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      // Only programs were lost, and they hold no numbers.
      this.structures.clear();
      const again = await this.compile(trace, { what, why: "the device was lost" });
      return again.run(lazyRun(what, false), leaves, {});
    }
  }

  /** Something could not be computed: all that does not depend on it is, each part by a program of its own. */
  private async runApart(
    trace: LazyTrace,
    parts: readonly (readonly number[])[],
    what: string,
  ): Promise<(() => TypedArray)[]> {
    const results: (() => TypedArray)[] = [];
    for (const outputs of parts) {
      try {
        const part = partOf(trace, outputs);
        const leaves = await Promise.all(part.leaves.map(numbersOf));
        const why = "something that was to be computed together with it failed";
        const specialization = await this.compile(part, { what, why });
        try {
          const arrays = await specialization.run(lazyRun(what, false), leaves, {});
          for (const [k, output] of outputs.entries()) results[output] = () => arrays[k];
        } finally {
          specialization.executable.dispose();
        }
      } catch (error) {
        for (const output of outputs)
          results[output] = () => {
            throw error;
          };
      }
    }
    return results;
  }

  /** The trace to run and its program: one made for the constants of the first time, else one that takes any. */
  private programFor(wanted: readonly Version[], what: string): Chosen {
    const lifted = traceLazy(wanted, true);
    const key = printGraph(lifted.graph);
    // Where the constants stand belongs to them: of single numbers 0 - x and x - 0 are alike but for that.
    const constants = lifted.leaves.map((leaf) => (isConstant(leaf) ? valueOfConstant(leaf) : "")).join();
    const known = this.structures.get(key);
    if (known === undefined) {
      const trace = traceLazy(wanted, false);
      const isFull = this.structures.size === MOST_PROGRAMS;
      const why = isFull
        ? `its operations are not among the ${MOST_PROGRAMS} last used`
        : "its operations are new";
      const program = this.compiled(trace, key, { what, why });
      this.remember(key, { constants, specialised: program, general: undefined });
      return { trace, program, found: false };
    }
    this.remember(key, known);
    if (known.constants === constants) {
      this.counts.reused++;
      return { trace: traceLazy(wanted, false), program: known.specialised, found: true };
    }
    const found = known.general !== undefined;
    if (found) this.counts.reused++;
    const why = "its constants are others than when it was first compiled, so that this program takes any";
    known.general ??= this.compiled(lifted, key, { what, why });
    return { trace: lifted, program: known.general, found };
  }

  private compiled(trace: LazyTrace, key: string, asked: Asked): LazyProgram {
    this.counts.compiled++;
    const specialization = this.tail.then(() => this.compile(trace, asked));
    specialization.catch(() => this.structures.delete(key));
    return { specialization };
  }

  private remember(key: string, structure: Structure): void {
    this.structures.delete(key);
    this.structures.set(key, structure);
    if (this.structures.size <= MOST_PROGRAMS) return;
    const [[oldest, { specialised, general }]] = this.structures;
    this.structures.delete(oldest);
    // The turns that were given these programs come first.
    const disposal = this.tail.then(async () => {
      (await specialised.specialization).executable.dispose();
      (await general?.specialization)?.executable.dispose();
    });
    this.tail = disposal.catch(() => undefined);
  }
}

/** The outputs that fail together: all that are wanted, and each of the others by itself. */
function partsOf(isWanted: readonly boolean[]): readonly (readonly number[])[] {
  const all = [...isWanted.keys()];
  const wanted = all.filter((k) => isWanted[k]);
  const others = all.filter((k) => !isWanted[k]).map((k) => [k]);
  return wanted.length === 0 ? others : [wanted, ...others];
}

/** What is computed, in words: for which line of the user's program, if that is logged. */
function whoAsks(): string {
  const place = currentDebug() && userPlace();
  return place === undefined ? "program" : `program for ${place.file}:${place.line}`;
}

/** A computation for `what`; `found` says whether its program was there. */
const lazyRun = (what: string, found: boolean): Run<TypedArray[]> => ({
  label: () => what,
  take: readOutputArrays,
  changes: "omitted",
  logged: { label: `lazy ${what}`, found },
});

const valueOfConstant = (version: Version): number => version.operation!.attrs.value as number;

const numbersOf = (leaf: Version): TypedArray | Promise<TypedArray> =>
  isConstant(leaf) ? allocate(leaf.dtype, 1).fill(valueOfConstant(leaf)) : leaf.read();
