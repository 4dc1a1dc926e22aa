/** What ModuleList and Sequential share: modules in an order, each under a name, reached by position. */

import { KilnError } from "../../core/errors.ts";
import { isModule, MEMBERS } from "../brand.ts";
import { checkName, type Named } from "../members.ts";
import { Module } from "../module.ts";

/** Modules in order; `list[0]` reads and replaces by position, `at` counts from the end too. */
export abstract class ModuleSequence<Layer extends Module = Module>
  extends Module
  implements Iterable<Layer>
{
  [position: number]: Layer;
  #modules: readonly Named<Layer>[] = [];

  /** The number of modules. */
  get length(): number {
    return this.#modules.length;
  }

  /** The module at a position; a negative one counts from the end. */
  at(index: number): Layer {
    return this.#modules[this.#position(index)][1];
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.#modules.map(([, module]) => module).values();
  }

  /** Adds a module at the end. */
  append(module: Layer): this {
    return this.addNamed([[String(this.length), module]]);
  }

  /** Adds several modules at the end. */
  extend(modules: Iterable<Layer>): this {
    const first = this.length;
    return this.addNamed([...modules].map((module, k): Named<Layer> => [String(first + k), module]));
  }

  /** Inserts a module before the one at `index`, or at the end if that is the length; those after it are renumbered. */
  insert(index: number, module: Layer): this {
    if (!this.#isNumbered()) {
      throw new KilnError(
        `${this.constructor.name} cannot insert a module among named ones: only numbered ones can move`,
      );
    }
    const position = index === this.length ? index : this.#position(index);
    const modules = [...this];
    modules.splice(position, 0, this.#checked(String(position), module));
    return this.#replace(numbered(modules));
  }

  /** Removes a module, by default the last; numbered ones after it are renumbered. */
  pop(index = -1): Layer {
    const position = this.#position(index);
    const [, removed] = this.#modules[position];
    const rest = this.#modules.filter((_, k) => k !== position);
    this.#replace(this.#isNumbered() ? numbered(rest.map(([, module]) => module)) : rest);
    return removed;
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    yield* this.#modules;
    for (const [name, value] of super[MEMBERS]()) {
      if (/^\d+$/.test(name)) {
        throw new KilnError(
          `${this.constructor.name} of ${this.length} modules is assigned one at ${name}: add it with append`,
        );
      }
      yield [name, value];
    }
  }

  /** The modules with their names, in order. */
  protected get named(): readonly Named<Layer>[] {
    return this.#modules;
  }

  /** Adds modules at the end under names of their own. */
  protected addNamed(added: readonly Named<Layer>[]): this {
    const names = new Set(this.#modules.map(([name]) => name));
    for (const [name, module] of added) {
      checkName("module", name);
      if (names.has(name)) throw new KilnError(`${this.constructor.name} is given two layers named ${name}`);
      names.add(name);
      this.#checked(name, module);
    }
    return this.#replace([...this.#modules, ...added]);
  }

  #replace(modules: readonly Named<Layer>[]): this {
    const previous = this.length;
    this.#modules = modules;
    for (let position = previous; position < modules.length; position++) this.#defineAccess(position);
    for (let position = modules.length; position < previous; position++)
      Reflect.deleteProperty(this, position);
    return this;
  }

  /** Makes `this[position]` reach the module there; no field, for fields would list it a second time. */
  #defineAccess(position: number): void {
    Object.defineProperty(this, position, {
      get: () => this.#modules[position][1],
      set: (module: Layer) => {
        const [name] = this.#modules[position];
        this.#modules = this.#modules.with(position, [name, this.#checked(name, module)]);
      },
      enumerable: false,
      configurable: true,
    });
  }

  #position(index: number): number {
    const position = index < 0 ? index + this.length : index;
    if (Number.isInteger(index) && position >= 0 && position < this.length) return position;
    throw new KilnError(
      `index ${index} is out of range for a ${this.constructor.name} of ${this.length} layers`,
    );
  }

  #checked(name: string, module: Layer): Layer {
    if (isModule(module)) return module;
    throw new KilnError(`${this.constructor.name}'s layer ${name} is not a module`);
  }

  #isNumbered(): boolean {
    return this.#modules.every(([name], position) => name === String(position));
  }
}

/** Modules under their positions. */
export const numbered = <Layer extends Module>(modules: readonly Layer[]): Named<Layer>[] =>
  modules.map((module, position): Named<Layer> => [String(position), module]);
