/**
 * What every optimizer is: parameters in groups, each with options of its own and a learning rate that may change at
 * any time, and the state that the update rule keeps per parameter.
 */

import { describeValue } from "../core/describe-value.ts";
import { allocate } from "../core/dtype.ts";
import { invariant, KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { Arguments } from "../nn/options.ts";
import type { Parameter } from "../nn/parameter.ts";
import { currentRecorder } from "../tensor/context.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type ZeroGradOptions, zeroGrad } from "../tensor/zero-grad.ts";
import type { Algorithm } from "./algorithm.ts";
import { interactiveStep } from "./interactive-step.ts";
import {
  checkedParameters,
  type GroupOptions,
  groupsIn,
  type ParameterList,
  ParamGroup,
} from "./param-group.ts";
import { loadOptimizerState, type OptimizerState, optimizerState } from "./state-dict.ts";
import { tracedStep } from "./traced-step.ts";

/** The options of all optimizers. */
interface WithLr {
  readonly lr?: number;
}

/** The base of all optimizers: groups of parameters with their options, the states kept for them, and the number of steps. The rule itself is compiled into the training step; learning rates may change without compiling again. */
export abstract class Optimizer<S extends object = object> {
  readonly #algorithm: Algorithm<S>;
  readonly #defaults: Partial<S> & WithLr;
  readonly #groups: (ParamGroup & S)[] = [];
  readonly #states = new Map<Parameter, Readonly<Record<string, Tensor>>>();
  /** The number of updates that a parameter has had since its first gradient. */
  #steps = new Map<Tensor, number>();
  #stepCount = 0;

  constructor(
    algorithm: Algorithm<S>,
    parameters: ParameterList<Partial<S> & WithLr>,
    defaults: Partial<S> & WithLr,
  ) {
    if (typeof defaults !== "object" || defaults === null) {
      const example = typeof defaults === "number" ? defaults : 0.1;
      throw new KilnError(
        `${algorithm.name} takes its options by name: write { lr: ${example} }, not ${describeValue(defaults)}`,
      );
    }
    this.#algorithm = algorithm;
    this.#defaults = defaults;
    this.makeGroup([], defaults); // options that no group would use are checked as well
    for (const group of groupsIn(parameters)) this.addParamGroup(group);
  }

  /** The groups in the order in which they were given; their options have PyTorch's names in camelCase. */
  get paramGroups(): readonly (ParamGroup & S)[] {
    return this.#groups;
  }

  /** Adds a group; options that it does not give are the optimizer's. Steps that were compiled before do not know of it. */
  addParamGroup({ params, ...options }: GroupOptions<Partial<S> & WithLr>): void {
    const own = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#groups.push(this.makeGroup(checkedParameters(params, this.#groups), { ...this.#defaults, ...own }));
  }

  private makeGroup(params: readonly Parameter[], options: Partial<S> & WithLr): ParamGroup & S {
    const { name, lr, options: names, ...algorithm } = this.#algorithm;
    const given = new Arguments(name, [options], [], ["lr", ...names]);
    const settings = algorithm.settings(given, options);
    const group = new ParamGroup(params, given.number("lr", 0, lr), settings, algorithm.update(settings));
    return Object.assign(group, settings);
  }

  /** The learning rate of the first group; setting it sets that of all groups. */
  get lr(): number {
    return this.#groups[0].lr;
  }

  set lr(value: number) {
    for (const group of this.#groups) group.lr = value;
  }

  /** The parameters that are updated. */
  get parameters(): Parameter[] {
    return this.#groups.flatMap(({ params }) => params);
  }

  /** The state kept for one of its parameters, by PyTorch's names; zeros before its first gradient. */
  stateOf(parameter: Tensor): Readonly<Record<string, Tensor>> {
    const known = this.#states.get(parameter as Parameter);
    if (known !== undefined) return known;
    const group = this.#groups.find(({ params }) => params.includes(parameter as Parameter));
    invariant(group !== undefined, "the parameter belongs to the optimizer");
    const states = Object.fromEntries(
      Object.entries(group.rule.states(parameter)).map(([name, { dtype, shape }]) => [
        name,
        Tensor.fromData(allocate(dtype, sizeOf(shape)), shape, dtype),
      ]),
    );
    this.#states.set(parameter as Parameter, states);
    return states;
  }

  /** How many steps were completed, by hand or compiled. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /** How many updates a parameter has had: fewer than `stepCount` where some steps brought it no gradient. */
  stepOf(parameter: Tensor): number {
    return this.#steps.get(parameter) ?? 0;
  }

  /** @internal Counts a step, once the updates of the parameters that had a gradient in it are made. */
  completeStep(updated: Iterable<Tensor>): void {
    for (const parameter of updated) this.#steps.set(parameter, this.stepOf(parameter) + 1);
    this.#stepCount++;
  }

  /**
   * Updates every parameter from its `grad`, after `backward`; one without a gradient is passed over. The new numbers
   * are being computed when this returns; whoever reads them waits, the promise need not be awaited.
   */
  step(): Promise<void> {
    const recorder = currentRecorder();
    if (recorder?.step !== undefined) {
      tracedStep(this, recorder, recorder.step);
      return Promise.resolve();
    }
    const { updated, computed } = interactiveStep(this);
    this.completeStep(updated);
    return computed;
  }

  /** Sets the gradients of its parameters to `null`, or with `setToNone: false` to zeros. */
  zeroGrad(options?: ZeroGradOptions): void {
    zeroGrad(this.parameters, options);
  }

  /** All states, options and step counts; the tensors are the optimizer's own. Wait for running steps before saving it. */
  stateDict(): OptimizerState {
    return optimizerState(this);
  }

  /**
   * Takes over states, learning rates and step counts. All that does not fit, options that are compiled into the step
   * included, is reported in one error, and then nothing has changed.
   */
  async loadStateDict(state: OptimizerState): Promise<void> {
    const { stepCount, steps } = await loadOptimizerState(this, this.#algorithm.name, state);
    this.#stepCount = stepCount;
    this.#steps = steps;
  }
}
