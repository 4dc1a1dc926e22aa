/**
 * Compiles training steps of one model. What a step trains is read from the model each time: which parameters need a
 * gradient, and how many updates each has had.
 */

import type { Backend } from "../../backends/backend.ts";
import { accumulatedGradients } from "../../passes/graph/accumulate-gradients.ts";
import { invariant, KilnError } from "../core/errors.ts";
import type { TensorType } from "../ir/types.ts";
import { accumulatedName } from "../ir/update.ts";
import { type Accumulation, addMissingSums } from "../runtime/programs/accumulation.ts";
import type { Cohort } from "../runtime/programs/cohorts.ts";
import type { Signature } from "../runtime/programs/signature.ts";
import type { CompileSpecialization, Specialization } from "../runtime/programs/specialization.ts";
import type { DynamicShapes } from "../runtime/programs/specialization-cache.ts";
import type { PreparedStep, PreparedUpdate, PrepareStep } from "../runtime/programs/step-programs.ts";
import {
  batchesPerUpdate,
  type GradientOptions,
  type GroupedRules,
  planUpdate,
  trainedBy,
  type UpdatePlan,
} from "../runtime/programs/training-plan.ts";
import type { CarriedState } from "../runtime/state/carried-state.ts";
import { type ModelState, settled } from "../runtime/state/model-state.ts";
import { writesOf } from "../runtime/state/stored-values.ts";
import { inMode, type Moded } from "../trace/mode.ts";
import { type StepParts, type Trace, type TraceableLoss, traceLoss } from "../trace/trace.ts";
import { warnOfMistakes } from "../trace/warnings/warnings.ts";
import { type BuildOptions, build } from "./build.ts";

/** The checked options of a training. */
export interface TrainingRequest {
  readonly model: Moded;
  readonly options: GradientOptions & {
    readonly loss: TraceableLoss;
    readonly optimizer: GroupedRules;
    readonly metrics: StepParts["metrics"];
    readonly warnings?: boolean;
  };
  readonly backend: Backend;
  readonly state: ModelState;
  readonly common: BuildOptions;
  readonly inputs: readonly TensorType[];
  readonly dynamic: DynamicShapes;
  readonly givenTargets: readonly TensorType[] | undefined;
  readonly carried: CarriedState | undefined;
  readonly signature: Signature;
}

export class TrainingCompiler implements PrepareStep {
  private readonly request: TrainingRequest;
  private readonly accumulate: number;
  /**
   * The sums of gradients by parameter, for all parameters that
   * were ever trained; none unless gradients are accumulated.
   */
  private readonly sums: Accumulation["accumulated"] = new Map();
  /** The last trace of the model. */
  private trace: Trace | undefined;

  constructor(request: TrainingRequest) {
    this.request = request;
    this.accumulate = batchesPerUpdate(request.options.accumulate);
  }

  settle(): Promise<unknown> {
    const { model, options } = this.request;
    const { optimizer } = options;
    const parameters = optimizer.paramGroups.flatMap(({ params }) => params);
    const states = parameters
      .filter(({ requiresGrad }) => requiresGrad)
      .flatMap((parameter) => Object.values(optimizer.stateOf(parameter)));
    return settled([...tensorsOf(model), ...states]);
  }

  async step(why?: string): Promise<PreparedStep> {
    const { model, inputs, dynamic } = this.request;
    const wanted = new Map([...model.namedParameters()].map(([, p]) => [p, p.requiresGrad] as const));
    let first:
      | { readonly trace: Trace; readonly trained: readonly string[]; readonly plan: UpdatePlan }
      | undefined;
    const compile =
      (isStep: boolean, parts?: StepParts): CompileSpecialization =>
      async (shapes, because, previous) => {
        const begin = performance.now();
        const replaced = previous?.replaced();
        if (replaced !== undefined) throw replacedError(replaced);
        const trace = this.traced(shapes, parts);
        if (previous?.isOf(trace)) return previous;
        first ??= this.planned(trace);
        return isStep
          ? this.buildStep(trace, first.trained, first.plan, begin, because)
          : this.buildGradients(trace, begin, because);
      };
    const main = await compile(true)(
      inputs.map(({ shape }) => shape),
      why,
    );
    invariant(first !== undefined, "the step was planned when it was traced");
    const { trace, plan } = first;
    return {
      inputs: trace.inputs.map(({ name, type }) =>
        name === "target" ? { ...type, role: "the target" } : type,
      ),
      dynamic,
      main,
      step: compile(true),
      gradients: compile(false),
      detailed: ({ metrics, ...parts }) =>
        compile(true, { ...parts, ...(metrics && { metrics: this.request.options.metrics }) }),
      cohorts: this.accumulate > 1 ? [] : updatedBy(main, plan.cohorts),
      summed: trace.parameters.filter((name) => main.states.has(accumulatedName(name))),
      wanted,
    };
  }

