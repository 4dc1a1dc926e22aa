/**
 * The driver: traces a model, runs the passes, has a backend load the result, and hands out programs. The
 * one place in `src` that knows passes and backends; it also evaluates lazy tensors through the same way.
 */

import type { Availability, Backend } from "../backends/backend.ts";
import { BACKENDS, backendNamed, DEFAULT_BACKEND } from "../backends/registry.ts";
import { PassManager } from "../passes/manager.ts";
import { type PipelineOptions, runPipeline, STAGES } from "../passes/pipeline.ts";
import type { DType } from "./core/dtype.ts";
import { KilnError } from "./core/errors.ts";
import type { Shape } from "./core/shape.ts";
import type { Graph, TensorType } from "./ir/types.ts";
import type { UpdateRule } from "./ir/update.ts";
import { LazyEvaluator } from "./runtime/lazy-evaluator.ts";
import { ModelState, type StateRequest } from "./runtime/model-state.ts";
import { Program } from "./runtime/program.ts";
import { type ScalarSource, Trainer } from "./runtime/trainer.ts";
import { type CompileVariant, Variant } from "./runtime/variant.ts";
import { injectEvaluator } from "./tensor/context.ts";
import type { Tensor } from "./tensor/tensor.ts";
import { type Trace, type Traceable, type TraceableLoss, traceLoss, traceModel } from "./trace/trace.ts";

/** A shape, float32 unless told otherwise. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype?: DType };

/** A model as the driver sees it. */
export interface CompilableModel extends Traceable {
  readonly training: boolean;
  train(mode?: boolean): unknown;
}

/** An optimizer as the driver sees it: a rule to compile and the values of its scalars. */
export interface CompilableOptimizer extends ScalarSource {
  readonly rule: UpdateRule;
  /** What it trains; the model's other parameters stay as they are. */
  readonly parameters: readonly Tensor[];
}

interface CommonOptions {
  /** Shapes of the inputs, the batch first. */
  readonly inputs: readonly InputSpec[];
  /** `js` unless told otherwise; `backends()` lists what can run here. */
  readonly backend?: string;
  /** Forces one scheduling strategy wherever it matches; for tests and experiments. */
  readonly strategy?: string;
}

export interface CompileOptions extends CommonOptions {
  /** `eval` (default) or `train`: which behaviour of layers such as dropout is compiled. */
  readonly mode?: "eval" | "train";
}

export interface CompileTrainingOptions extends CommonOptions {
  readonly loss: TraceableLoss;
  readonly optimizer: CompilableOptimizer;
  /** Shapes of the targets; by default what the loss wants for the model's output. */
  readonly targets?: readonly InputSpec[];
}

/** Compiles a model's forward pass. Throws a {@link KilnError} for shapes the model does not accept. */
export async function compile(model: CompilableModel, options: CompileOptions): Promise<Program> {
  const backend = usableBackend(options.backend);
  const inputs = inputTypes(options.inputs, "inputs");
  const training = (options.mode ?? "eval") === "train";
  const state = ModelState.for(tensorsOf(model));
  const variant: CompileVariant = async (shapes) => {
    const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
    const begin = performance.now();
    const trace = inMode(model, training, () => traceModel(model, types));
    return build(backend, state, trace, begin, pipelineOptions(options));
  };
  const main = await state.enqueue(() => variant(inputs.map(({ shape }) => shape)));
  return new Program(main, inputs, state, variant);
}

