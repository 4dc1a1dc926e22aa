/**
 * What of the driver its users call. What these functions do lies in `driver/`, which knows passes and backends, and is loaded
 * when something is first compiled; lazy tensors are evaluated through the same way.
 */

import type { Availability } from "../backends/backend.ts";
import { BACKEND_NAMES, type BackendName, backendNamed } from "../backends/registry.ts";
import { cotangents } from "../passes/graph/autodiff.ts";
import type {
  CompilableModel,
  CompileOptions,
  CompileStepOptions,
  CompileTrainingOptions,
  Given,
} from "./driver/program-options.ts";
import type { CompiledStep } from "./runtime/programs/compiled-step.ts";
import { LazyEvaluator } from "./runtime/programs/lazy-evaluator.ts";
import type { Program } from "./runtime/programs/program.ts";
import type { Fed, InputSpec } from "./runtime/programs/signature.ts";
import type { DetailOf } from "./runtime/programs/step-types.ts";
import type { Trainer } from "./runtime/programs/trainer.ts";
import { differentiatorWith } from "./tensor/backward.ts";
import { injectDifferentiator, injectEvaluator } from "./tensor/context.ts";
import type { Labels } from "./tensor/labels.ts";
import type { Tensor } from "./tensor/tensor.ts";
import type { TraceableLoss } from "./trace/trace.ts";

export type { CommonOptions, TuneOptions } from "./driver/build.ts";
export type {
  CompilableModel,
  CompilableOptimizer,
  CompileOptions,
  CompileStepOptions,
  CompileTrainingOptions,
} from "./driver/program-options.ts";
export type { BackendName };

const programs = () => import("./driver/programs.ts");

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
  return (await programs()).compile(model, options);
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
  return (await programs()).compileTraining(model, options);
}

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
  return (await programs()).compileStep(step, options);
}

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

injectEvaluator(new LazyEvaluator(async (trace, asked) => (await programs()).compileLazy(trace, asked)));

injectDifferentiator(differentiatorWith(cotangents));