  /** The program that updates the parameters from the sums of their gradients. */
  async update(parameters: readonly string[], why?: string): Promise<PreparedUpdate> {
    const { optimizer } = this.request.options;
    const begin = performance.now();
    const trace = this.trace!;
    const plan = planUpdate(optimizer, trace, parameters, this.request.options);
    const { graph, origins } = accumulatedGradients(trace.graph, parameters);
    const known = this.withStates({ ...trace, graph }, plan);
    const asked = { what: "from summed gradients", why };
    const { backend, state, common } = this.request;
    const update = { ...plan.update, origins };
    const specialization = await build(backend, state, known, begin, asked, { ...common, update });
    return { specialization, cohorts: updatedBy(specialization, plan.cohorts) };
  }

  /** What a trainer needs to accumulate, with the update of a first step; undefined if each batch makes an update. */
  async accumulation({ summed }: PreparedStep): Promise<Accumulation | undefined> {
    if (this.accumulate === 1) return undefined;
    const { accumulate, sums: accumulated } = this;
    return { accumulate, accumulated, summed, update: await this.update(summed) };
  }

  private traced(shapes: readonly (readonly number[])[], parts?: StepParts): Trace {
    const { model, inputs, givenTargets, options, carried, signature } = this.request;
    const types = inputs.map((type, k) => ({ ...type, shape: shapes[k] }));
    const targets = givenTargets?.map((type, k) => ({
      ...type,
      shape: shapes[inputs.length + k] ?? type.shape,
    }));
    const passed = { carried: carried?.tree, arrange: signature.arrange };
    this.trace = inMode(model, true, () => traceLoss(model, options.loss, types, targets, parts, passed));
    if (options.warnings !== false) warnOfMistakes(model, this.trace);
    return this.trace;
  }

  private planned(trace: Trace) {
    const { options } = this.request;
    const trained = trainedBy(options.optimizer, trace);
    const plan = planUpdate(options.optimizer, trace, trained, options);
    if (this.accumulate > 1) addMissingSums(this.sums, trained, trace.states);
    return { trace, trained, plan };
  }

  private buildStep(
    trace: Trace,
    trained: readonly string[],
    plan: UpdatePlan,
    begin: number,
    why: string | undefined,
  ): Promise<Specialization> {
    const { backend, state, common } = this.request;
    const update = this.accumulate > 1 ? ("accumulate" as const) : plan.update;
    const asked = { what: "training step", why };
    const options = { ...common, gradientsFor: trained, update };
    return build(backend, state, this.withStates(trace, plan), begin, asked, options);
  }

  private buildGradients(trace: Trace, begin: number, why: string | undefined): Promise<Specialization> {
    const { backend, state, common } = this.request;
    const options = { ...common, gradientsFor: trace.parameters };
    return build(backend, state, trace, begin, { what: "gradients", why }, options);
  }

  /** The trace with the tensors behind all states that an update or sums add to its graph. */
  private withStates(trace: Trace, plan: UpdatePlan): Trace {
    const sums = [...this.sums].map(([name, tensor]) => [accumulatedName(name), tensor] as const);
    return { ...trace, states: new Map([...trace.states, ...plan.states, ...sums]) };
  }
}

const replacedError = (path: string): KilnError =>
  new KilnError(
    `${path} was replaced after the training step was compiled, whose optimizer knows the old one: change numbers in place ` +
      "(noGrad(() => p.copy_(…))), or create the optimizer and compile the step again",
  );

/** The cohorts with those parameters that a program writes: the others do not affect the loss and have no gradient. */
export function updatedBy({ plan, states }: Specialization, cohorts: readonly Cohort[]): Cohort[] {
  const stored = new Set(plan.kernels.flatMap(writesOf));
  const names = plan.states.filter(({ buffer }) => stored.has(buffer)).map(({ name }) => name);
  const written = new Set(names.map((name) => states.get(name)!));
  return cohorts.map(({ group, parameters }) => ({
    group,
    parameters: parameters.filter((parameter) => written.has(parameter)),
  }));
}

const tensorsOf = (model: Moded) =>
  [...model.namedParameters(), ...model.namedBuffers()].map(([, tensor]) => tensor);
