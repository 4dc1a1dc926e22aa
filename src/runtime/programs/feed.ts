/**
 * Turns the arguments of a program's call into tensors: where it takes whole numbers, such as labels, lists and arrays of
 * them are accepted.
 */

import { kindOf } from "../../core/dtype.ts";
import type { TensorType } from "../../ir/types.ts";
import { isLabels, labelTensor } from "../../tensor/labels.ts";
import { Tensor } from "../../tensor/tensor.ts";

/**
 * A tensor argument of the type `type`, `what` of a call; anything else is returned unchanged, for others to reject.
 */
export const fedTensor = (what: string, value: unknown, type: TensorType | undefined): unknown =>
  !(value instanceof Tensor) && type !== undefined && kindOf(type.dtype) === "int" && isLabels(value)
    ? labelTensor(what, value, type.shape)
    : value;

/** What a program with inputs of these types is given. Called before every step: tensors are handed on as they are. */
export function fedTensors(given: readonly unknown[], types: readonly TensorType[]): readonly Tensor[] {
  for (let k = 0; k < given.length; k++) {
    if (given[k] instanceof Tensor) continue;
    return given.map((value, position) =>
      fedTensor(`input ${position}`, value, types[position]),
    ) as readonly Tensor[];
  }
  return given as readonly Tensor[];
}
