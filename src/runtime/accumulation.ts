/** Gradients that wait in the store until enough batches have been summed, and the program that uses them up. */

import { KilnError } from "../core/errors.ts";
import { compareByName, copyByName } from "../tensor/copy-by-name.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { timedRun } from "./run-log.ts";
import type { Variant } from "./variant.ts";

/** How a trainer accumulates. */
export interface Accumulation {
  /** Batches per update. */
  readonly accumulate: number;
  /** The sums by parameter, which each batch's program adds to. */
  readonly accumulated: ReadonlyMap<string, Tensor>;
  /** Updates the parameters from the sums and sets those back to 0. */
  readonly update: Variant;
}

/** What waits for the next update. */
export interface AccumulationState {
  /** How many batches are in the sums. */
  readonly batches: number;
  /** The sums by parameter; none where a trainer does not accumulate. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

const THE_UPDATE = (): string => "the update from summed gradients";

/** The scalars of the update, and who counts it. */
interface Steps {
  scalarValues(): Readonly<Record<string, number>>;
  completeStep(): void;
}

export class GradientSums {
  private readonly accumulation: Accumulation;
  private readonly steps: Steps;
  private batches = 0;

  constructor(accumulation: Accumulation, steps: Steps) {
    this.accumulation = accumulation;
    this.steps = steps;
  }

  /** The number of the next batch after `steps` updates; an update from fewer batches leaves out the missing numbers. */
  batchNumber(steps: number): number {
    return steps * this.accumulation.accumulate + this.batches;
  }

  /** Counts a batch whose gradients have been added, and updates after the last one. */
  async batchDone(): Promise<void> {
    this.batches++;
    // More than that where an update has failed: they are in the sums still.
    if (this.batches >= this.accumulation.accumulate) await this.flush();
  }

  /** Updates from whatever has been summed; from nothing it does nothing. */
  async flush(): Promise<void> {
    if (this.batches === 0) return;
    const { update } = this.accumulation;
    await timedRun(update, () => this.runUpdate(update));
    this.steps.completeStep();
    this.batches = 0;
  }

  private async runUpdate(update: Variant): Promise<void> {
    await update.feed([]);
    await update.compute(this.steps.scalarValues(), THE_UPDATE);
    await update.commit(THE_UPDATE);
  }

  stateDict(): AccumulationState {
    return { batches: this.batches, gradients: Object.fromEntries(this.accumulation.accumulated) };
  }

  async loadStateDict(state: AccumulationState): Promise<void> {
    await copyByName([...this.accumulation.accumulated], state.gradients);
    this.batches = state.batches;
  }

  /** The tensors and the number of batches that a state must fit. */
  get limits(): Pick<Accumulation, "accumulate" | "accumulated"> {
    return this.accumulation;
  }

  /** The program that updates from the sums. */
  get program(): Variant {
    return this.accumulation.update;
  }

  dispose(): void {
    this.program.executable.dispose();
  }
}

const NONE: GradientSums["limits"] = { accumulate: 1, accumulated: new Map() };

/** Checks `given`, which may come from a file and hold anything, and then takes it over. */
export async function loadAccumulation(sums: GradientSums | undefined, given: unknown): Promise<void> {
  const { accumulate, accumulated } = sums?.limits ?? NONE;
  const { batches, gradients } = Object(given) as Partial<AccumulationState>;
  const isCount = Number.isSafeInteger(batches) && batches! >= 0 && batches! < accumulate;
  const faults = [
    ...(isCount ? [] : [`batches is ${batches}, but ${accumulate} make an update`]),
    ...compareByName("the trainer", [...accumulated], Object(gradients)).faults,
  ];
  if (faults.length > 0)
    throw new KilnError(`cannot load the state dict into the trainer: ${faults.join("; ")}`);
  await sums?.loadStateDict(given as AccumulationState);
}
