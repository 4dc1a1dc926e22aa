/** How functions that tensor.ts itself imports perform an operation: tensor.ts injects its `apply`, so no import runs in a circle. */

import { invariant } from "../core/errors.ts";
import type { Attrs } from "../ir/types.ts";
import type { Tensor } from "./tensor.ts";

type Apply = (op: string, inputs: readonly Tensor[], attrs?: Attrs) => Tensor;

let implementation: Apply | undefined;

export function injectApply(apply: Apply): void {
  implementation = apply;
}

/** Records `op` while tracing, else makes a lazy tensor. */
export const apply: Apply = (op, inputs, attrs) => {
  invariant(implementation !== undefined, "tensor.ts injects apply");
  return implementation(op, inputs, attrs);
};
