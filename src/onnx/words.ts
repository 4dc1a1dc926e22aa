/** Integers of 8 and 16 bits, which Kiln computes in 32 bits: they wrap around as their own type does. */

import type { Tensor } from "../tensor/tensor.ts";
import { type Constant, constant } from "./constant.ts";
import { infoOf } from "./element-types.ts";
import type { ElementType } from "./port.ts";

/** The numbers wrapped to the range of `type`, or unchanged if `type` has no such range. */
export function wrapped(type: ElementType, tensor: Tensor): Tensor {
  const { word } = infoOf(type);
  if (word === undefined) return tensor;
  const low = tensor.bitwiseAnd(2 ** word.bits - 1);
  if (!word.isSigned) return low;
  const sign = 2 ** (word.bits - 1);
  return low.bitwiseXor(sign).sub(sign);
}

/** Like {@link wrapped}, for known numbers, including uint32. */
export function wrappedConstant(known: Constant): Constant {
  const word = known.type === "uint32" ? { bits: 32, isSigned: false } : infoOf(known.type).word;
  if (word === undefined) return known;
  const span = 2 ** word.bits;
  const most = word.isSigned ? span / 2 : span;
  const within = (number: number): number => {
    const low = ((number % span) + span) % span;
    return low >= most ? low - span : low;
  };
  return constant(known.type, known.shape, Array.from(known.data, within));
}
