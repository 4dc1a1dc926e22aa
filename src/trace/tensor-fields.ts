/** The fields in which a model's modules keep tensors: tracing must not leave its own in them. */

import { Tensor } from "../tensor/tensor.ts";
import type { Traceable } from "./trace.ts";

interface Field {
  readonly path: string;
  readonly module: object;
  readonly key: string;
  readonly tensor: Tensor;
}

export class TensorFields {
  private readonly fields: readonly Field[];

  /** Remembers what the fields hold now. */
  constructor(model: Traceable) {
    this.fields = [...model.namedModules()].flatMap(([path, module]) =>
      Object.entries(module).flatMap(([key, tensor]): Field[] =>
        tensor instanceof Tensor ? [{ path: path === "" ? key : `${path}.${key}`, module, key, tensor }] : [],
      ),
    );
  }

  /** Puts back what was replaced by another tensor; the path of the first such field, if there is one. */
  restore(): string | undefined {
    const replaced = this.fields.filter(({ module, key, tensor }) => {
      const now: unknown = Reflect.get(module, key);
      return now !== tensor && now instanceof Tensor;
    });
    for (const { module, key, tensor } of replaced) Reflect.set(module, key, tensor);
    return replaced[0]?.path;
  }
}
