/**
 * The driver: traces a model, runs the passes, has a backend load the result, and hands out programs. The
 * one place in `src` that knows passes and backends; it also evaluates lazy tensors through the same way.
 */

import type { Availability, Backend, BackendOptions, Executable } from "../backends/backend.ts";
import { BACKENDS, backendNamed, DEFAULT_BACKEND } from "../backends/registry.ts";
import { accumulatedGradients } from "../passes/accumulate-gradients.ts";
import { autodiff } from "../passes/autodiff.ts";
import { contestsOf } from "../passes/contests.ts";
import { PassManager } from "../passes/manager.ts";
import type { StageInfo } from "../passes/pass.ts";
import { lowerTraced, type PipelineOptions, planLowered, STAGES } from "../passes/pipeline.ts";
import type { DType } from "./core/dtype.ts";
import { KilnError } from "./core/errors.ts";
import type { IndexLimit } from "./core/index-limit.ts";
import type { Shape } from "./core/shape.ts";
import type { StageDump } from "./ir/artifact.ts";
import type { Graph, TensorType, Value } from "./ir/types.ts";
import { accumulatedName, type StepUpdate } from "./ir/update.ts";
import type { TunedKernel } from "./loop/contest.ts";
import type { ProgramPlan } from "./loop/plan.ts";
import { type Compilation, kernelInfos, memoryInfo } from "./runtime/figures.ts";
import { LazyEvaluator } from "./runtime/lazy-evaluator.ts";
import { ModelState, settled } from "./runtime/model-state.ts";
import { Program } from "./runtime/program.ts";
import { type StepSource, Trainer } from "./runtime/trainer.ts";
import {
  type GradientOptions,
  type GroupedRules,
  planTraining,
  type TrainingPlan,
} from "./runtime/training-plan.ts";
import { type CompileVariant, Variant } from "./runtime/variant.ts";
import { backwardWith } from "./tensor/backward.ts";
import { injectBackward, injectEvaluator } from "./tensor/context.ts";
import { programSeed } from "./tensor/random.ts";
import type { Tensor } from "./tensor/tensor.ts";
import { type Trace, type Traceable, type TraceableLoss, traceLoss, traceModel } from "./trace/trace.ts";
import { choicesOf, type TuneOptions, type Tuner, tunerFor } from "./tuning/tuner.ts";

/** A shape, float32 unless told otherwise. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype?: DType };

/** A model as the driver sees it. */
export interface CompilableModel extends Traceable {
  readonly training: boolean;
  train(mode?: boolean): unknown;
}

/** An optimizer as the driver sees it: rules to compile and the values of their scalars. */
export interface CompilableOptimizer extends StepSource, GroupedRules {
  readonly paramGroups: GroupedRules["paramGroups"];
}

interface CommonOptions {
  /** Shapes of the inputs, the batch first. */
  readonly inputs: readonly InputSpec[];
  /** `wasm` unless told otherwise; `backends()` lists what can run here. */
  readonly backend?: string;
  /** How many threads the program may use: as many as there are processors unless told. The bits do not depend on it. */
  readonly threads?: number;
  /** Whether the bits must be the same on every engine; costs the multiply-add that some engines have. */
  readonly deterministic?: boolean;
  /** Forces one scheduling strategy wherever it matches; for tests and experiments. */
  readonly strategy?: string;
  /**
   * Whether convolutions may be computed by Winograd's method where that is faster, as they may unless told: its results
   * differ from exact ones by up to 1e-5 of the largest (weight gradients: 5e-5), direct sums by about 1e-6.
   */
  readonly winograd?: boolean;
  /**
   * Measures the ways to run each kernel on this machine, takes the fastest and remembers it for the next time. Ways
   * differ in the order of sums, and so in rounding.
   */
  readonly tune?: boolean | TuneOptions;
}