/** Compiles a training step: forward in training mode, loss, backward and the optimizer's update. */
export async function compileTraining(
  model: CompilableModel,
  options: CompileTrainingOptions,
): Promise<Trainer> {
  const backend = usableBackend(options.backend);
  const inputs = inputTypes(options.inputs, "inputs");
  const givenTargets = options.targets && inputTypes(options.targets, "targets");
  const state = ModelState.for(tensorsOf(model));
  const { optimizer, loss } = options;
  let allInputs: readonly TensorType[] = [];
  const variantWith =
    (update: UpdateRule | undefined): CompileVariant =>
    async (shapes) => {
      const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
      const targets = givenTargets?.map((type, k) => ({
        ...type,
        shape: shapes[inputs.length + k] ?? type.shape,
      }));
      const begin = performance.now();
      const trace = inMode(model, true, () => traceLoss(model, loss, types, targets));
      allInputs = trace.inputs.map(({ type }) => type);
      const gradientsFor = { gradientsFor: update ? trainedBy(optimizer, trace) : trace.parameters };
      return build(
        backend,
        state,
        trace,
        begin,
        { ...pipelineOptions(options), ...gradientsFor, ...(update && { update }) },
        optimizer,
      );
    };
  const step = variantWith(optimizer.rule);
  const main = await state.enqueue(() => step(inputs.map(({ shape }) => shape)));
  return new Trainer(main, allInputs, state, optimizer, {
    step,
    gradients: variantWith(undefined),
  });
}

export interface BackendStatus extends Availability {
  readonly name: string;
}

/** Every backend, whether it can run here, and why or why not. */
export async function backends(): Promise<readonly BackendStatus[]> {
  return BACKENDS.map((backend) => ({ name: backend.name, ...backend.available() }));
}

function usableBackend(name: string = DEFAULT_BACKEND): Backend {
  const backend = backendNamed(name);
  const { available, reason } = backend.available();
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

/** The names of the optimizer's parameters in the model. */
function trainedBy(optimizer: CompilableOptimizer, trace: Trace): readonly string[] {
  const names = trace.parameters.filter((name) => optimizer.parameters.includes(trace.states.get(name)!));
  if (names.length < optimizer.parameters.length) {
    throw new KilnError(
      `the optimizer holds ${optimizer.parameters.length} parameters, but ${optimizer.parameters.length - names.length} of them are not parameters of this model`,
    );
  }
  return names;
}

const pipelineOptions = ({ strategy }: CommonOptions): Omit<PipelineOptions, "capabilities"> =>
  strategy === undefined ? {} : { strategy };

function inMode<T>(model: CompilableModel, training: boolean, body: () => T): T {
  const before = model.training;
  model.train(training);
  try {
    return body();
  } finally {
    model.train(before);
  }
}

const tensorsOf = (model: Traceable): Tensor[] =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);

/** From trace to variant: passes, states, backend. */
async function build(
  backend: Backend,
  state: ModelState,
  trace: Trace,
  begin: number,
  options: Omit<PipelineOptions, "capabilities">,
  optimizer?: object,
): Promise<Variant> {
  const manager = new PassManager();
  manager.start(STAGES[0], trace.graph, performance.now() - begin);
  const plan = runPipeline(manager, trace.graph, { capabilities: backend.capabilities, ...options });
  const requests = plan.states.map(({ name, dtype, shape }): StateRequest => {
    const tensor = trace.states.get(name);
    const type = { dtype, shape };
    if (tensor !== undefined) return { name, type, owner: tensor, tensor };
    return { name, type, owner: optimizer ?? trace };
  });
  const ids = await state.attach(backend, requests);
  const bound = { ...plan, states: plan.states.map((s) => ({ ...s, name: ids.get(s.name) ?? s.name })) };
  const memory = state.memoryOn(backend);
  const executable = await backend.compile(bound, memory);
  return new Variant(
    {
      plan,
      executable,
      memory,
      cells: state.cellsOf(ids.values()),
      limits: classLimits(trace.graph),
      milliseconds: performance.now() - begin,
      stages: () => [
        ...manager.stages().map(({ name, text }) => ({ name, text })),
        { name: "source", text: executable.sources.map(({ text }) => text).join("\n\n") },
      ],
    },
    state,
  );
}

/** Class targets must lie below the number of classes that the loss sees. */
function classLimits(graph: Graph): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const node of graph.nodes) {
    if (node.op !== "nll_loss") continue;
    const [logp, target] = node.inputs;
    const { shape } = logp.type;
    if (target.kind === "input") limits.set(target.name, shape[shape.length === 1 ? 0 : 1]);
  }
  return limits;
}

injectEvaluator(
  new LazyEvaluator((trace) => build(usableBackend(), new ModelState(), trace, performance.now(), {})),
);
