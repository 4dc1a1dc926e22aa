/**
 * The driver: traces a model, has the passes run and a backend load the result (`driver/`), and hands out programs. It and
 * its folder are what knows passes and backends in `src`; it also evaluates lazy tensors through the same way.
 */

import type { Availability, Backend } from "../backends/backend.ts";
import { BACKENDS } from "../backends/registry.ts";
import { accumulatedGradients } from "../passes/accumulate-gradients.ts";
import { autodiff } from "../passes/autodiff.ts";
import { KilnError } from "./core/errors.ts";
import { checkOptionNames, type OptionNames } from "./core/option-names.ts";
import {
  type BuildOptions,
  build,
  buildOptions,
  type CommonOptions,
  type InputSpec,
  usableBackend,
} from "./driver/build.ts";
import { COMMON_OPTIONS, checkLoss, checkModel, checkOptimizer, readTypes } from "./driver/options.ts";
import { accumulatedName } from "./ir/update.ts";
import { LazyEvaluator } from "./runtime/lazy-evaluator.ts";
import { ModelState, settled } from "./runtime/model-state.ts";
import { Program, type RunResult } from "./runtime/program.ts";
import { type StepSource, Trainer } from "./runtime/trainer.ts";
import {
  type GradientOptions,
  type GroupedRules,
  planTraining,
  type TrainingPlan,
} from "./runtime/training-plan.ts";
import type { CompileVariant, Variant } from "./runtime/variant.ts";
import { backwardWith } from "./tensor/backward.ts";
import { injectBackward, injectEvaluator } from "./tensor/context.ts";
import { programSeed } from "./tensor/random.ts";
import type { Tensor } from "./tensor/tensor.ts";
import { inMode, type Moded } from "./trace/mode.ts";
import { type Trace, type Traceable, type TraceableLoss, traceLoss, traceModel } from "./trace/trace.ts";

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
  const variant: CompileVariant = async (shapes, why) => {
    const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
    const begin = performance.now();
    const trace = inMode(model, training, () => traceModel(model, types));
    return build(backend, state, trace, begin, { what, why }, common);
  };
  const main = await state.enqueue(() => variant(inputs.map(({ shape }) => shape)));
  return new Program(main, inputs, state, variant, seed);
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
  const backend = await usableBackend(options.backend, options);
  const givenTargets = options.targets && readTypes(options.targets, "targets");
  const state = ModelState.for(tensorsOf(model));
  const { optimizer, loss, mirrorEvery = 100 } = options;
  if (!Number.isInteger(mirrorEvery) || mirrorEvery < 1) {
    throw new KilnError(`mirrorEvery must be a whole number of at least 1, not ${mirrorEvery}`);
  }
  await settled([...tensorsOf(model), ...statesOf(optimizer)]);
  const common = await buildOptions(backend, options);
  const seed = programSeed();
  let first: { readonly trace: Trace; readonly plan: TrainingPlan } | undefined;
  const variantWith =
    (isStep: boolean): CompileVariant =>
    async (shapes, why) => {
      const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
      const targets = givenTargets?.map((type, k) => ({
        ...type,
        shape: shapes[inputs.length + k] ?? type.shape,
      }));
      const begin = performance.now();
      const trace = inMode(model, true, () => traceLoss(model, loss, types, targets));
      first ??= { trace, plan: planTraining(optimizer, trace, options) };
      const { update, accumulate, trained, states } = first.plan;
      const gradients = isStep
        ? { gradientsFor: trained, update: accumulate > 1 ? ("accumulate" as const) : update }
        : { gradientsFor: trace.parameters };
      const known = { ...trace, states: new Map([...trace.states, ...states]) };
      const what = isStep ? "training step" : "gradients";
      return build(backend, state, known, begin, { what, why }, { ...common, ...gradients });
    };
  const step = variantWith(true);
  const main = await state.enqueue(() => step(inputs.map(({ shape }) => shape)));
  const { trace, plan } = first!;
  const types = trace.inputs.map(({ type }) => type);
  const compilers = { step, gradients: variantWith(false) };
  const settings = { seed, mirrorEvery };
  if (plan.accumulate === 1) return new Trainer(main, types, state, optimizer, compilers, settings);
  const update = await state.enqueue(() => buildUpdate(backend, state, trace, plan, main, common));
  return new Trainer(main, types, state, optimizer, compilers, settings, { ...plan, update });
}

/** The program that updates the parameters from the sums of their gradients, which `main` writes. */
function buildUpdate(
  backend: Backend,
  state: ModelState,
  trace: Trace,
  { trained, states, update }: TrainingPlan,
  main: Variant,
  common: BuildOptions,
): Promise<Variant> {
  const begin = performance.now();
  const summed = new Set(main.plan.states.map(({ name }) => name));
  const parameters = trained.filter((name) => summed.has(accumulatedName(name)));
  const { graph, origins } = accumulatedGradients(trace.graph, parameters);
  const known = { ...trace, graph, states: new Map([...trace.states, ...states]) };
  const asked = { what: "from summed gradients" };
  return build(backend, state, known, begin, asked, { ...common, update: { ...update, origins } });
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

const statesOf = (optimizer: CompilableOptimizer): Tensor[] =>
  optimizer.paramGroups.flatMap(({ params }) =>
    params
      .filter(({ requiresGrad }) => requiresGrad)
      .flatMap((parameter) => Object.values(optimizer.stateOf(parameter))),
  );

const tensorsOf = (model: Traceable): Tensor[] =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);

/** Programs of lazy tensors have no states of their own; their arenas lie in one memory. */
const lazyState = new ModelState();

injectEvaluator(
  new LazyEvaluator(async (trace, asked) =>
    build(await usableBackend(), lazyState, trace, performance.now(), asked, {}),
  ),
);

injectBackward(backwardWith((graph, states) => autodiff(states).run(graph)));
