/**
 * `watch: "nan"`: examines what every kernel has stored, before the next one runs, and finds the first NaN.
 */

import type { Executable } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import type { Graph } from "../../ir/types.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { ProgramBuffer } from "../../loop/program.ts";
import type { Restore } from "../state/bound-states.ts";
import { StoredValues, summarize } from "../state/stored-values.ts";
import { Instrument } from "./instrument.ts";
import { type Found, type NanFound, NanReport } from "./nan-report.ts";
import { runOneByOne } from "./one-by-one.ts";

/** The values of `watch`. */
export const WATCHES = ["nan"] as const;

export type Watch = (typeof WATCHES)[number];

/** Throws for invalid values. */
export function checkWatch(watch: unknown): void {
  if (watch === undefined || (WATCHES as readonly unknown[]).includes(watch)) return;
  const known = WATCHES.map((name) => JSON.stringify(name)).join(", ");
  throw new KilnError(`watch is ${JSON.stringify(watch)}, but what can be watched is ${known}`);
}

export class NanWatch extends Instrument {
  private readonly values: StoredValues;
  private readonly snapshot: () => Promise<Restore>;
  private readonly graph: () => Graph | undefined;
  /** For each kernel, the buffers that are complete, and examined, when it has run. */
  private readonly completedBy: readonly (readonly string[])[];
  /** What was last written to each input. */
  private readonly fed = new Map<string, TypedArray>();
  private infinity: Found | undefined;

  /**
   * `snapshot` copies the states that runs change; `graph` returns the last one that the kernels were made from, with
   * the names that `plan` has for its values.
   */
  constructor(
    plan: ProgramPlan,
    executable: Executable,
    snapshot: () => Promise<Restore>,
    graph: () => Graph | undefined,
  ) {
    super(plan, executable);
    this.values = new StoredValues(plan, executable);
    this.snapshot = snapshot;
    this.graph = graph;
    const last = new Map(
      plan.kernels.flatMap((kernel, k) => this.values.storedBy(kernel).map((b) => [b, k])),
    );
    this.completedBy = plan.kernels.map((_, k) => [...last].flatMap(([b, at]) => (at === k ? [b] : [])));
  }

  override write(buffer: string, data: TypedArray): void | Promise<void> {
    this.fed.set(buffer, data);
    return this.executable.write(buffer, data);
  }

  /**
   * Throws {@link NanFound} for the first NaN that is stored. The model's state is then as it was
   * before.
   */
  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    const restore = to > this.plan.commitFrom ? await this.snapshot() : undefined;
    try {
      const found = await this.firstNaN(from, to, scalars);
      if (found === undefined) return;
      await restore?.();
      throw await this.explain(found, scalars);
    } catch (error) {
      await restore?.();
      throw error;
    }
  }

  /** Runs the kernels `from` … `to` - 1; returns the first NaN that one of them stored. */
  private async firstNaN(from: number, to: number, scalars: Float64Array): Promise<Found | undefined> {
    if (from === 0) this.infinity = undefined;
    const runs = new Map<number, number>();
    let found: Found | undefined;
    await runOneByOne(this.plan, this.executable, [from, to], scalars, {
      after: async (kernel) => {
        const run = 1 + (runs.get(kernel) ?? 0);
        runs.set(kernel, run);
        // On some backends the new values of states are visible only after all of them have been computed.
        found = await this.look(kernel, run, ({ role }) => role !== "state");
        return found && "stop";
      },
    });
    if (found === undefined) return this.lookAtStates(from, to);
    return found.kernel < this.plan.commitFrom ? found : this.finish(found, to, scalars);
  }

  /** Runs the rest, as a state that an earlier kernel wrote comes first. */
  private async finish(found: Found, to: number, scalars: Float64Array): Promise<Found> {
    await this.executable.run(found.kernel + 1, to, scalars);
    return (await this.lookAtStates(this.plan.commitFrom, found.kernel)) ?? found;
  }

  private async lookAtStates(from: number, to: number): Promise<Found | undefined> {
    for (let k = from; k < to; k++) {
      const found = await this.look(k, 1, ({ role }) => role === "state");
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private async look(
    kernel: number,
    run: number,
    isWanted: (buffer: ProgramBuffer) => boolean,
  ): Promise<Found | undefined> {
    for (const name of this.completedBy[kernel]) {
      const buffer = this.values.buffer(name);
      const data = isWanted(buffer) ? await this.values.read(name) : undefined;
      if (data === undefined) continue;
      const { firstNaN, firstInfinity } = summarize(data);
      if (firstInfinity >= 0) this.infinity ??= { kernel, run, buffer, position: firstInfinity };
      if (firstNaN >= 0) return { kernel, run, buffer, position: firstNaN };
    }
    return undefined;
  }

  /** Runs the kernels before that of `found` again on the same inputs and states, to see what it read. */
  private async explain(found: Found, scalars: Float64Array): Promise<NanFound> {
    const { plan, executable, values, graph, infinity } = this;
    for (const [buffer, data] of this.fed) await executable.write(buffer, data);
    return new NanReport(plan, executable, values, graph()).explain(found, infinity, scalars);
  }
}
