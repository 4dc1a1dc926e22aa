/**
 * The programs of a trainer. A step is compiled for the parameters that want a gradient and for how many updates each has
 * had; when either changes (`requiresGrad`, a loaded state, another trainer with the same optimizer), it is compiled once
 * more, and what was compiled before is kept for when it changes back.
 */

import type { Tensor } from "../../tensor/tensor.ts";
import { areInStep, type Cohort, type Counted } from "./cohorts.ts";
import type { CompileSpecialization, Specialization } from "./specialization.ts";
import { type DynamicShapes, type FedType, SpecializationCache } from "./specialization-cache.ts";
import type { StepOptions } from "./step-result.ts";

/** Why a step has to be compiled again whose parameters are the right ones. */
export const OUT_OF_STEP = "parameters of a group have had different numbers of updates";

/** What the driver makes of the model as it is at one moment. */
export interface PreparedStep {
  /** The types of a batch: inputs, then targets. */
  readonly inputs: readonly FedType[];
  readonly dynamic: DynamicShapes;
  readonly main: Specialization;
  /** Compile for other shapes: the step, and gradients alone. */
  readonly step: CompileSpecialization;
  readonly gradients: CompileSpecialization;
  /** The step that gives more than its loss. */
  detailed(parts: StepOptions): CompileSpecialization;
  /** The states that `main` updates; none if it accumulates gradients. */
  readonly cohorts: readonly Cohort[];
  /** The names of the parameters whose gradients it adds up, if it does. */
  readonly summed: readonly string[];
  /** Every parameter of the model, and whether it wanted a gradient. */
  readonly wanted: ReadonlyMap<Tensor, boolean>;
}

/** The update from summed gradients, for the parameters as they are at one moment. */
export interface PreparedUpdate {
  readonly specialization: Specialization;
  readonly cohorts: readonly Cohort[];
}

/** How a trainer gets programs; `why` it needs others than it has. */
export interface PrepareStep {
  /** Waits for everything that is still being computed of what `step` reads. To be called before queueing on the model. */
  settle(): Promise<unknown>;
  step(why?: string): Promise<PreparedStep>;
  update(parameters: readonly string[], why?: string): Promise<PreparedUpdate>;
}

/** The parameters of cohorts, all together. */
export const membersOf = (cohorts: readonly Cohort[]): readonly Tensor[] =>
  cohorts.flatMap(({ parameters }) => parameters);

/** One step, for all shapes. */
export class StepPrograms {
  readonly prepared: PreparedStep;
  /** The parameters that a step updates. */
  readonly members: readonly Tensor[];
  readonly steps: SpecializationCache;
  readonly gradients: SpecializationCache;
  /** Steps that give more than their loss, by what. */
  private readonly detailed = new Map<string, SpecializationCache>();

  constructor(prepared: PreparedStep) {
    this.prepared = prepared;
    this.members = membersOf(prepared.cohorts);
    const { inputs, dynamic } = prepared;
    this.steps = new SpecializationCache(inputs, prepared.step, dynamic, prepared.main);
    this.gradients = new SpecializationCache(inputs, prepared.gradients, dynamic);
  }

  /** Why it is not the step of the model as it is now; `undefined` if it is. */
  misfit(optimizer: Counted): string | undefined {
    const { wanted, cohorts } = this.prepared;
    for (const [parameter, before] of wanted) {
      if (parameter.requiresGrad !== before) return "requiresGrad of a parameter has changed";
    }
    return areInStep(optimizer, cohorts) ? undefined : OUT_OF_STEP;
  }

  /** The programs of steps that give what `asked` asks for. */
  stepsGiving(asked: StepOptions): SpecializationCache {
    const { outputs = false, losses = false, metrics = false } = asked;
    const key = JSON.stringify([outputs, losses, metrics]);
    const { inputs, dynamic } = this.prepared;
    const compile = this.prepared.detailed({ outputs, losses, metrics });
    const cache = this.detailed.get(key) ?? new SpecializationCache(inputs, compile, dynamic);
    this.detailed.set(key, cache);
    return cache;
  }

  async dispose(): Promise<void> {
    for (const cache of [this.steps, this.gradients, ...this.detailed.values()]) await cache.dispose();
  }
}

/** How many are kept in addition to the first. */
const MOST_KEPT = 4;

/** Things that are compiled when they are needed: the first stays, of others those that were used last. */
export class Shelf<T> {
  readonly first: T;
  private others: readonly T[] = [];
  private readonly disposeOf: (item: T) => void | Promise<void>;

  constructor(first: T, disposeOf: (item: T) => void | Promise<void>) {
    this.first = first;
    this.disposeOf = disposeOf;
  }

  get all(): readonly T[] {
    return [...this.others, this.first];
  }

  /** The one used last for which `fits` holds. */
  find(fits: (item: T) => boolean): T | undefined {
    const found = this.others.find(fits);
    if (found === undefined) return fits(this.first) ? this.first : undefined;
    if (found !== this.others[0]) this.others = [found, ...this.others.filter((item) => item !== found)];
    return found;
  }

  async add(item: T): Promise<T> {
    const [oldest] = this.others.slice(MOST_KEPT - 1);
    this.others = [item, ...this.others.slice(0, MOST_KEPT - 1)];
    if (oldest !== undefined) await this.disposeOf(oldest);
    return item;
  }

  async dispose(): Promise<void> {
    for (const item of this.all) await this.disposeOf(item);
    this.others = [];
  }
}
