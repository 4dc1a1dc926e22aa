/**
 * A whole training step, compiled as its user wrote it: forward and backward passes of several models, and the steps of
 * several optimizers, in one program.
 */

import type { TypedArray } from "../../core/dtype.ts";
import { DeviceLostError, KilnError, ThreadLostError } from "../../core/errors.ts";
import { scalarName } from "../../ir/update.ts";
import type { Labels } from "../../tensor/labels.ts";
import type { SteppingOptimizer } from "../../tensor/step-recorder.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { StepTrace } from "../../trace/trace.ts";
import { NonFiniteSearch } from "../inspection/nonfinite.ts";
import {
  type ProfileOptions,
  type ProgramProfile,
  readProfileOptions,
} from "../inspection/program-profile.ts";
import type { ModelState } from "../state/model-state.ts";
import { fedTensors } from "./feed.ts";
import { Inspectable, withHostArrays } from "./program.ts";
import { randomBatch } from "./random-batch.ts";
import { profileRuns } from "./rehearsal.ts";
import { NOTHING, type Run, readOutputs } from "./run.ts";
import type { Specialization } from "./specialization.ts";
import type { SpecializationCache } from "./specialization-cache.ts";
import { OUT_OF_STEP, Shelf } from "./step-programs.ts";

/** The programs of a step for the modules and optimizers at one point in time. */
export interface StepVariant {
  readonly main: Specialization;
  readonly cache: SpecializationCache;
  /** What a program was traced from. */
  traceOf(program: Specialization): StepTrace;
  /** Every parameter, and whether it wanted a gradient. */
  readonly wanted: ReadonlyMap<Tensor, boolean>;
}

/** How a step gets its programs. */
export interface PrepareVariant {
  /** Waits for what is still being computed of what a step reads. */
  settle(): Promise<unknown>;
  variant(why?: string): Promise<StepVariant>;
}

/** Copies of states on a device that may be lost are made this often. */
const MIRROR_EVERY = 100;

/** What a step takes in place of its function's tensors: labels where they hold whole numbers. */
type Given<Inputs extends readonly Tensor[]> = {
  readonly [Position in keyof Inputs]: Inputs[Position] | Labels;
};

/**
 * A whole training step, compiled: `run` takes a batch and returns what the step function returns. {@link compileStep} makes
 * it.
 */
export class CompiledStep<
  Inputs extends readonly Tensor[] = readonly Tensor[],
  Result = unknown,
