/**
 * Parametrisations: a module's parameter becomes a function of others, which are trained in its place. Readers of the
 * parameter, `forward` included, get the function's value; the state dict has the others, under PyTorch's keys.
 */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { isModule, isParameter } from "../brand.ts";
import { ModuleDict } from "../layers/module-dict.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

/**
 * A module whose `forward` gives the value of a parameter from one tensor of its shape, or from what `rightInverse`
 * gives.
 */
export interface Parametrization extends Module {
  /** What the parametrisation is computed from, for a parameter's first value; the value itself if there is none. */
  rightInverse?(value: Tensor): Tensor | readonly Tensor[];
}

/**
 * What one parameter is computed from: `original`, or `original0`, `original1`, …; the parametrisation is its child
 * `0`.
 */
class ParametrizationList extends Module {
  readonly #names: readonly string[];

  constructor(parametrization: Parametrization, value: Parameter) {
    super();
    const given = parametrization.rightInverse?.(value.detach()) ?? value;
    const originals = Array.isArray(given) ? (given as readonly Tensor[]) : [given as Tensor];
    this.#names = Array.isArray(given) ? originals.map((_, k) => `original${k}`) : ["original"];
    for (const [k, name] of this.#names.entries()) {
      const own = originals[k];
      Reflect.set(this, name, own === value ? value : new Parameter(own, value.requiresGrad));
    }
    Reflect.set(this, "0", parametrization);
  }

  forward(): Tensor {
    const parametrization = Reflect.get(this, "0") as Module;
    return parametrization.forward(...this.#names.map((name) => Reflect.get(this, name) as Tensor)) as Tensor;
  }
}

/** The lists of a module that has parametrised parameters. */
const listsOf = (module: Module): ModuleDict<ParametrizationList> | undefined => {
  const lists: unknown = Reflect.get(module, "parametrizations");
  return lists instanceof ModuleDict ? lists : undefined;
};

/**
 * Whether the parameter `name`, or any without a name, is parametrised (torch.nn.utils.parametrize.is_parametrized).
 */
export function isParametrized(module: Module, name?: string): boolean {
  const lists = listsOf(module);
  return lists !== undefined && (name === undefined ? lists.length > 0 : lists.has(name));
}

/**
 * Makes `module`'s parameter `name` the value of `parametrization`; returns the module
 * (torch.nn.utils.parametrize.register_parametrization). A parameter has one parametrisation at most.
 */
export function registerParametrization<M extends Module>(
  module: M,
  name: string,
  parametrization: Parametrization,
): M {
  if (!isModule(module) || !isModule(parametrization))
    throw new KilnError(
      "registerParametrization takes a module, a parameter's name and a module that computes it",
    );
  if (isParametrized(module, name))
    throw new KilnError(`${module.constructor.name}'s ${name} is parametrised already: remove that first`);
  const value: unknown = Reflect.get(module, name);
  if (!isParameter(value))
    throw new KilnError(`${module.constructor.name} has no parameter ${name} to parametrise`);
  const list = new ParametrizationList(parametrization, value);
  Reflect.deleteProperty(module, name);
  Object.defineProperty(module, name, {
    get: () => list.forward(),
    set() {
      throw new KilnError(`${name} is computed by a parametrisation: change what it is computed from`);
    },
    // No member: the tensors that it is computed from are.
    enumerable: false,
    configurable: true,
  });
  if (listsOf(module) === undefined) {
    Reflect.set(module, "parametrizations", new ModuleDict<ParametrizationList>());
    rename(module, `Parametrized${module.constructor.name}`);
  }
  listsOf(module)?.set(name, list);
  return module;
}

/** Gives the module a class of its own, under which it is printed, as in PyTorch. */
function rename(module: Module, name: string): void {
  const Base = module.constructor as new (...given: never[]) => object;
  const { [name]: Named } = { [name]: class extends Base {} };
  Object.setPrototypeOf(module, Named.prototype);
}

/**
 * Makes the parameter `name` an ordinary one again: with its computed value, or with `leaveParametrized: false` the
 * tensor it was computed from, if that is only one (torch.nn.utils.parametrize.remove_parametrizations).
 */
export function removeParametrizations<M extends Module>(
  module: M,
  name: string,
  { leaveParametrized = true }: { readonly leaveParametrized?: boolean } = {},
): M {
  const lists = listsOf(module);
  if (lists === undefined || !lists.has(name))
    throw new KilnError(`${module.constructor.name}'s ${name} is not parametrised`);
  const list = lists.get(name);
  const original: unknown = Reflect.get(list, "original");
  if (!leaveParametrized && !isParameter(original))
    throw new KilnError(`${name} is computed from several tensors: leaveParametrized must be true`);
  const value = leaveParametrized ? new Parameter(list.forward().detach()) : original;
  Reflect.deleteProperty(module, name);
  Reflect.set(module, name, value);
  lists.pop(name);
  if (lists.length === 0) {
    Reflect.deleteProperty(module, "parametrizations");
    Object.setPrototypeOf(module, Object.getPrototypeOf(Object.getPrototypeOf(module)));
  }
  return module;
}
