/**
 * The driver: traces a model, has the passes run and a backend load the result (`driver/`), and hands out programs. It and
 * its folder are what knows passes and backends in `src`; it also evaluates lazy tensors through the same way.
 */

import type { Availability } from "../backends/backend.ts";
import { BACKEND_NAMES, type BackendName, backendNamed } from "../backends/registry.ts";
import { cotangents } from "../passes/graph/autodiff.ts";
import { KilnError } from "./core/errors.ts";
import { checkOptionNames, type OptionNames } from "./core/option-names.ts";
import type { CommonOptions } from "./driver/build.ts";
import {
  COMMON_OPTIONS,
  checkInputCount,
  checkLoss,
  checkMetrics,
  checkModel,
  checkModules,
  checkOptimizer,
  checkStep,
  readDynamicShapes,
  readSignature,
  readTypes,
} from "./driver/options.ts";
import type { CompiledStep } from "./runtime/programs/compiled-step.ts";
import { LazyEvaluator } from "./runtime/programs/lazy-evaluator.ts";
import type { Program, RunResult, WithoutState } from "./runtime/programs/program.ts";
import type { Fed, InputSpec, TensorSpec } from "./runtime/programs/signature.ts";
import type { CompileSpecialization } from "./runtime/programs/specialization.ts";
import type { DetailOf, MetricOf } from "./runtime/programs/step-types.ts";
import type { StepSource, Trainer } from "./runtime/programs/trainer.ts";
import type { GradientOptions, GroupedRules } from "./runtime/programs/training-plan.ts";
import { CarriedState } from "./runtime/state/carried-state.ts";
import { ModelState, settled } from "./runtime/state/model-state.ts";
import { differentiatorWith } from "./tensor/backward.ts";
import { injectDifferentiator, injectEvaluator } from "./tensor/context.ts";
import type { Labels } from "./tensor/labels.ts";
import { programSeed } from "./tensor/random.ts";
import type { Tensor } from "./tensor/tensor.ts";
import { Bundle } from "./trace/bundle.ts";
import { inMode, type Moded } from "./trace/mode.ts";
import {
  type StepParts,
  type Traceable,
  type TraceableLoss,
  type TraceableStep,
  traceModel,
} from "./trace/trace.ts";

export type { BackendName };

/** The passes and what they stand on: more than half of Kiln, which is loaded when something is first compiled. */
const compiler = () => import("./driver/build.ts");

/** A model as the driver sees it. */
export interface CompilableModel extends Moded {}

/** An optimizer as the driver sees it: rules to compile and the values of their scalars. */
export interface CompilableOptimizer extends StepSource, GroupedRules {
  readonly paramGroups: GroupedRules["paramGroups"];
}

/** The options of {@link compile}. */
export interface CompileOptions<Carried = unknown, Inputs extends readonly InputSpec[] = readonly InputSpec[]>
  extends CommonOptions {
  readonly inputs: Inputs;
  /** `eval` (default) or `train`: which behaviour of layers such as dropout is compiled. */
  readonly mode?: "eval" | "train";
  /**
   * A tensor, or tensors in lists and records, that `forward` is given last and hands on: it returns a list that ends with
   * the next state, `[out, [h, c]]`, which the next run is given, without its history. A run gives the rest.
   * `resetCarried()` begins anew.
   */
  readonly carried?: Carried;
}

/** The options of {@link compileTraining}. */
export interface CompileTrainingOptions<
  Model extends CompilableModel = CompilableModel,
  Loss extends TraceableLoss = TraceableLoss,
  Metrics extends string = string,
  Carried = unknown,
  Inputs extends readonly InputSpec[] = readonly InputSpec[],
> extends CommonOptions,
    GradientOptions {
  readonly inputs: Inputs;
  /** A module whose `forward(...outputs, ...targets)` returns one number, or a record of numbers of which `loss` is it. */
  readonly loss: Loss;
  /** Makes updates of gradients; made from the model's parameters, as `new optim.SGD(net.parameters(), { lr: 0.1 })`. */
  readonly optimizer: CompilableOptimizer;
  /** Shapes of the targets; by default what the loss wants for the model's output. */
  readonly targets?: readonly TensorSpec[];
  /** Numbers that `step(…, { metrics: true })` gives beside the loss, functions of outputs and targets by name. */
  readonly metrics?: Readonly<Record<Metrics, MetricOf<Model>>>;
  /** The state that `forward` is given last before the first step; see {@link CompileOptions.carried}. */
  readonly carried?: Carried;
  /**
   * How many steps lie between copies of the parameters to the host, for backends whose device may be lost (GPUs); 100
   * by default.
   */
  readonly mirrorEvery?: number;
}

