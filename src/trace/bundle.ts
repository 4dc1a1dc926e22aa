/** Several modules as one, for code that works on all of them: their parts are found under the names that they are given. */

import { InternalError } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traceable } from "./traceable.ts";

type Named<T> = readonly [name: string, item: T];

export class Bundle implements Traceable {
  readonly #modules: readonly Named<Traceable>[];

  constructor(modules: Readonly<Record<string, Traceable>>) {
    this.#modules = Object.entries(modules);
  }

  forward(): never {
    throw new InternalError("several modules have no forward in common");
  }

  namedModules(): Named<Traceable>[] {
    return this.#named((module) => module.namedModules());
  }

  namedParameters(): Named<Tensor>[] {
    return this.#named((module) => module.namedParameters());
  }

  namedBuffers(): Named<Tensor>[] {
    return this.#named((module) => module.namedBuffers());
  }

  #named<T>(partsOf: (module: Traceable) => Iterable<Named<T>>): Named<T>[] {
    return this.#modules.flatMap(([name, module]) =>
      [...partsOf(module)].map(([path, part]): Named<T> => [path === "" ? name : `${name}.${path}`, part]),
    );
  }
}