/** What a program is built with besides its graph. */
interface BuildOptions extends Omit<PipelineOptions, "capabilities"> {
  readonly tuner?: Tuner;
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

/** Compiles a model's forward pass. Throws a {@link KilnError} for shapes the model does not accept. */
export async function compile(model: CompilableModel, options: CompileOptions): Promise<Program> {
  const backend = await usableBackend(options.backend, options);
  const inputs = inputTypes(options.inputs, "inputs");
  const training = (options.mode ?? "eval") === "train";
  const seed = programSeed();
  const state = ModelState.for(tensorsOf(model));
  await settled(tensorsOf(model));
  const common = await buildOptions(backend, options);
  const variant: CompileVariant = async (shapes) => {
    const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
    const begin = performance.now();
    const trace = inMode(model, training, () => traceModel(model, types));
    return build(backend, state, trace, begin, common);
  };
  const main = await state.enqueue(() => variant(inputs.map(({ shape }) => shape)));
  return new Program(main, inputs, state, variant, seed);
}

/** Compiles a training step: forward in training mode, loss, backward and the optimizer's update. */
export async function compileTraining(
  model: CompilableModel,
  options: CompileTrainingOptions,
): Promise<Trainer> {
  const backend = await usableBackend(options.backend, options);
  const inputs = inputTypes(options.inputs, "inputs");
  const givenTargets = options.targets && inputTypes(options.targets, "targets");
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
    async (shapes) => {
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
      return build(backend, state, known, begin, { ...common, ...gradients });
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
  return build(backend, state, known, begin, { ...common, update: { ...update, origins } });
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

async function usableBackend(
  name: string = DEFAULT_BACKEND,
  { threads, deterministic }: BackendOptions = {},
): Promise<Backend> {
  const backend = backendNamed(name).configured({
    ...(threads !== undefined && { threads }),
    ...(deterministic !== undefined && { deterministic }),
  });
  const { available, reason } = await backend.available();
  if (!available) throw new KilnError(`the backend ${name} cannot run here: ${reason}`);
  return backend;
}

function inputTypes(specs: readonly InputSpec[], what: string): TensorType[] {
  if (!Array.isArray(specs))
    throw new KilnError(`${what} must be a list of shapes, such as [[64, 1, 32, 32]]`);
  return specs.map((spec: InputSpec) => {
    const [shape, dtype] =
      "shape" in spec ? [spec.shape, spec.dtype ?? "float32"] : [spec, "float32" as const];
    if (!Array.isArray(shape) || shape.some((extent) => !Number.isInteger(extent) || extent < 1)) {
      throw new KilnError(
        `${what} must hold shapes of positive whole numbers, such as [64, 1, 32, 32], not ${JSON.stringify(spec)}`,
      );
    }
    return { shape, dtype };
  });
}

/** What the user's options say about every program that is built from them. */
async function buildOptions(
  backend: Backend,
  { strategy, tune, winograd }: CommonOptions,
): Promise<BuildOptions> {
  const allowed = winograd === undefined ? {} : { winograd };
  if (strategy === undefined && !tune) return allowed;
  if (strategy === undefined) return { ...allowed, tuner: await tunerFor(backend, tune) };
  if (tune) throw new KilnError("give either strategy or tune: a forced strategy leaves nothing to choose");
  return { ...allowed, strategy };
}

function inMode<T>(model: CompilableModel, training: boolean, body: () => T): T {
  const before = model.training;
  model.train(training);
  try {
    return body();
  } finally {
    model.train(before);
  }
}

const statesOf = (optimizer: CompilableOptimizer): Tensor[] =>
  optimizer.paramGroups.flatMap(({ params }) => params.flatMap((p) => Object.values(optimizer.stateOf(p))));

const tensorsOf = (model: Traceable): Tensor[] =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);

/** From trace to variant: passes, states, backend. */
async function build(
  backend: Backend,
  state: ModelState,
  trace: Trace,
  begin: number,
  options: BuildOptions,
): Promise<Variant> {
  const layouts = state.layoutsOn(backend, trace.states);
  const tracing = performance.now() - begin;
  const { plan, manager, tuned } = await runPasses(backend, STAGES[0], trace.graph, tracing, {
    ...options,
    layouts,
  });
  const cells = await state.attach(
    backend,
    plan.states.map((spec) => ({ ...spec, tensor: trace.states.get(spec.name)! })),
  );
  const bound = { ...plan, states: plan.states.map((spec, k) => ({ ...spec, name: cells[k].id })) };
  const memory = state.memoryOn(backend);
  const printing = performance.now();
  const executable = await backend.compile(bound, memory);
  const milliseconds = performance.now() - printing;
  return new Variant(
    {
      plan,
      executable,
      memory,
      cells,
      limits: indexLimits(trace.graph),
      milliseconds: performance.now() - begin,
      tuned,
      stages: () => [...manager.stages(), sourceStage(plan, executable, milliseconds)],
    },
    state,
  );
}

/** From graph to plan; the manager has what every pass made. */
async function runPasses(
  backend: Backend,
  start: StageInfo,
  graph: Graph,
  milliseconds: number,
  { tuner, ...options }: BuildOptions,
): Promise<{
  readonly plan: ProgramPlan;
  readonly manager: PassManager;
  readonly tuned: readonly TunedKernel[];
}> {
  const manager = new PassManager();
  manager.start(start, graph, milliseconds);
  const { capabilities } = backend;
  const lowered = lowerTraced(manager, graph, { capabilities, ...options });
  const tuned =
    tuner === undefined ? [] : await tuner.tune(contestsOf(lowered, capabilities, options.winograd));
  const plan = planLowered(manager, lowered, { capabilities, ...options, choices: choicesOf(tuned) });
  return { plan, manager, tuned };
}

const sourceStage = (plan: ProgramPlan, { sources }: Executable, milliseconds: number): StageDump => ({
  ...STAGES[STAGES.length - 1],
  artifact: plan,
  text: sources.map(({ text }) => text).join("\n\n"),
  unchanged: false,
  milliseconds,
});

/** A graph that no model stands behind, such as one read from a dump. */
export interface GraphOptions {
  readonly backend?: string;
  /** The stage that the graph is the result of; the passes behind that stage run. */
  readonly start: StageInfo;
  /** How to make a training step of it; absent when it is compiled as it stands. */
  readonly training?: { readonly gradientsFor: readonly string[]; readonly update: StepUpdate };
}

/** Takes a graph through the rest of the pipeline, to code. There are no values to run it on: it is for looking at. */
export async function compileGraph(graph: Graph, options: GraphOptions): Promise<Compilation> {
  const backend = await usableBackend(options.backend);
  const { start, training } = options;
  const { plan, manager } = await runPasses(backend, start, graph, 0, { after: start.name, ...training });
  const begin = performance.now();
  const memory = backend.createStateMemory();
  memory.allocate(plan.states);
  const executable = await backend.compile(plan, memory);
  const source = sourceStage(plan, executable, performance.now() - begin);
  await executable.dispose();
  return {
    backend: executable.backend,
    stages: [...manager.stages(), source],
    plan,
    kernels: kernelInfos(plan, executable.sources),
    memory: memoryInfo(plan),
  };
}

/** What inputs may hold that name classes of a loss or rows of an embedding. */
function indexLimits(graph: Graph): ReadonlyMap<string, IndexLimit> {
  const limits = new Map<string, IndexLimit>();
  for (const { op, inputs, attrs } of graph.nodes) {
    const { shape } = inputs[0]?.type ?? { shape: [] };
    const ignored = attrs.ignoreIndex === undefined ? {} : { ignoreIndex: attrs.ignoreIndex as number };
    const limit = (index: Value, of: IndexLimit["of"], below: number): void => {
      const base = index.kind === "node" && index.op === "reshape" ? index.inputs[0] : index;
      if (base.kind === "input") limits.set(base.name, { of, below, ...ignored });
    };
    if (op === "one_hot") limit(inputs[0], "class", attrs.classes as number);
    if (op === "nll_loss") limit(inputs[1], "class", shape[shape.length === 1 ? 0 : 1]);
    if (op === "embedding") limit(inputs[1], "row", shape[0]);
  }
  return limits;
}

/** Programs of lazy tensors have no states of their own; their arenas lie in one memory. */
const lazyState = new ModelState();

injectEvaluator(
  new LazyEvaluator(async (trace) => build(await usableBackend(), lazyState, trace, performance.now(), {})),
);

injectBackward(backwardWith((graph, states) => autodiff(states).run(graph)));
