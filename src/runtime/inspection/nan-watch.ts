/**
 * `watch: "nan"`: looks at what every kernel has stored, before the next one runs, and finds the first NaN.
 */

import type { Executable } from "../../../backends/backend.ts";
import { KilnError } from "../../core/errors.ts";
import type { Graph } from "../../ir/types.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { ProgramBuffer } from "../../loop/program.ts";
import { StoredValues, summarize } from "../state/stored-values.ts";
import { type Found, NanReport } from "./nan-report.ts";

/** What `watch` may be. */
export const WATCHES = ["nan"] as const;

export type Watch = (typeof WATCHES)[number];

/** Throws for what cannot be watched. */
export function checkWatch(watch: unknown): void {
  if (watch === undefined || (WATCHES as readonly unknown[]).includes(watch)) return;
  const known = WATCHES.map((name) => JSON.stringify(name)).join(", ");
  throw new KilnError(`watch is ${JSON.stringify(watch)}, but what can be watched is ${known}`);
}

export class NanWatch {
  private readonly plan: ProgramPlan;
  private readonly executable: Executable;
  private readonly values: StoredValues;
  private readonly graph: () => Graph | undefined;
  /** What is complete, and is looked at, when that kernel has run. */
  private readonly completedBy: readonly (readonly string[])[];
  private infinity: Found | undefined;

  /** `graph` gives the last one that the kernels were made from, with the names that `plan` has of its values. */
  constructor(plan: ProgramPlan, executable: Executable, graph: () => Graph | undefined) {
    this.plan = plan;
    this.executable = executable;
    this.values = new StoredValues(plan, executable);
    this.graph = graph;
    const last = new Map(
      plan.kernels.flatMap((kernel, k) => this.values.storedBy(kernel).map((b) => [b, k])),
    );
    this.completedBy = plan.kernels.map((_, k) => [...last].flatMap(([b, at]) => (at === k ? [b] : [])));
  }

  /** Runs the kernels `from` … `to` - 1; gives the first NaN that one of them stored. */
  async run(from: number, to: number, scalars: Float64Array): Promise<Found | undefined> {
    if (from === 0) this.infinity = undefined;
    for (let k = from; k < to; k++) {
      await this.executable.run(k, k + 1, scalars);
      // New values of states show on some backends when all of them are there.
      const found = await this.look(k, ({ role }) => role !== "state");
      if (found !== undefined && k < this.plan.commitFrom) return found;
      if (found !== undefined) return this.finish(found, to, scalars);
    }
    return this.lookAtStates(from, to);
  }

  /** Runs the rest, for a state that an earlier kernel wrote comes first. */
  private async finish(found: Found, to: number, scalars: Float64Array): Promise<Found> {
    await this.executable.run(found.kernel + 1, to, scalars);
    return (await this.lookAtStates(this.plan.commitFrom, found.kernel)) ?? found;
  }

  private async lookAtStates(from: number, to: number): Promise<Found | undefined> {
    for (let k = from; k < to; k++) {
      const found = await this.look(k, ({ role }) => role === "state");
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private async look(
    kernel: number,
    isWanted: (buffer: ProgramBuffer) => boolean,
  ): Promise<Found | undefined> {
    for (const name of this.completedBy[kernel]) {
      const buffer = this.values.buffer(name);
      const data = isWanted(buffer) ? await this.values.read(name) : undefined;
      if (data === undefined) continue;
      const { firstNaN, firstInfinity } = summarize(data);
      if (firstInfinity >= 0) this.infinity ??= { kernel, buffer, position: firstInfinity };
      if (firstNaN >= 0) return { kernel, buffer, position: firstNaN };
    }
    return undefined;
  }

  /**
   * What to tell of `found`; runs the kernels before it once more, to see what it read. Memory must be as it was before
   * the run.
   */
  explain(found: Found, during: string, scalars: Float64Array): Promise<KilnError> {
    const { plan, executable, values, graph, infinity } = this;
    return new NanReport(plan, executable, values, graph()).explain(found, infinity, during, scalars);
  }
}
