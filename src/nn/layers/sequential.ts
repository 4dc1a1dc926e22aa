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
 * The layers that are known by position, each of its own class: `net[0]` of `new nn.Sequential(new nn.Linear(4, 2))`.
 */
type ByPosition<Layers extends readonly Module[]> = {
  [Position in keyof Layers & `${number}`]: Layers[Position];
};

class Chain extends ModuleSequence {
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

/** @hidden */
export type Sequential<Layers extends readonly Module[] = Module[]> = Chain & ByPosition<Layers>;

interface SequentialClass {
  readonly prototype: Sequential;
  new <Layers extends readonly Module[] = Module[]>(...layers: Layers): Sequential<Layers>;
  new <Layers extends readonly Module[] = Module[]>(layers: NamedLayers): Sequential<Layers>;
}

Object.defineProperty(Chain, "name", { value: "Sequential" });

/**
 * Feeds each layer's output into the next (torch.nn.Sequential).
 *
 * ```ts
 * const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 * const named = new nn.Sequential({ hidden: new nn.Linear(784, 128), out: new nn.Linear(128, 10) });
 * console.log(net[1].weight.shape); // [128, 784]
 * ```
 *
 * If layers are given one by one, `net[1]` has the type of that layer. `nn.Sequential` as a type is a chain of any
 * layers: use `const net: nn.Sequential = …` if they are to be replaced by layers of other classes.
 *
 * @class
 */
export const Sequential: SequentialClass = Chain as unknown as SequentialClass;

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
