/** Sequential: layers in a chain, numbered or named. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { isModule } from "../brand.ts";
import type { Named } from "../members.ts";
import type { Module } from "../module.ts";
import { ModuleSequence, numbered } from "./module-sequence.ts";

/** Layers by name, in order: an object, or pairs where the order of an object will not do (names like "10"). */
export type NamedLayers = Readonly<Record<string, Module>> | Iterable<Named<Module>>;

/**
 * Feeds each layer's output into the next (torch.nn.Sequential).
 *
 * ```ts
 * const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 * const named = new nn.Sequential({ hidden: new nn.Linear(784, 128), out: new nn.Linear(128, 10) });
 * ```
 */
export class Sequential extends ModuleSequence {
  constructor(...layers: Module[]);
  constructor(layers: NamedLayers);
  constructor(...given: (Module | NamedLayers)[]) {
    super();
    this.addNamed([...layersOf(given)]);
  }

  /** The layers from `start` up to `stop`, under the names they have here. */
  slice(start?: number, stop?: number): Sequential {
    return new Sequential(this.named.slice(start, stop));
  }

  forward(input: Tensor): Tensor {
    let x = input;
    for (const [name, layer] of this.named) {
      const output = layer.forward(x);
      if (!(output instanceof Tensor)) {
        throw new KilnError(
          `Sequential's layer ${name} (${layer.constructor.name}) returns several tensors, not one`,
        );
      }
      x = output;
    }
    return x;
  }
}

function layersOf(given: readonly (Module | NamedLayers)[]): Iterable<Named<Module>> {
  const [first] = given;
  if (given.length === 1 && !isModule(first)) {
    if (typeof first !== "object" || first === null) {
      throw new KilnError(`Sequential takes modules, not ${describeValue(first)}`);
    }
    if (Array.isArray(first) && first.some(isModule)) {
      throw new KilnError(
        "Sequential takes its layers one by one: new nn.Sequential(a, b), or new nn.Sequential(...layers) for a list",
      );
    }
    return Symbol.iterator in first ? (first as Iterable<Named<Module>>) : Object.entries(first);
  }
  return numbered(given as readonly Module[]);
}
