/** ModuleList: modules in an order, for a model's own forward to call. */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Named } from "../members.ts";
import type { Module } from "../module.ts";
import { ModuleSequence, numbered } from "./module-sequence.ts";

/**
 * Holds modules so that a model finds their parameters under `0`, `1`, … (torch.nn.ModuleList).
 *
 * ```ts
 * class Deep extends nn.Module {
 *   readonly layers = new nn.ModuleList([1, 2, 3].map(() => new nn.Linear(64, 64)));
 *   override forward(x: Tensor): Tensor {
 *     for (const layer of this.layers) x = F.relu(layer.forward(x));
 *     return x;
 *   }
 * }
 * ```
 */
export class ModuleList<Layer extends Module = Module> extends ModuleSequence<Layer> {
  constructor(modules: Iterable<Layer> = []) {
    super();
    if (typeof modules?.[Symbol.iterator] !== "function")
      throw new KilnError("ModuleList takes one list of modules: new nn.ModuleList([a, b])");
    this.addNamed(numbered([...modules]));
  }

  /** The modules from `start` up to `stop`, numbered from 0. */
  slice(start?: number, stop?: number): ModuleList<Layer> {
    return new ModuleList([...this].slice(start, stop));
  }

  forward(): Tensor {
    throw new KilnError("ModuleList has no forward: call its modules one by one");
  }

  /** Equal neighbours are printed once, with their number. */
  protected override describeChildren(): Named<string>[] {
    const runs: { first: number; last: number; text: string }[] = [];
    for (const [position, [, text]] of super.describeChildren().entries()) {
      const run = runs.at(-1);
      if (run?.text === text) run.last = position;
      else runs.push({ first: position, last: position, text });
    }
    return runs.map(
      ({ first, last, text }): Named<string> =>
        first === last ? [String(first), text] : [`${first}-${last}`, `${last - first + 1} x ${text}`],
    );
  }
}
