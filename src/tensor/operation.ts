/** How functions that tensor.ts itself imports perform an operation: tensor.ts injects its `apply`, so no import runs in a circle. */

import type { DType } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { RESULT } from "../ir/body.ts";
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

/** One of the results of an op with several, all of which `all` represents. */
export const resultOf = (all: Tensor, index: number): Tensor =>
  index === 0 && (all.isTraced || all.version.type.others === undefined)
    ? all
    : apply(RESULT, [all], { index });

/** A number as a tensor of rank 0 that is known when the graph is made. */
export const constant = (value: number, dtype: DType = "float32"): Tensor =>
  apply("constant", [], { value, dtype });
