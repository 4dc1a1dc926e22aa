/** Buffer: a tensor that a model keeps and does not learn. Held in a module's field, it is found there by name. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { Tensor } from "../tensor/tensor.ts";
import { BUFFER } from "./brand.ts";

/** The options of {@link Buffer} and of `registerBuffer`. */
export interface BufferOptions {
  /** Whether state dicts contain it (default: true). */
  readonly persistent?: boolean;
}

const BUFFER_OPTIONS = { persistent: true } satisfies OptionNames<BufferOptions>;

/** Whether state dicts contain a buffer made with these options. */
export function readPersistent(callee: string, options: BufferOptions): boolean {
  checkOptionNames(callee, options, BUFFER_OPTIONS);
  const { persistent = true } = options;
  if (typeof persistent === "boolean") return persistent;
  throw new KilnError(`${callee}'s persistent is true or false, not ${describeValue(persistent)}`);
}

/** A tensor that a model keeps and does not learn: in a module's field it is part of the state dict (torch.nn.Buffer). */
export class Buffer extends Tensor {
  /** Whether state dicts contain it. */
  readonly persistent: boolean;

  /** Starts with the numbers of `data`, whatever operations made them. */
  constructor(data: Tensor, options: BufferOptions = {}) {
    if (!(data instanceof Tensor)) {
      throw new KilnError(
        `a Buffer is made from a tensor, such as new nn.Buffer(zeros(3)), not from ${describeValue(data)}`,
      );
    }
    if (data.behind.kind === "traced") {
      throw new KilnError(
        "a Buffer is made from a value inside forward, where there are no numbers: make it in the constructor",
      );
    }
    super(data.shape, data.dtype, data.behind.shared());
    this.persistent = readPersistent("Buffer", options);
  }

  get [BUFFER](): true {
    return true;
  }
}
