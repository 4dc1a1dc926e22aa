/**
 * A compiled training step: forward, backward and the optimizer's update in one program; if gradients are accumulated over
 * several batches, the update is a separate program that runs after the last of them.
 */

import type { TypedArray } from "../../core/dtype.ts";
import { DeviceLostError, KilnError, ThreadLostError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { KernelInfo } from "../inspection/figures.ts";
import { NonFiniteSearch } from "../inspection/nonfinite.ts";
import {
  type ProfileOptions,
  type ProgramProfile,
  readProfileOptions,
} from "../inspection/program-profile.ts";
import { type CarriedState, stateOf } from "../state/carried-state.ts";
import type { ModelState } from "../state/model-state.ts";
import { type Accumulation, type AccumulationState, GradientSums, loadAccumulation } from "./accumulation.ts";
import { type Counted, cohortScalars } from "./cohorts.ts";
import { fedTensors } from "./feed.ts";
import { Inspectable, withHostArrays } from "./program.ts";
import { randomBatch } from "./random-batch.ts";
import { type Part, profileRuns } from "./rehearsal.ts";
import { NOTHING, type Run, readOutputs } from "./run.ts";
import type { Signature } from "./signature.ts";
import type { Specialization, StageText } from "./specialization.ts";
import type { SpecializationCache } from "./specialization-cache.ts";
import { OUT_OF_STEP, type PreparedStep, type PrepareStep, Shelf, StepPrograms } from "./step-programs.ts";
import {
  batchAndOptions,
  checkAsked,
  numbersOf,
  type StepDetail,
  type StepOptions,
  type StepResult,
} from "./step-result.ts";

/** What a trainer needs of an optimizer at run time. Steps belong to it: two trainers with one optimizer count together. */
export interface StepSource extends Counted {
  /** How many steps were completed. */
  readonly stepCount: number;
  /** @internal Counts a step, in which the parameters `updated` had a gradient. */
  completeStep(updated: Iterable<Tensor>): void;
}

/** What {@link Trainer.gradients} gives. */
export interface Gradients {
  /** The loss at the current parameters. */
  readonly loss: number;
  /** By parameter name; a parameter that the loss does not depend on is absent. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/** The settings of a trainer. */
export interface TrainerSettings<Carried> {
  readonly seed: number;
  readonly mirrorEvery: number;
  readonly metrics?: readonly string[];
  readonly carried?: CarriedState<Carried> | undefined;
  /** Absent where all that it is given are tensors. */
  readonly signature?: Signature;
}

/**
 * A compiled training step: forward, loss, backward and the optimizer's update. {@link compileTraining} makes it.
 *
 * ```ts
 * const optimizer = new optim.SGD(net.parameters(), { lr: 0.05 });
 * const loss = new nn.CrossEntropyLoss();
 * const trainer = await compileTraining(net, { inputs: [[64, 1, 28, 28]], loss, optimizer });
 * for await (const [x, labels] of loader) console.log(await trainer.step(x, labels));
 * ```
 */
export class Trainer<
  Detail extends StepDetail = StepDetail,
  Carried = unknown,
  Input = Tensor,
> extends Inspectable {
  private readonly signature: Signature | undefined;
  /** The names of the losses: those of the record that the loss returns, or `loss` alone. */
  readonly losses: readonly Detail["losses"][];
  /** The names of the metrics that are compiled with the step. */
  readonly metrics: readonly Detail["metrics"][];
  private readonly state: ModelState;
  private readonly seed: number;
  private readonly optimizer: StepSource;
  private readonly groupCount: number;
  private readonly programs: Shelf<StepPrograms>;
  private readonly prepare: PrepareStep;
  private readonly loss = new Float64Array(1);
  private readonly sums: GradientSums | undefined;
  private readonly mirrorEvery: number;
  /** The step after which the parameters were last copied to the host. */
  private mirrored: number;
  private readonly carriedState: CarriedState<Carried> | undefined;
  private disposed = false;
  private readonly usualStep: Run<number> = {
    label: () => `step ${this.stepCount + 1}`,
    take: (program, inputs, scalars) => this.finiteLoss(program, inputs, scalars),
    changes: "kept",
  };
  private readonly detailedStep: Run<object> = {
    label: () => `step ${this.stepCount + 1}`,
    take: async (program, inputs, scalars) => {
      const loss = await this.finiteLoss(program, inputs, scalars);
      const given: object = program.arranged(await readOutputs(program));
      return { ...given, ...numbersOf(given), loss };
    },
    changes: "kept",
  };
  private readonly gradientsAlone: Run<Tensor[]> = {
    label: () => `gradients() after step ${this.stepCount}`,
    take: readOutputs,
    changes: "omitted",
  };

  /** @internal */
  constructor(
    first: PreparedStep,
    prepare: PrepareStep,
    state: ModelState,
    optimizer: StepSource,
    { seed, mirrorEvery, metrics = [], carried, signature }: TrainerSettings<Carried>,
    accumulation?: Accumulation,
  ) {
    super(first.main);
    this.losses = first.main.losses;
    this.metrics = metrics;
    this.carriedState = carried;
    this.signature = signature;
    this.mirrorEvery = mirrorEvery;
    this.mirrored = optimizer.stepCount;
    this.state = state;
    this.seed = seed;
    this.optimizer = optimizer;
    this.groupCount = optimizer.paramGroups.length;
    this.prepare = prepare;
    this.sums = accumulation && new GradientSums(accumulation, optimizer, prepare);
    this.programs = new Shelf(new StepPrograms(first), (programs) => programs.dispose());
  }

  /** How many steps the optimizer has completed. */
  get stepCount(): number {
    return this.optimizer.stepCount;
  }

  /**
   * The number of the next batch, on which random layers depend (with the seed at the time of compiling). It follows from
   * the optimizer's steps and the batches that wait for an update, so a resumed run draws what it would have drawn.
   */
  get batchNumber(): number {
    return this.sums === undefined ? this.stepCount : this.sums.batchNumber(this.stepCount);
  }

  private get randomScalars(): Readonly<Record<string, number>> {
    return { seed: this.seed, step: this.batchNumber };
  }

  /** The dump after each stage; those of a separate update follow, under `update/`. */
  override get stages(): readonly StageText[] {
    const update = this.sums?.program.stages ?? [];
    return [...super.stages, ...update.map(({ name, text }) => ({ name: `update/${name}`, text }))];
  }

  /** The kernels, in the order in which they run. */
  override get kernels(): readonly KernelInfo[] {
    return [...super.kernels, ...(this.sums?.program.kernels ?? [])];
  }

  /** Compiles programs for the model as it is now, if none fit. */
  private async compiled(): Promise<StepPrograms> {
    const misfits = this.programs.all.map((programs) => programs.misfit(this.optimizer));
    const why = misfits.find((misfit) => misfit === OUT_OF_STEP) ?? misfits[0];
    return this.programs.add(new StepPrograms(await this.prepare.step(why)));
  }

  private fitting(): StepPrograms | undefined {
    return this.programs.find((programs) => programs.misfit(this.optimizer) === undefined);
  }

  /** Queues `work` with the numbers of a batch, once all is there that a program which must be compiled for it reads. */
  private queued<T>(
    batch: readonly Tensor[],
    work: (arrays: readonly TypedArray[]) => Promise<T>,
  ): Promise<T> {
    if (this.fitting() !== undefined) return withHostArrays(batch, this.state, work);
    return this.prepare.settle().then(() => withHostArrays(batch, this.state, work));
  }

  /**
   * One step on a batch: inputs, then targets. Labels may be lists or arrays of integers, as in `step(images, [3, 1, 4])`.
   * Returns the loss before the update. If the loss is not finite, nothing is updated, and the error names the step, the
   * first kernel and the model's line. With `accumulate: k` the gradients are added to those of the batches before, and each
   * k-th call updates.
   *
   * With options after the batch it returns a record of the loss and what they ask for: `{ outputs: true }` for what the
   * model returned, `{ losses: true }` for all named losses, `{ metrics: true }` for the metrics, all from before the
   * update.
   */
  step(...batch: readonly Input[]): Promise<number>;
  step<const Asked extends StepOptions>(
    ...given: readonly [...batch: Input[], options: Asked]
  ): Promise<StepResult<Detail, Asked>>;
  async step(...given: readonly unknown[]): Promise<unknown> {
    const [arguments_, asked] = batchAndOptions(given);
    const batch = this.flat(arguments_);
    if (asked === undefined) {
      return this.queued(batch, (arrays) => this.run(this.usualStep, batch, arrays, ({ steps }) => steps));
    }
    checkAsked(asked, this.metrics);
    return this.queued(batch, (arrays) =>
      this.run(this.detailedStep, batch, arrays, (programs) => programs.stepsGiving(asked)),
    );
  }

  private flat(given: readonly unknown[]): readonly Tensor[] {
    return fedTensors(this.signature?.flatten(given) ?? given, this.main.plan.inputs);
  }

  private async run<T>(
    run: Run<T>,
    batch: readonly Tensor[],
    arrays: readonly TypedArray[],
    cacheOf: (programs: StepPrograms) => SpecializationCache,
  ): Promise<T> {
    this.requireAlive();
    const programs = this.fitting() ?? (await this.compiled());
    const specialization = await cacheOf(programs).for(batch);
    try {
      const result = await specialization.run(run, arrays, this.scalarsOf(programs.prepared));
      await this.complete(programs);
      if (this.stepCount % this.mirrorEvery === 0 && this.stepCount !== this.mirrored) {
        await this.mirror(specialization);
      }
      return result;
    } catch (error) {
      if (error instanceof ThreadLostError) {
        throw new KilnError(
          `${error.message} in step ${this.stepCount + 1}; the parameters are those after step ${this.stepCount}, and the next step starts new threads`,
        );
      }
      if (!(error instanceof DeviceLostError)) throw error;
      throw new KilnError(
        `${error.message} in step ${this.stepCount + 1}; the parameters are those after step ${this.mirrored}, ` +
          "when they were last copied to the host (mirrorEvery says how often): compile the model again to continue from there",
      );
    }
  }

  /** The loss of a step; throws if it is not finite. */
  private async finiteLoss(
    program: Specialization,
    inputs: readonly TypedArray[],
    scalars: Readonly<Record<string, number>>,
  ): Promise<number> {
    const { plan, executable } = program;
    const read = executable.read(plan.outputs[0].buffer, this.loss);
    if (read !== undefined) await read;
    const [loss] = this.loss;
    if (Number.isFinite(loss)) return loss;
    const search = new NonFiniteSearch(plan, executable);
    const again: Run<void> = { ...this.usualStep, take: NOTHING, changes: "omitted" };
    await program.run(again, inputs, scalars, search);
    throw new KilnError(
      `the loss of step ${this.stepCount + 1} is ${loss}: ${search.verdict}; the parameters are those after step ${this.stepCount}`,
    );
  }

  private scalarsOf({ cohorts }: PreparedStep): Readonly<Record<string, number>> {
    return cohortScalars(this.optimizer, cohorts, this.randomScalars);
  }

  /** Counts what has been run. */
  private complete({ members, prepared }: StepPrograms): void | Promise<void> {
    if (this.sums !== undefined) return this.sums.batchDone(prepared.summed);
    this.optimizer.completeStep(members);
  }

  /**
   * One step like `step`, whatever the loss is; returns the milliseconds of each kernel, in the order of `kernels` (without
   * those of a separate update, if gradients are accumulated).
   */
  async stepByKernel(...given: readonly Input[]): Promise<readonly number[]> {
    const batch = this.flat(given);
    return this.queued(batch, async (arrays) => {
      this.requireAlive();
      const programs = this.fitting() ?? (await this.compiled());
      const specialization = await programs.steps.for(batch);
      const run = { ...this.usualStep, take: NOTHING };
      const times = await specialization.runByKernel(run, arrays, this.scalarsOf(programs.prepared));
      await this.complete(programs);
      return times;
    });
  }

  /**
   * Measures steps and their kernels, by default on random numbers: if gradients are accumulated, a batch and an update.
   * Parameters, buffers, the optimizer's states and step, sums of gradients and the state of random numbers are restored
   * afterwards, whether it succeeds or fails.
   */
  async profile(options: ProfileOptions = {}): Promise<ProgramProfile> {
    const { milliseconds, batch = randomBatch(this.inputs) } = readProfileOptions(options);
    return this.queued(batch, async (arrays) => {
      this.requireAlive();
      const { prepared, steps } = this.fitting() ?? (await this.compiled());
      const specialization = await steps.for(batch);
      const parts: Part[] = [{ program: specialization, inputs: arrays, scalars: this.scalarsOf(prepared) }];
      const update = await this.sums?.updateOf(prepared.summed);
      if (update !== undefined) {
        const scalars = cohortScalars(this.optimizer, update.cohorts);
        parts.push({ program: update.specialization, inputs: [], scalars });
      }
      const measured = await profileRuns(parts, milliseconds);
      await this.mirror(specialization);
      return measured;
    });
  }

  /** Copies the states to the host, if they are on a device that may be lost. */
  private async mirror(specialization: Specialization): Promise<void> {
    await specialization.mirror();
    this.mirrored = this.stepCount;
  }

  /**
   * Updates the parameters from the gradients of fewer batches than `accumulate` asks for, if any wait: for the end of an
   * epoch whose number of batches is no multiple of it. Otherwise they wait for the next epoch's batches.
   */
  flush(): Promise<void> {
    return this.state.enqueue(async () => {
      this.requireAlive();
      await this.sums?.flush();
    });
  }

  /** The gradients that wait for an update, for a checkpoint between the batches of one; the tensors are the store's. */
  stateDict(): AccumulationState {
    return this.sums?.stateDict() ?? { batches: 0, gradients: {} };
  }

  /** Takes over waiting gradients. All that does not fit is reported in one error, and then nothing has changed. */
  async loadStateDict(state: AccumulationState): Promise<void> {
    await loadAccumulation(this.sums, this.programs.all[0].prepared.summed, state);
  }

  /** Forward and backward alone: the loss and all gradients; changes no parameter, buffer or counter. */
  async gradients(...given: readonly Input[]): Promise<Gradients> {
    const batch = this.flat(given);
    return this.queued(batch, async (arrays) => {
      this.requireAlive();
      const specialization = await (this.fitting() ?? (await this.compiled())).gradients.for(batch);
      const tensors = await specialization.run(this.gradientsAlone, arrays, this.randomScalars);
      const named = specialization.results.map(
        ({ name }, k) => [name.replace(/^grad\./, ""), tensors[k]] as const,
      );
      return { loss: await tensors[0].item(), gradients: Object.fromEntries(named.slice(1)) };
    });
  }

  /** The state that goes from one step into the next, as `carried` gave it; the tensors are the live ones. */
  get carried(): Carried {
    return stateOf(this.carriedState).tensors;
  }

  /** Starts over: with the carried state that the trainer was compiled with, or with this one. */
  resetCarried(state?: Carried): Promise<void> {
    return stateOf(this.carriedState).reset(this.state, state);
  }

  /** Frees the programs' arenas; the model's learned parameters stay. */
  dispose(): Promise<void> {
    return this.state.enqueue(async () => {
      if (this.disposed) return;
      this.disposed = true;
      await this.programs.dispose();
      await this.sums?.dispose();
    });
  }

  private requireAlive(): void {
    if (this.disposed) throw new KilnError("this trainer has been disposed; compile the model again");
    if (this.optimizer.paramGroups.length === this.groupCount) return;
    throw new KilnError(
      "the optimizer has got a parameter group since this trainer was compiled; compile the model again",
    );
  }
}
