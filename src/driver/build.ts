/**
 * From a traced graph to a program that runs: the passes in order, the model's states, the backend that loads the code.
 */

import type { Backend, BackendOptions, Executable } from "../../backends/backend.ts";
import { type BackendName, backendNamed, DEFAULT_BACKEND } from "../../backends/registry.ts";
import { withIndexChecks } from "../../passes/graph/index-checks.ts";
import { PassManager } from "../../passes/manager.ts";
import type { StageInfo } from "../../passes/pass.ts";
import { lowerTraced, type PipelineOptions, planLowered, STAGES } from "../../passes/pipeline.ts";
import { tuningTasksOf } from "../../passes/tuning-tasks.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import type { StageDump } from "../ir/artifact.ts";
import type { Graph } from "../ir/types.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { TunedKernel } from "../loop/tuning-task.ts";
import { type Asked, logCompilation } from "../runtime/inspection/compile-log.ts";
import { currentDebug } from "../runtime/inspection/debug.ts";
import { checkWatch, type Watch } from "../runtime/inspection/nan-watch.ts";
import type { InputSpec } from "../runtime/programs/signature.ts";
import { Specialization } from "../runtime/programs/specialization.ts";
import type { DynamicShapes } from "../runtime/programs/specialization-cache.ts";
import { BoundStates } from "../runtime/state/bound-states.ts";
import type { ModelState } from "../runtime/state/model-state.ts";
import type { Trace } from "../trace/trace.ts";
import { choicesOf, type TuneOptions, type Tuner, tunerFor } from "../tuning/tuner.ts";

export type { BackendName, TuneOptions };

/** The options of all kinds of programs. */
export interface CommonOptions {
  /** Shapes of the inputs, the batch first; see {@link InputSpec} for arguments of `forward` other than tensors. */
  readonly inputs: readonly InputSpec[];
  /**
   * Which dimensions of the inputs may differ from call to call: `any` by default, or only the `batch` (dimension 0 of
   * all inputs that agree there), or `none`. New shapes are compiled for when they are first fed.
   */
  readonly dynamicShapes?: DynamicShapes["dimensions"];
  /** How many programs for other shapes than `inputs` are kept, the most recently used: 8 by default. */
  readonly maxPrograms?: number;
  /** `wasm` by default; `backends()` lists what can run here. A backend that is not part of Kiln is passed itself. */
  readonly backend?: BackendName | Backend;
  /** How many threads the program may use: as many as there are processors by default. The bits do not depend on it. */
  readonly threads?: number;
  /** Whether the bits must be the same on every engine; forgoes the multiply-add that some engines have. */
  readonly deterministic?: boolean;
  /** Forces one scheduling strategy wherever it matches; for tests and experiments. */
  readonly strategy?: string;
  /**
   * Whether convolutions may be computed by Winograd's method if that is faster (the default): its results
   * differ from exact ones by up to 1e-5 of the largest (weight gradients: 5e-5), direct sums by about 1e-6. Outliers,
   * infinities and NaN change only outputs whose window contains them; `docs/tuning.md` gives the guarantees.
   */
  readonly winograd?: boolean;
  /**
   * Measures the ways to run each kernel on this machine, uses the fastest and remembers it for the next time. They
   * differ in the order of sums, and so in rounding.
   */
  readonly tune?: boolean | TuneOptions;
  /**
   * `"nan"` examines what every kernel has stored before the next one runs. The first NaN is an error that names the
   * kernel, the element and the model's line, and nothing is updated. Runs take several times as long.
   */
  readonly watch?: Watch;
  /**
   * Whether likely mistakes in a model are reported on the console, once for each class: layers that are not
   * found, fields that are never used, conditions on tensors (`docs/check.md`). True by default.
   */
  readonly warnings?: boolean;
}

/** What a program is built with besides its graph. */
export interface BuildOptions extends Omit<PipelineOptions, "capabilities"> {
  readonly tuner?: Tuner;
  readonly watch?: Watch;
}

/** The backend of that name, configured as asked. Throws if it cannot run here, with what is missing. */
export async function usableBackend(
  wanted: string | Backend = DEFAULT_BACKEND,
  { threads, deterministic }: BackendOptions = {},
): Promise<Backend> {
  const backend = (isBackend(wanted) ? wanted : await backendNamed(wanted)).configured({
    ...(threads !== undefined && { threads }),
    ...(deterministic !== undefined && { deterministic }),
  });
  const { available, reason } = await backend.available();
  if (!available) throw new KilnError(`the backend ${backend.name} cannot run here: ${reason}`);
  return backend;
}

const isBackend = (value: string | Backend): value is Backend =>
  typeof value === "object" && value !== null && typeof value.configured === "function";

const TUNE_OPTIONS = { milliseconds: true, file: true } satisfies OptionNames<TuneOptions>;

/** The user's options that apply to every program that is built from them. */
export async function buildOptions(
  backend: Backend,
  { strategy, tune, winograd, watch }: CommonOptions,
): Promise<BuildOptions> {
  checkWatch(watch);
  if (typeof tune === "object") checkOptionNames("tune", tune, TUNE_OPTIONS);
  const allowed = { ...(winograd !== undefined && { winograd }), ...(watch !== undefined && { watch }) };
  if (strategy === undefined && !tune) return allowed;
  if (strategy === undefined) return { ...allowed, tuner: await tunerFor(backend, tune) };
  if (tune) throw new KilnError("give either strategy or tune: a forced strategy leaves nothing to choose");
  return { ...allowed, strategy };
}

/** From trace to specialization: passes, states, backend. `begin` is when tracing began. */
export async function build(
  backend: Backend,
  state: ModelState,
  trace: Trace,
  begin: number,
  asked: Asked,
  { watch, ...options }: BuildOptions,
): Promise<Specialization> {
  const checked = withIndexChecks(trace.graph);
  const layouts = state.layoutsOn(backend, trace.states);
  const tracing = performance.now() - begin;
  const { plan, manager, tuned } = await runPasses(backend, STAGES[0], checked.graph, tracing, {
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
  const specialization = new Specialization({
    plan,
    executable,
    states: new BoundStates(state, memory, cells, plan, trace.parameters),
    limits: checked.fed,
    computedLimits: checked.computed,
    milliseconds: performance.now() - begin,
    tuned,
    stages: () => [...manager.stages(), sourceStage(plan, executable, milliseconds)],
    what: asked.what,
    trace,
    watch,
  });
  const debug = currentDebug();
  if (debug !== undefined) logCompilation(debug, asked, specialization);
  return specialization;
}

/** From graph to plan; the manager has the results of all passes. */
export async function runPasses(
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
  const manager = new PassManager("plan");
  manager.start(start, graph, milliseconds);
  const { capabilities } = backend;
  const lowered = lowerTraced(manager, graph, { capabilities, ...options });
  const tuned = (await tuner?.tune(tuningTasksOf(lowered, capabilities, options.winograd))) ?? [];
  const chosen = { capabilities, ...options, ...(tuner && { choices: choicesOf(tuned) }) };
  // The plan is proved in any case: its candidates need proofs of their own only if that fails.
  const plan =
    manager.attempt(() => planLowered(manager, lowered, { ...chosen, unproved: true })) ??
    planLowered(manager, lowered, chosen);
  return { plan, manager, tuned };
}

export const sourceStage = (plan: ProgramPlan, { sources }: Executable, milliseconds: number): StageDump => ({
  ...STAGES[STAGES.length - 1],
  artifact: plan,
  text: sources.map(({ text }) => text).join("\n\n"),
  unchanged: false,
  milliseconds,
});
