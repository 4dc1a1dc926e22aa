/** Sequential: layers in a chain, numbered or named. */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { isModule, MEMBERS } from "../brand.ts";
import { checkName, type Named } from "../members.ts";
import { Module } from "../module.ts";

/** Layers by name, in order: an object, or pairs where the order of an object will not do (names like "10"). */
export type NamedLayers = Readonly<Record<string, Module>> | Iterable<Named<Module>>;

/** Feeds each layer's output into the next (torch.nn.Sequential). */
export class Sequential extends Module implements Iterable<Module> {
  readonly #layers = new Map<string, Module>();

  constructor(...layers: Module[]);
  constructor(layers: NamedLayers);
  constructor(...given: (Module | NamedLayers)[]) {
    super();
    for (const [name, layer] of layersOf(given)) {
      checkName("module", name);
      if (this.#layers.has(name)) throw new KilnError(`Sequential is given two layers named ${name}`);
      if (!isModule(layer)) throw new KilnError(`Sequential's layer ${name} is not a module`);
      this.#layers.set(name, layer);
    }
  }

  /** How many layers there are. */
  get length(): number {
    return this.#layers.size;
  }

  /** The layer at a position; a negative one counts from the end. */
  at(index: number): Module {
    const layer = [...this].at(index);
    if (layer === undefined || !Number.isInteger(index)) {
      throw new KilnError(`index ${index} is out of range for a Sequential of ${this.length} layers`);
    }
    return layer;
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.#layers.values();
  }

  forward(input: Tensor): Tensor {
    let x = input;
    for (const [name, layer] of this.#layers) {
      const output = layer.forward(x);
      if (Array.isArray(output)) {
        throw new KilnError(
          `Sequential's layer ${name} (${layer.constructor.name}) returns several tensors, not one`,
        );
      }
      x = output;
    }
    return x;
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    yield* this.#layers;
    yield* super[MEMBERS]();
  }
}

function layersOf(given: readonly (Module | NamedLayers)[]): Iterable<Named<Module>> {
  const [first] = given;
  if (given.length === 1 && !isModule(first)) {
    return Symbol.iterator in first ? (first as Iterable<Named<Module>>) : Object.entries(first);
  }
  return given.map((layer, position): Named<Module> => [String(position), layer as Module]);
}