const COMPILE_OPTIONS = {
  ...COMMON_OPTIONS,
  mode: true,
  carried: true,
} satisfies OptionNames<CompileOptions>;

const TRAINING_OPTIONS = {
  ...COMMON_OPTIONS,
  loss: true,
  optimizer: true,
  targets: true,
  metrics: true,
  carried: true,
  clipGradNorm: true,
  clipGradValue: true,
  accumulate: true,
  mirrorEvery: true,
} satisfies OptionNames<CompileTrainingOptions>;

/** What a program gives whose model hands a state of the type `Carried` on. */
type Given<Model extends CompilableModel, Carried> = RunResult<
  unknown extends Carried ? ReturnType<Model["forward"]> : WithoutState<ReturnType<Model["forward"]>>
>;

/**
 * Compiles a model's forward pass. Throws a {@link KilnError} for shapes the model does not accept.
 *
 * ```ts
 * const program = await compile(net, { inputs: [[64, 1, 28, 28]] });
 * const scores = await program.run(images);
 * ```
 */
export async function compile<
  Model extends CompilableModel,
  Inputs extends readonly InputSpec[],
  Carried = unknown,
>(
  model: Model,
  options: CompileOptions<Carried, Inputs>,
): Promise<Program<Given<Model, Carried>, Carried, Fed<Inputs[number]>>> {
  checkModel("compile", model);
  checkOptionNames("compile", options, COMPILE_OPTIONS);
  const signature = readSignature(options.inputs);
  const inputs = signature.types;
  const dynamic = readDynamicShapes(options);
  const { mode = "eval" } = options;
  if (mode !== "eval" && mode !== "train")
    throw new KilnError(`mode must be eval or train, not ${JSON.stringify(mode)}`);
  const training = mode === "train";
  const { build, buildOptions, usableBackend, warnOfMistakes } = await compiler();
  const { Program } = await import("./runtime/programs/program.ts");
  const backend = await usableBackend(options.backend, options);
  const seed = programSeed();
  const state = ModelState.for(tensorsOf(model));
  const carried = await carriedIn("compile", options);
  await settled(tensorsOf(model));
  const common = await buildOptions(backend, options);
  const what = training ? "forward pass in training mode" : "forward pass";
  const specialization: CompileSpecialization = async (shapes, why, previous) => {
    const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
    const begin = performance.now();
    const passed = { carried: carried?.tree, arrange: signature.arrange };
    const trace = inMode(model, training, () => traceModel(model, types, passed));
    if (options.warnings !== false) warnOfMistakes(model, trace);
    if (previous?.isOf(trace)) return previous;
    return build(backend, state, trace, begin, { what, why }, common);
  };
  const main = await state.enqueue(() => specialization(inputs.map(({ shape }) => shape)));
  return new Program(main, inputs, state, specialization, seed, dynamic, { carried, signature });
}

/**
 * Compiles a training step: forward in training mode, loss, backward and the optimizer's update.
 *
 * ```ts
 * const trainer = await compileTraining(net, {
 *   inputs: [[64, 1, 28, 28]],
 *   loss: new nn.CrossEntropyLoss(),
 *   optimizer: new optim.AdamW(net.parameters(), { lr: 1e-3 }),
 * });
 * const loss = await trainer.step(images, labels);
 * ```
 */
export async function compileTraining<
  Model extends CompilableModel,
  Loss extends TraceableLoss,
  Inputs extends readonly InputSpec[],
  Metrics extends string = never,
  Carried = unknown,
>(
  model: Model,
  options: CompileTrainingOptions<Model, Loss, Metrics, Carried, Inputs>,
): Promise<Trainer<DetailOf<Model, Loss, Metrics, Carried>, Carried, Fed<Inputs[number]> | Labels>> {
  checkModel("compileTraining", model);
  checkOptionNames("compileTraining", options, TRAINING_OPTIONS);
  checkLoss("compileTraining", options.loss);
  checkOptimizer(options.optimizer);
  const signature = readSignature(options.inputs);
  const inputs = signature.types;
  const dynamic = readDynamicShapes(options);
  const { buildOptions, usableBackend } = await compiler();
  const { TrainingCompiler } = await import("./driver/training.ts");
  const { Trainer } = await import("./runtime/programs/trainer.ts");
  const backend = await usableBackend(options.backend, options);
  const givenTargets = options.targets && readTypes(options.targets, "targets");
  const state = ModelState.for(tensorsOf(model));
  const { optimizer, mirrorEvery = 100 } = options;
  if (!Number.isInteger(mirrorEvery) || mirrorEvery < 1) {
    throw new KilnError(`mirrorEvery must be a whole number of at least 1, not ${mirrorEvery}`);
  }
  const common = await buildOptions(backend, options);
  checkMetrics(options.metrics);
  const carried = await carriedIn("compileTraining", options);
  // What a metric is given is what the model and its targets are: the types of its parameters say so to its writer.
  const metrics = options.metrics as StepParts["metrics"];
  const request = {
    model,
    options: { ...options, metrics },
    backend,
    state,
    common,
    inputs,
    dynamic,
    givenTargets,
    carried,
    signature,
  };
  const steps = new TrainingCompiler(request);
  await steps.settle();
  const seed = programSeed();
  const first = await state.enqueue(() => steps.step());
  const accumulation = await state.enqueue(() => steps.accumulation(first));
  const settings = { seed, mirrorEvery, metrics: Object.keys(options.metrics ?? {}), carried, signature };
  return new Trainer(first, steps, state, optimizer, settings, accumulation);
}

