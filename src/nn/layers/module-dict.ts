/** ModuleDict: modules by name, for a model's own forward to choose from. */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { isModule, MEMBERS } from "../brand.ts";
import { checkName, type Named } from "../members.ts";
import { Module } from "../module.ts";

/** Modules by name: an object, pairs, or another ModuleDict's `items()`. */
export type ModulesByName<Layer extends Module> = Readonly<Record<string, Layer>> | Iterable<Named<Layer>>;

/** Holds modules so that a model finds their parameters under their names (torch.nn.ModuleDict). */
export class ModuleDict<Layer extends Module = Module> extends Module implements Iterable<string> {
  readonly #modules = new Map<string, Layer>();

  constructor(modules: ModulesByName<Layer> = {}) {
    super();
    this.update(modules);
  }

  /** The number of modules. */
  get length(): number {
    return this.#modules.size;
  }

  /** Whether there is one with this name. */
  has(name: string): boolean {
    return this.#modules.has(name);
  }

  /** The module of this name; throws if there is none. */
  get(name: string): Layer {
    const module = this.#modules.get(name);
    if (module !== undefined) return module;
    throw new KilnError(`ModuleDict has no module ${name}: it has ${[...this.keys()].join(", ") || "none"}`);
  }

  /** Adds a module, or replaces the one of this name in its place. */
  set(name: string, module: Layer): this {
    checkName("module", name);
    if (!isModule(module)) throw new KilnError(`ModuleDict's ${name} is not a module`);
    this.#modules.set(name, module);
    return this;
  }

  /** Sets several modules. */
  update(modules: ModulesByName<Layer>): this {
    const pairs = Symbol.iterator in modules ? (modules as Iterable<Named<Layer>>) : Object.entries(modules);
    for (const [name, module] of pairs) this.set(name, module);
    return this;
  }

  /** Removes the module of this name. */
  pop(name: string): Layer {
    const module = this.get(name);
    this.#modules.delete(name);
    return module;
  }

  /** Removes all of them. */
  clear(): void {
    this.#modules.clear();
  }

  /** The names, in order. */
  keys(): IterableIterator<string> {
    return this.#modules.keys();
  }

  /** The modules, in order. */
  values(): IterableIterator<Layer> {
    return this.#modules.values();
  }

  /** Pairs of a name and its value, in order. */
  items(): IterableIterator<[string, Layer]> {
    return this.#modules.entries();
  }

  /** The names, as in Python. */
  [Symbol.iterator](): Iterator<string> {
    return this.keys();
  }

  forward(): Tensor {
    throw new KilnError("ModuleDict has no forward: call its modules by name");
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    yield* this.#modules;
    yield* super[MEMBERS]();
  }
}