> extends Inspectable {
  private readonly state: ModelState;
  private readonly prepare: PrepareVariant;
  private readonly variants: Shelf<StepVariant>;
  private readonly seed: number;
  /** The optimizers that the step calls. */
  private readonly optimizers: readonly SteppingOptimizer[];
  private runs = 0;
  private disposed = false;

  /** @internal */
  constructor(first: StepVariant, prepare: PrepareVariant, state: ModelState, seed: number) {
    super(first.main);
    this.state = state;
    this.prepare = prepare;
    this.seed = seed;
    this.optimizers = [...new Set(first.traceOf(first.main).steps.map(({ optimizer }) => optimizer))];
    this.variants = new Shelf(first, ({ cache }) => cache.dispose());
  }

  /**
   * Runs the step on a batch and returns what the function returns, with numbers. If a loss (a number whose `backward` is
   * called) is not finite, nothing is updated, and the error names the first kernel and line at fault.
   */
  async run(...given: Given<Inputs>): Promise<Result> {
    const batch = fedTensors(given, this.main.plan.inputs);
    return this.queued(batch, async (arrays) => {
      const { program, trace, scalars } = await this.ready(batch);
      try {
        const result = await program.run(this.usualRun(trace), arrays, scalars);
        this.complete(trace);
        if (this.runs % MIRROR_EVERY === 0) await program.mirror();
        return result as Result;
      } catch (error) {
        throw this.interrupted(error);
      }
    });
  }

  /**
   * Runs the step once like `run`, whatever its losses are, and returns the milliseconds of each kernel, in the order of
   * `kernels`.
   */
  async runByKernel(...given: Given<Inputs>): Promise<readonly number[]> {
    const batch = fedTensors(given, this.main.plan.inputs);
    return this.queued(batch, async (arrays) => {
      const { program, trace, scalars } = await this.ready(batch);
      const run = { ...this.usualRun(trace), take: NOTHING };
      const times = await program.runByKernel(run, arrays, scalars);
      this.complete(trace);
      return times;
    });
  }

  /** Measures steps and their kernels, by default on random numbers. Everything is restored afterwards. */
  async profile(options: ProfileOptions = {}): Promise<ProgramProfile> {
    const { milliseconds, batch = randomBatch(this.inputs) } = readProfileOptions(options);
    return this.queued(batch, async (inputs) => {
      const { program, scalars } = await this.ready(batch);
      return profileRuns([{ program, inputs, scalars }], milliseconds);
    });
  }

  /** Frees the programs' arenas; learned parameters stay. */
  dispose(): Promise<void> {
    return this.state.enqueue(async () => {
      if (this.disposed) return;
      this.disposed = true;
      await this.variants.dispose();
    });
  }

  private fitting(): StepVariant | undefined {
    return this.variants.find((variant) => misfitOf(variant) === undefined);
  }

  private async queued<T>(
    batch: readonly Tensor[],
    work: (arrays: readonly TypedArray[]) => Promise<T>,
  ): Promise<T> {
    if (this.fitting() === undefined) await this.prepare.settle();
    return withHostArrays(batch, this.state, work);
  }

  /** The program for a batch, compiled if there is none, and its input numbers. */
  private async ready(batch: readonly Tensor[]) {
    if (this.disposed) throw new KilnError("this step has been disposed; compile it again");
    const variant = this.fitting() ?? (await this.variants.add(await this.another()));
    const program = await variant.cache.for(batch);
    const trace = variant.traceOf(program);
    return { program, trace, scalars: this.scalarsOf(trace) };
  }

  private another(): Promise<StepVariant> {
    const misfits = this.variants.all.map(misfitOf);
    return this.prepare.variant(misfits.find((misfit) => misfit === OUT_OF_STEP) ?? misfits[0]);
  }

  /** Random numbers depend on the optimizers' steps, so that a resumed run draws what it would have drawn. */
  private get drawn(): number {
    return this.optimizers.length === 0
      ? this.runs
      : this.optimizers.reduce((sum, { stepCount }) => sum + stepCount, 0);
  }

  private scalarsOf({ updates }: StepTrace): Readonly<Record<string, number>> {
    const scalars: Record<string, number> = { seed: this.seed, step: this.drawn };
    for (const [k, { optimizer, group, parameters, before }] of updates.entries()) {
      const completed = optimizer.stepOf(parameters[0]) + before;
      const own = optimizer.paramGroups[group].scalarValues(completed);
      for (const [name, value] of Object.entries(own)) scalars[scalarName(name, k)] = value;
    }
    return scalars;
  }

  private usualRun({ lossCount }: StepTrace): Run<unknown> {
    return {
      label: () => `run ${this.runs + 1}`,
      take: async (program, inputs, scalars) => {
        const results = await readOutputs(program);
        const losses = results.slice(0, lossCount).map((tensor) => tensor.peek()![0]);
        const strange = losses.find((loss) => !Number.isFinite(loss));
        if (strange === undefined) return program.placed(results);
        const search = new NonFiniteSearch(program.plan, program.executable);
        const again: Run<void> = { label: () => `run ${this.runs + 1}`, take: NOTHING, changes: "omitted" };
        await program.run(again, inputs, scalars, search);
        throw new KilnError(
          `a loss of run ${this.runs + 1} is ${strange}: ${search.verdict}; the parameters are those after run ${this.runs}`,
        );
      },
      changes: "kept",
    };
  }

  private complete({ steps }: StepTrace): void {
    for (const { optimizer, parameters } of steps) optimizer.completeStep(parameters);
    this.runs++;
  }

  private interrupted(error: unknown): unknown {
    if (error instanceof ThreadLostError) {
      return new KilnError(
        `${error.message} in run ${this.runs + 1}; the parameters are those after run ${this.runs}, and the next run starts new threads`,
      );
    }
    if (!(error instanceof DeviceLostError)) return error;
    const mirrored = this.runs - (this.runs % MIRROR_EVERY);
    return new KilnError(
      `${error.message} in run ${this.runs + 1}; the parameters are those after run ${mirrored}, when they were last copied ` +
        "to the host: compile the step again to continue from there",
    );
  }
}

/** Why these are not the programs of the modules and optimizers as they are now; `undefined` if they are. */
function misfitOf({ main, traceOf, wanted }: StepVariant): string | undefined {
  for (const [parameter, before] of wanted) {
    if (parameter.requiresGrad !== before) return "requiresGrad of a parameter has changed";
  }
  const isInStep = traceOf(main).updates.every(
    ({ optimizer, group, parameters }) =>
      !optimizer.paramGroups[group].countsSteps ||
      parameters.every((parameter) => optimizer.stepOf(parameter) === optimizer.stepOf(parameters[0])),
  );
  return isInStep ? undefined : OUT_OF_STEP;
}