/** The options of {@link compileStep}. */
export interface CompileStepOptions<Inputs extends readonly Tensor[]> extends Omit<CommonOptions, "inputs"> {
  /** The modules that the step works with, by the names that their parameters are to have in its graph. */
  readonly modules: Readonly<Record<string, CompilableModel>>;
  /** Shapes of what the step is given, one for each of its parameters. */
  readonly inputs: { readonly [Position in keyof Inputs]: TensorSpec };
}

const STEP_OPTIONS = { ...COMMON_OPTIONS, modules: true } satisfies OptionNames<CompileStepOptions<[]>>;

/**
 * Compiles a whole training step that is written as for interactive use: a function that computes losses, calls their
 * `backward()`, has optimizers `step()` and returns tensors, or nothing. It is traced once for each set of shapes, so all
 * that depends on the batch must be tensors. What it computes after an optimizer's step uses the new parameters, so that a
 * GAN's step is one program. Modules are in the modes that they have now; gradients do not outlive a run.
 *
 * ```ts
 * const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
 * const train = (x: Tensor, y: Tensor) => {
 *   optimizer.zeroGrad();
 *   const loss = F.crossEntropy(net.forward(x), y);
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * };
 * const inputs = [[64, 1, 28, 28], { shape: [64], dtype: "int32" }] as const;
 * const step = await compileStep(train, { modules: { net }, inputs: [...inputs] });
 * const loss = await step.run(images, tensor(labels, { dtype: "int32" }));
 * ```
 */
export async function compileStep<Inputs extends Tensor[], Result>(
  step: (...inputs: Inputs) => Result,
  options: CompileStepOptions<Inputs>,
): Promise<CompiledStep<Inputs, Result>> {
  checkStep(step);
  checkOptionNames("compileStep", options, STEP_OPTIONS);
  checkModules("compileStep", options.modules);
  const inputs = readTypes(options.inputs, "inputs");
  checkInputCount(step, inputs.length);
  const dynamic = readDynamicShapes({ ...options, inputs: [] });
  const { buildOptions, usableBackend } = await compiler();
  const { StepCompiler } = await import("./driver/step.ts");
  const { CompiledStep } = await import("./runtime/programs/compiled-step.ts");
  const backend = await usableBackend(options.backend, options);
  const bundle = new Bundle(options.modules);
  const state = ModelState.for(tensorsOf(bundle));
  const common = await buildOptions(backend, { ...options, inputs: [] });
  const written = step as unknown as TraceableStep;
  const { warnings } = options;
  const steps = new StepCompiler({
    step: written,
    bundle,
    backend,
    state,
    common,
    inputs,
    dynamic,
    warnings,
  });
  await steps.settle();
  const seed = programSeed();
  const first = await state.enqueue(() => steps.variant());
  return new CompiledStep<Inputs, Result>(first, steps, state, seed);
}

/** What the option `carried` gives. */
const carriedIn = async <Carried>(
  callee: string,
  { carried }: { readonly carried?: Carried },
): Promise<CarriedState<Carried> | undefined> =>
  carried === undefined ? undefined : CarriedState.from(callee, carried);

/** A backend, whether it can run here, and why or why not. */
export interface BackendStatus extends Availability {
  /** What `backend` calls it. */
  readonly name: BackendName;
}

/** Every backend, whether it can run here, and why or why not. */
export async function backends(): Promise<readonly BackendStatus[]> {
  return Promise.all(
    BACKEND_NAMES.map(async (name) => ({ name, ...(await (await backendNamed(name)).available()) })),
  );
}

const tensorsOf = (model: Traceable): Tensor[] =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);

/** Programs of lazy tensors have no states of their own; their arenas lie in one memory. */
const lazyState = new ModelState();

injectEvaluator(
  new LazyEvaluator(async (trace, asked) => {
    const { build, usableBackend } = await compiler();
    return build(await usableBackend(), lazyState, trace, performance.now(), asked, {});
  }),
);

injectDifferentiator(differentiatorWith(cotangents));
