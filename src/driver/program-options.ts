/** The options and results of `compile`, `compileTraining` and `compileStep`. */

import type { OptionNames } from "../core/option-names.ts";
import type { RunResult, WithoutState } from "../runtime/programs/program.ts";
import type { InputSpec, TensorSpec } from "../runtime/programs/signature.ts";
import type { MetricOf } from "../runtime/programs/step-types.ts";
import type { StepSource } from "../runtime/programs/trainer.ts";
import type { GradientOptions, GroupedRules } from "../runtime/programs/training-plan.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Moded } from "../trace/mode.ts";
import type { TraceableLoss } from "../trace/trace.ts";
import type { CommonOptions } from "./build.ts";
import { COMMON_OPTIONS } from "./options.ts";

/** A model as the driver sees it. */
export interface CompilableModel extends Moded {}

/** An optimizer as the driver sees it: rules to compile and the values of their scalars. */
export interface CompilableOptimizer extends StepSource, GroupedRules {
  /** The groups of its parameters, each with its rule and its learning rate. */
  readonly paramGroups: GroupedRules["paramGroups"];
}

/** The options of {@link compile}. */
export interface CompileOptions<Carried = unknown, Inputs extends readonly InputSpec[] = readonly InputSpec[]>
  extends CommonOptions {
  readonly inputs: Inputs;
  /** `eval` (default) or `train`: which behaviour of layers such as dropout is compiled. */
  readonly mode?: "eval" | "train";
  /**
   * A tensor, or tensors in lists and records, that is the last argument of `forward` and is passed on: `forward`
   * returns a list that ends with the next state, `[out, [h, c]]`, which is the argument of the next run, without its
   * history. A run returns the rest. `resetCarried()` starts again.
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
  /** A module whose `forward(...outputs, ...targets)` returns one number, or a record of numbers whose `loss` it is. */
  readonly loss: Loss;
  /**
   * Makes updates from gradients; constructed with the model's
   * parameters, as `new optim.SGD(net.parameters(), { lr: 0.1 })`.
   */
  readonly optimizer: CompilableOptimizer;
  /** Shapes of the targets; by default what the loss wants for the model's output. */
  readonly targets?: readonly TensorSpec[];
  /**
   * Numbers that `step(…, { metrics: true })` returns in addition
   * to the loss, functions of outputs and targets by name.
   */
  readonly metrics?: Readonly<Record<Metrics, MetricOf<Model>>>;
  /** The state that is the last argument of `forward` in the first step; see {@link CompileOptions.carried}. */
  readonly carried?: Carried;
  /**
   * The number of steps between copies of the parameters to the host, for backends whose device may be lost (GPUs); 100
   * by default.
   */
  readonly mirrorEvery?: number;
}

/** The options of {@link compileStep}. */
export interface CompileStepOptions<Inputs extends readonly Tensor[]> extends Omit<CommonOptions, "inputs"> {
  /** The modules that the step uses, with the names that their parameters get in its graph. */
  readonly modules: Readonly<Record<string, CompilableModel>>;
  /** The shapes of the step's arguments, one for each of its parameters. */
  readonly inputs: { readonly [Position in keyof Inputs]: TensorSpec };
}

/** The result of a program whose model passes on a state of the type `Carried`. */
export type Given<Model extends CompilableModel, Carried> = RunResult<
  unknown extends Carried ? ReturnType<Model["forward"]> : WithoutState<ReturnType<Model["forward"]>>
>;

export const COMPILE_OPTIONS = {
  ...COMMON_OPTIONS,
  mode: true,
  carried: true,
} satisfies OptionNames<CompileOptions>;

export const TRAINING_OPTIONS = {
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

export const STEP_OPTIONS = { ...COMMON_OPTIONS, modules: true } satisfies OptionNames<
  CompileStepOptions<[]>
>;
