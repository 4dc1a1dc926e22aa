/** Gradients that are summed over several batches, and the programs that update from the sums. */

import { allocate } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import { compareByName, copyByName } from "../../tensor/copy-by-name.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { areInStep, type Counted, cohortScalars } from "./cohorts.ts";
import { NOTHING, type Run } from "./run.ts";
import type { Specialization } from "./specialization.ts";
import { membersOf, OUT_OF_STEP, type PreparedUpdate, type PrepareStep, Shelf } from "./step-programs.ts";

/** What a trainer needs to accumulate gradients. */
export interface Accumulation {
  /** Batches per update. */
  readonly accumulate: number;
  /** The sums by parameter, which each batch's program adds to: of every parameter that was ever trained. */
  readonly accumulated: Map<string, Tensor>;
  /** Updates the parameters from the sums and sets those back to 0. */
  readonly update: PreparedUpdate;
  /** The names of the parameters that it updates. */
  readonly summed: readonly string[];
}

/** Makes a sum, still empty, for each of `parameters` that has none. */
export function addMissingSums(
  sums: Accumulation["accumulated"],
  parameters: readonly string[],
  tensors: ReadonlyMap<string, Tensor>,
): void {
  for (const name of parameters) {
    const { dtype, shape } = tensors.get(name)!;
    if (!sums.has(name)) sums.set(name, Tensor.fromData(allocate(dtype, sizeOf(shape)), shape, dtype));
  }
}

/** What waits for the next update. */
export interface AccumulationState {
  /** How many batches are in the sums. */
  readonly batches: number;
  /** The sums by parameter; none if a trainer does not accumulate. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

const THE_UPDATE: Run<void> = {
  label: () => "the update from summed gradients",
  take: NOTHING,
  changes: "kept",
};

/** The scalars of the update, and who counts it. */
interface Steps extends Counted {
  completeStep(updated: Iterable<Tensor>): void;
}

/** An update and the parameters that it is for. */
interface Update extends PreparedUpdate {
  readonly summed: readonly string[];
}

export class GradientSums {
  readonly limits: Pick<Accumulation, "accumulate" | "accumulated">;
  private readonly steps: Steps;
  private readonly prepare: Pick<PrepareStep, "update">;
  private readonly updates: Shelf<Update>;
  private batches = 0;
  /** The parameters whose gradients have been added since the last update: one that was frozen on the way is among them. */
  private waiting: readonly string[] = [];

  constructor(
    { update, summed, ...limits }: Accumulation,
    steps: Steps,
    prepare: Pick<PrepareStep, "update">,
  ) {
    this.limits = limits;
    this.steps = steps;
    this.prepare = prepare;
    this.updates = new Shelf({ ...update, summed }, ({ specialization }) =>
      specialization.executable.dispose(),
    );
  }

  /** The number of the next batch after `steps` updates; an update from fewer batches leaves out the missing numbers. */
  batchNumber(steps: number): number {
    return steps * this.limits.accumulate + this.batches;
  }

  /** Counts a batch that has added the gradients of `summed`, and updates after the last one. */
  async batchDone(summed: readonly string[]): Promise<void> {
    this.waiting = [...new Set([...this.waiting, ...summed])];
    this.batches++;
    // There are more if an update has failed: their gradients are still in the sums.
    if (this.batches >= this.limits.accumulate) await this.flush();
  }

  /** Updates from what has been summed so far; does nothing if that is nothing. */
  async flush(): Promise<void> {
    if (this.batches === 0) return;
    const { specialization, cohorts } = await this.updateOf(this.waiting);
    await specialization.run(THE_UPDATE, [], cohortScalars(this.steps, cohorts));
    this.steps.completeStep(membersOf(cohorts));
    this.batches = 0;
    this.waiting = [];
  }

  /** The program that updates these parameters from their sums, given how many updates each has had. */
  async updateOf(summed: readonly string[]): Promise<PreparedUpdate> {
    const fits = (update: Update): boolean =>
      update.summed.length === summed.length && summed.every((name) => update.summed.includes(name));
    const found = this.updates.find((update) => fits(update) && areInStep(this.steps, update.cohorts));
    if (found !== undefined) return found;
    const why = this.updates.all.some(fits) ? OUT_OF_STEP : "other parameters have gradients";
    return this.updates.add({ ...(await this.prepare.update(summed, why)), summed });
  }

  stateDict(): AccumulationState {
    return { batches: this.batches, gradients: Object.fromEntries(this.limits.accumulated) };
  }

  /** Of the sums in `state` those of `summed` wait for the next update, and those that hold something. */
  async loadStateDict({ batches, gradients }: AccumulationState, summed: readonly string[]): Promise<void> {
    await copyByName([...this.limits.accumulated], gradients);
    const numbers = await Promise.all(
      Object.entries(gradients).map(async ([k, sum]) => [k, await sum.data()] as const),
    );
    const filled = numbers.filter(([, sum]) => sum.some((value) => value !== 0)).map(([name]) => name);
    this.batches = batches;
    this.waiting = batches === 0 ? [] : [...new Set([...summed, ...filled])];
  }

  /** The program that updates from the sums. */
  get program(): Specialization {
    return this.updates.first.specialization;
  }

  dispose(): Promise<void> {
    return this.updates.dispose();
  }
}

const NONE: GradientSums["limits"] = { accumulate: 1, accumulated: new Map() };

/** Checks `given`, which may come from a file and hold anything, and then takes it over. */
export async function loadAccumulation(
  sums: GradientSums | undefined,
  summed: readonly string[],
  given: unknown,
): Promise<void> {
  const { accumulate, accumulated } = sums?.limits ?? NONE;
  const { batches, gradients } = Object(given) as Partial<AccumulationState>;
  const isCount = Number.isSafeInteger(batches) && batches! >= 0 && batches! < accumulate;
  const faults = [
    ...(isCount ? [] : [`batches is ${batches}, but ${accumulate} make an update`]),
    ...compareByName("the trainer", [...accumulated], Object(gradients)).faults,
  ];
  if (faults.length > 0)
    throw new KilnError(`cannot load the state dict into the trainer: ${faults.join("; ")}`);
  await sums?.loadStateDict(given as AccumulationState, summed);
}
