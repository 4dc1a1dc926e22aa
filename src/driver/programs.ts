/**
 * The implementation of `compile`, `compileTraining` and `compileStep`, and of
 * computing lazy tensors: traces the model, runs the passes and has a backend load the
 * result. Loaded on the first compilation, since it needs more than half of Kiln.
 */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { Asked } from "../runtime/inspection/compile-log.ts";
import type { CompiledStep } from "../runtime/programs/compiled-step.ts";
import type { Program } from "../runtime/programs/program.ts";
import type { Fed, InputSpec } from "../runtime/programs/signature.ts";
import type { CompileSpecialization, Specialization } from "../runtime/programs/specialization.ts";
import type { DetailOf } from "../runtime/programs/step-types.ts";
import type { Trainer } from "../runtime/programs/trainer.ts";
import { CarriedState } from "../runtime/state/carried-state.ts";
import { ModelState, settled } from "../runtime/state/model-state.ts";
import type { Labels } from "../tensor/labels.ts";
import { programSeed } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Bundle } from "../trace/bundle.ts";
import type { LazyTrace } from "../trace/lazy.ts";
import { inMode } from "../trace/mode.ts";
import {
  type StepParts,
  type Traceable,
  type TraceableLoss,
  type TraceableStep,
  traceModel,
} from "../trace/trace.ts";
import { warnOfMistakes } from "../trace/warnings/warnings.ts";
import { build, buildOptions, usableBackend } from "./build.ts";
import {
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
} from "./options.ts";
import {
  COMPILE_OPTIONS,
  type CompilableModel,
  type CompileOptions,
  type CompileStepOptions,
  type CompileTrainingOptions,
  type Given,
  STEP_OPTIONS,
  TRAINING_OPTIONS,
} from "./program-options.ts";

/** See `compile` in src/compile.ts. */
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
  const { Program } = await import("../runtime/programs/program.ts");
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

/** See `compileTraining` in src/compile.ts. */
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
  const { TrainingCompiler } = await import("./training.ts");
  const { Trainer } = await import("../runtime/programs/trainer.ts");
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
  // A metric's arguments are the outputs and targets: the types of its parameters are the author's claim.
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

/** See `compileStep` in src/compile.ts. */
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
  const { StepCompiler } = await import("./step.ts");
  const { CompiledStep } = await import("../runtime/programs/compiled-step.ts");
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

/** The state of the option `carried`. */
const carriedIn = async <Carried>(
  callee: string,
  { carried }: { readonly carried?: Carried },
): Promise<CarriedState<Carried> | undefined> =>
  carried === undefined ? undefined : CarriedState.from(callee, carried);

const tensorsOf = (model: Traceable): Tensor[] =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);

/** Programs of lazy tensors have no states of their own; their arenas are in one memory. */
const lazyState = new ModelState();

/** A program that computes lazy tensors. */
export const compileLazy = async (trace: LazyTrace, asked: Asked): Promise<Specialization> =>
  build(await usableBackend(), lazyState, trace, performance.now(), asked, {});
