/**
 * The driver: traces a model, has the passes run and a backend load the result (`driver/`), and hands out programs. It and
 * its folder are what knows passes and backends in `src`; it also evaluates lazy tensors through the same way.
 */

import type { Availability } from "../backends/backend.ts";
import { BACKENDS } from "../backends/registry.ts";
import { cotangents } from "../passes/graph/autodiff.ts";
import { KilnError } from "./core/errors.ts";
import { checkOptionNames, type OptionNames } from "./core/option-names.ts";
import { build, buildOptions, type CommonOptions, type InputSpec, usableBackend } from "./driver/build.ts";
import {
  COMMON_OPTIONS,
  checkLoss,
  checkModel,
  checkOptimizer,
  readDynamicShapes,
  readTypes,
} from "./driver/options.ts";
import { TrainingCompiler } from "./driver/training.ts";
import { LazyEvaluator } from "./runtime/programs/lazy-evaluator.ts";
import { Program, type RunResult } from "./runtime/programs/program.ts";
import type { CompileSpecialization } from "./runtime/programs/specialization.ts";
import { type StepSource, Trainer } from "./runtime/programs/trainer.ts";
import type { GradientOptions, GroupedRules } from "./runtime/programs/training-plan.ts";
import { ModelState, settled } from "./runtime/state/model-state.ts";
import { differentiatorWith } from "./tensor/backward.ts";
import { injectDifferentiator, injectEvaluator } from "./tensor/context.ts";
import { programSeed } from "./tensor/random.ts";
import type { Tensor } from "./tensor/tensor.ts";
import { inMode, type Moded } from "./trace/mode.ts";
import { type Traceable, type TraceableLoss, traceModel } from "./trace/trace.ts";

/** A model as the driver sees it. */
export interface CompilableModel extends Moded {}

/** An optimizer as the driver sees it: rules to compile and the values of their scalars. */
export interface CompilableOptimizer extends StepSource, GroupedRules {
  readonly paramGroups: GroupedRules["paramGroups"];
}

export interface CompileOptions extends CommonOptions {
  /** `eval` (default) or `train`: which behaviour of layers such as dropout is compiled. */
  readonly mode?: "eval" | "train";
}

export interface CompileTrainingOptions extends CommonOptions, GradientOptions {
  readonly loss: TraceableLoss;
  readonly optimizer: CompilableOptimizer;
  /** Shapes of the targets; by default what the loss wants for the model's output. */
  readonly targets?: readonly InputSpec[];
  /**
   * How many steps lie between copies of the parameters to the host, for backends whose device may be lost (GPUs); 100
   * unless told.
   */
  readonly mirrorEvery?: number;
}

const COMPILE_OPTIONS = { ...COMMON_OPTIONS, mode: true } satisfies OptionNames<CompileOptions>;

const TRAINING_OPTIONS = {
  ...COMMON_OPTIONS,
  loss: true,
  optimizer: true,
  targets: true,
  clipGradNorm: true,
  clipGradValue: true,
  accumulate: true,
  mirrorEvery: true,
} satisfies OptionNames<CompileTrainingOptions>;

/** Compiles a model's forward pass. Throws a {@link KilnError} for shapes the model does not accept. */
export async function compile<Model extends CompilableModel>(
  model: Model,
  options: CompileOptions,
): Promise<Program<RunResult<ReturnType<Model["forward"]>>>> {
  checkModel("compile", model);
  checkOptionNames("compile", options, COMPILE_OPTIONS);
  const inputs = readTypes(options.inputs, "inputs");
  const dynamic = readDynamicShapes(options);
  const { mode = "eval" } = options;
  if (mode !== "eval" && mode !== "train")
    throw new KilnError(`mode must be eval or train, not ${JSON.stringify(mode)}`);
  const training = mode === "train";
  const backend = await usableBackend(options.backend, options);
  const seed = programSeed();
  const state = ModelState.for(tensorsOf(model));
  await settled(tensorsOf(model));
  const common = await buildOptions(backend, options);
  const what = training ? "forward pass in training mode" : "forward pass";
  const specialization: CompileSpecialization = async (shapes, why, previous) => {
    const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
    const begin = performance.now();
    const trace = inMode(model, training, () => traceModel(model, types));
    if (previous?.isOf(trace)) return previous;
    return build(backend, state, trace, begin, { what, why }, common);
  };
  const main = await state.enqueue(() => specialization(inputs.map(({ shape }) => shape)));
  return new Program(main, inputs, state, specialization, seed, dynamic);
}

/** Compiles a training step: forward in training mode, loss, backward and the optimizer's update. */
export async function compileTraining(
  model: CompilableModel,
  options: CompileTrainingOptions,
): Promise<Trainer> {
  checkModel("compileTraining", model);
  checkOptionNames("compileTraining", options, TRAINING_OPTIONS);
  checkLoss("compileTraining", options.loss);
  checkOptimizer(options.optimizer);
  const inputs = readTypes(options.inputs, "inputs");
  const dynamic = readDynamicShapes(options);
  const backend = await usableBackend(options.backend, options);
  const givenTargets = options.targets && readTypes(options.targets, "targets");
  const state = ModelState.for(tensorsOf(model));
  const { optimizer, mirrorEvery = 100 } = options;
  if (!Number.isInteger(mirrorEvery) || mirrorEvery < 1) {
    throw new KilnError(`mirrorEvery must be a whole number of at least 1, not ${mirrorEvery}`);
  }
  const common = await buildOptions(backend, options);
  const request = { model, options, backend, state, common, inputs, dynamic, givenTargets };
  const compiler = new TrainingCompiler(request);
  await compiler.settle();
  const seed = programSeed();
  const first = await state.enqueue(() => compiler.step());
  const accumulation = await state.enqueue(() => compiler.accumulation(first));
  return new Trainer(first, compiler, state, optimizer, { seed, mirrorEvery }, accumulation);
}

export interface BackendStatus extends Availability {
  readonly name: string;
}

/** Every backend, whether it can run here, and why or why not. */
export async function backends(): Promise<readonly BackendStatus[]> {
  return Promise.all(
    BACKENDS.map(async (backend) => ({ name: backend.name, ...(await backend.available()) })),
  );
}

const tensorsOf = (model: Traceable): Tensor[] =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);

/** Programs of lazy tensors have no states of their own; their arenas lie in one memory. */
const lazyState = new ModelState();

injectEvaluator(
  new LazyEvaluator(async (trace, asked) =>
    build(await usableBackend(), lazyState, trace, performance.now(), asked, {}),
  ),
);

injectDifferentiator(differentiatorWith(cotangents));
