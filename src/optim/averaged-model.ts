/** A model with averages of another model's parameters, plain ones (stochastic weight averaging) or moving ones. */

import { KilnError } from "../core/errors.ts";
import { isModule } from "../nn/brand.ts";
import { membersOf } from "../nn/members.ts";
import { Module } from "../nn/module.ts";
import { Arguments } from "../nn/options.ts";
import { Parameter } from "../nn/parameter.ts";
import { tensor } from "../tensor/creation.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { constant } from "../tensor/operation.ts";
import { where } from "../tensor/rearrange.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Outputs } from "../tensor/tensor-tree.ts";

/** The next average, from the one so far, the parameter, and of how many it was the average (a single number). */
export type AvgFn = (averaged: Tensor, parameter: Tensor, numAveraged: Tensor) => Tensor;

/** All parameters count alike (torch.optim.swa_utils.get_swa_avg_fn). */
export const getSwaAvgFn = (): AvgFn => (averaged, parameter, numAveraged) =>
  averaged.add(parameter.sub(averaged).div(numAveraged.add(1)));

/** A moving average that keeps `decay` of what it was, 0.999 by default (torch.optim.swa_utils.get_ema_avg_fn). */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  if (!(decay >= 0 && decay <= 1))
    throw new KilnError(`getEmaAvgFn's decay must be from 0 to 1, not ${decay}`);
  return (averaged, parameter) => averaged.mul(decay).add(parameter.mul(1 - decay));
}

/** The options of {@link AveragedModel}. */
export interface AveragedModelOptions {
  /** How the average changes (default: {@link getSwaAvgFn}). */
  readonly avgFn?: AvgFn;
  /** Whether float buffers are averaged too, or taken over as they are (default: false). */
  readonly useBuffers?: boolean;
}

/** A tensor of the model and its average. */
interface Averaged {
  readonly owner: Module;
  readonly name: string;
  readonly average: Tensor;
}

/** The averages for one module, under the names that its own tensors have; it is printed as the module. */
export class Averages<Output extends Outputs = Outputs> extends Module<Output> {
  readonly #module: Module<Output>;
  readonly #own: Averaged[] = [];

  /** `made` has the averages of what was met already: shared tensors have shared averages. */
  constructor(module: Module<Output>, made = new Map<unknown, unknown>()) {
    super();
    this.#module = module;
    this.training = module.training;
    const { parameters, buffers, persistent, children } = membersOf(module);
    const once = <T>(key: object, make: () => T): T => {
      if (!made.has(key)) made.set(key, make());
      return made.get(key) as T;
    };
    for (const [name, own] of parameters) {
      const average = once(own, () => new Parameter(own.detach(), own.requiresGrad));
      Reflect.set(this, name, average);
      this.#own.push({ owner: module, name, average });
    }
    const saved = new Set(persistent.map(([name]) => name));
    for (const [name, own] of buffers) {
      const average = once(own, () => own.detach().clone());
      this.registerBuffer(name, average, { persistent: saved.has(name) });
      this.#own.push({ owner: module, name, average });
    }
    for (const [name, child] of children)
      Reflect.set(
        this,
        name,
        once(child, () => new Averages(child, made)),
      );
  }

  /** This module and those below it. */
  all(): Averages[] {
    return this.modules().filter((module): module is Averages => module instanceof Averages);
  }

  /** The averages of this module alone; of buffers those that it holds now. */
  get averaged(): readonly Averaged[] {
    return this.#own.map(({ owner, name }) => ({ owner, name, average: Reflect.get(this, name) as Tensor }));
  }

  /** The module that the averages are of. */
  get source(): Module {
    return this.#module;
  }

  forward(...inputs: unknown[]): Output {
    const all = this.all();
    const replaced = all.flatMap(({ averaged }) =>
      averaged.map(({ owner, name, average }) => ({ owner, name, average, own: Reflect.get(owner, name) })),
    );
    const modes = all.map(({ source, training }) => ({ source, training, own: source.training }));
    try {
      for (const { owner, name, average } of replaced) Reflect.set(owner, name, average);
      for (const { source, training } of modes) source.training = training;
      return this.#module.forward(...inputs);
    } finally {
      for (const { owner, name, own } of replaced) Reflect.set(owner, name, own);
      for (const { source, own } of modes) source.training = own;
    }
  }

  override toString(): string {
    return String(this.#module);
  }
}

/**
 * A model that computes what another computes, from averages of its parameters (torch.optim.swa_utils.AveragedModel). Its
 * state dict has the averages under `module.` and their number as `n_averaged`. It begins with a copy of all numbers; what
 * else the model consists of is the model's own, for there is no copying of any class whatever.
 */
export class AveragedModel<Output extends Outputs = Outputs> extends Module<Output> {
  /** The number of models that were averaged (int32). */
  declare readonly n_averaged: Tensor;
  /** The averages, under the names of what they are averages of. */
  readonly module: Module;
  readonly #averages: Averages<Output>;
  readonly #avgFn: AvgFn;
  readonly #useBuffers: boolean;

  constructor(model: Module<Output>, options: AveragedModelOptions = {}) {
    super();
    if (!isModule(model)) throw new KilnError("AveragedModel takes a model, an instance of nn.Module");
    const { avgFn = getSwaAvgFn(), ...others } = options;
    if (typeof avgFn !== "function")
      throw new KilnError("AveragedModel's avgFn must be a function of three tensors");
    this.#useBuffers = new Arguments("AveragedModel", [others], [], ["useBuffers"]).flag("useBuffers", false);
    this.#avgFn = avgFn;
    this.registerBuffer("n_averaged", tensor(0, { dtype: "int32" }));
    this.#averages = new Averages(model);
    this.module = this.#averages;
  }

  forward(...inputs: unknown[]): Output {
    return this.#averages.forward(...inputs);
  }

  /** Updates the averages with the current parameters of `model`, the one it was made from or one like it. */
  updateParameters(model: Module): void {
    const state = Object.fromEntries<Tensor>(statesOf(model));
    const parameters = new Set<Tensor>(this.#averages.parameters());
    const own = statesOf(this.#averages);
    const missing = own.find(([name, average]) => String(state[name]?.shape) !== String(average.shape));
    if (missing !== undefined)
      throw new KilnError(`updateParameters: the model has no ${missing[0]} of shape [${missing[1].shape}]`);
    const isFirst = this.n_averaged.eq(0);
    const count = this.n_averaged.float();
    const done = new Set<Tensor>();
    noGrad(() => {
      for (const [name, average] of own) {
        if (done.has(average)) continue;
        done.add(average);
        const isAveraged = parameters.has(average) || (this.#useBuffers && average.dtype === "float32");
        const now = state[name];
        average.copy_(isAveraged ? where(isFirst, now, this.#avgFn(average, now, count)) : now);
      }
      this.n_averaged.copy_(this.n_averaged.add(constant(1, "int32")));
    });
  }
}

/** All parameters and buffers, those too that state dicts leave out. */
const statesOf = (model: Module): (readonly [string, Tensor])[] => [
  ...model.namedParameters(),
  ...model.namedBuffers(),
];
