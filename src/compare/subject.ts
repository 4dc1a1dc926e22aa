/**
 * A model compiled for one backend with copies of everything it remembers: parameters, buffers, the optimizer's states and
 * the programs' memory are the comparison's own, so that nothing a step does is seen outside.
 */

import type { Backend } from "../../backends/backend.ts";
import type { TypedArray } from "../core/dtype.ts";
import { InternalError } from "../core/errors.ts";
import { build, buildOptions } from "../driver/build.ts";
import { updatedBy } from "../driver/training.ts";
import { Parameter } from "../nn/parameter.ts";
import { SGD } from "../optim/index.ts";
import type { Profiled } from "../runtime/inspection/profile.ts";
import { cohortScalars } from "../runtime/programs/cohorts.ts";
import { type Inspectable, Program } from "../runtime/programs/program.ts";
import { randomBatch } from "../runtime/programs/random-batch.ts";
import { NOTHING, type Run } from "../runtime/programs/run.ts";
import type { Specialization } from "../runtime/programs/specialization.ts";
import { ANY_SHAPES } from "../runtime/programs/specialization-cache.ts";
import type { PreparedStep } from "../runtime/programs/step-programs.ts";
import { Trainer } from "../runtime/programs/trainer.ts";
import { planUpdate, trainedBy } from "../runtime/programs/training-plan.ts";
import { ModelState } from "../runtime/state/model-state.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Trace } from "../trace/trace.ts";
import { OracleComparison } from "./oracle.ts";
import type { CompareOptions, ValueDifference } from "./types.ts";

/** A traced model and the numbers of its states. */
export interface Traced {
  readonly trace: Trace;
  readonly mode: "training" | "forward";
  readonly numbers: ReadonlyMap<string, TypedArray>;
  /** What random layers draw from on every backend. */
  readonly seed: number;
  /** How long tracing took. */
  readonly milliseconds: number;
}

export class Subject implements Profiled {
  readonly program: Inspectable;
  readonly specialization: Specialization;
  private readonly batch: readonly Tensor[];
  private readonly runner: Runner;

  constructor(program: Inspectable, specialization: Specialization, runner: Runner) {
    this.program = program;
    this.specialization = specialization;
    this.runner = runner;
    this.batch = randomBatch(program.inputs);
  }

  get kernels(): Inspectable["kernels"] {
    return this.program.kernels;
  }

  run(): Promise<unknown> {
    return this.runner.run(...this.batch);
  }

  runByKernel(): Promise<readonly number[]> {
    return this.runner.runByKernel(...this.batch);
  }

  /** Makes one run that is held against the oracle, kernel by kernel. */
  async compare(): Promise<readonly ValueDifference[]> {
    const { plan, executable } = this.specialization;
    const inputs = await Promise.all(this.batch.map((tensor) => tensor.data()));
    const comparison = new OracleComparison(plan, executable);
    await this.specialization.run(COMPARED, inputs, this.runner.scalars(), comparison);
    return comparison.differences();
  }

  dispose(): Promise<void> {
    return this.runner.dispose();
  }
}

/** The calls of a program or a trainer under one name. */
interface Runner {
  run(...batch: readonly Tensor[]): Promise<unknown>;
  runByKernel(...batch: readonly Tensor[]): Promise<readonly number[]>;
  /** Values of the scalars of the first run. */
  scalars(): Readonly<Record<string, number>>;
  dispose(): Promise<void>;
}

/** Compiles `traced` for `backend`. */
export async function subjectOn(
  backend: Backend,
  traced: Traced,
  { optimizer, tune }: Pick<CompareOptions, "optimizer" | "tune">,
): Promise<Subject> {
  const state = new ModelState();
  const common = await buildOptions(backend, tune === undefined ? { inputs: [] } : { inputs: [], tune });
  const copies = copiesOf(traced);
  const trace = { ...traced.trace, states: copies };
  const types = trace.inputs.map(({ type }) => type);
  const { seed } = traced;
  const begin = (): number => performance.now() - traced.milliseconds;
  if (traced.mode === "forward") {
    const specialization = await build(backend, state, trace, begin(), ASKED, common);
    const program = new Program(specialization, types, state, onlyThis, seed);
    return new Subject(program, specialization, {
      run: (...batch) => program.run(...batch),
      runByKernel: (...batch) => program.runByKernel(...batch),
      scalars: () => ({ seed, step: 0 }),
      dispose: () => program.dispose(),
    });
  }
  const parameters = trace.parameters.map((name) => copies.get(name) as Parameter);
  const made = (optimizer ?? defaultOptimizer)(parameters);
  const trained = trainedBy(made, trace);
  const { states, cohorts, update } = planUpdate(made, trace, trained, {});
  const known = { ...trace, states: new Map([...copies, ...states]) };
  const specialization = await build(backend, state, known, begin(), ASKED, {
    ...common,
    gradientsFor: trained,
    update,
  });
  const first: PreparedStep = {
    inputs: types,
    dynamic: ANY_SHAPES,
    main: specialization,
    step: onlyThis,
    gradients: onlyThis,
    detailed: () => onlyThis,
    cohorts: updatedBy(specialization, cohorts),
    summed: [],
    wanted: new Map(),
  };
  const prepare = { settle: onlyThis, step: onlyThis, update: onlyThis };
  const trainer = new Trainer(first, prepare, state, made, { seed, mirrorEvery: MIRROR_EVERY });
  return new Subject(trainer, specialization, {
    run: (...batch) => trainer.step(...batch),
    runByKernel: (...batch) => trainer.stepByKernel(...batch),
    scalars: () => ({ ...cohortScalars(made, first.cohorts), seed, step: trainer.batchNumber }),
    dispose: () => trainer.dispose(),
  });
}

const COMPARED: Run<void> = { label: () => "a run that is compared", take: NOTHING, changes: "kept" };

/** What a log of compilations says of it. */
const ASKED = { what: "comparison of backends" };

/** As `compileTraining` has it by default. */
const MIRROR_EVERY = 100;

const defaultOptimizer = (parameters: readonly Parameter[]): SGD =>
  new SGD(parameters, { lr: 1e-3, momentum: 0.9 });

/** A subject is fed the batch that it was compiled for, and no other. */
const onlyThis = (): never => {
  throw new InternalError("a comparison runs one batch size");
};

/** The states with numbers of their own: nothing is shared with the model, and nothing between backends. */
function copiesOf({ trace, numbers }: Traced): ReadonlyMap<string, Tensor> {
  return new Map(
    [...trace.states].map(([name, { shape, dtype }]) => {
      const copy = Tensor.fromData(numbers.get(name)!.slice(), shape, dtype);
      return [name, trace.parameters.includes(name) ? new Parameter(copy) : copy] as const;
    }),
  );
}
