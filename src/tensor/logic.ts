/** Operations on truths, of which every number but 0 is one, and on the bits of whole numbers (torch.logical_*, torch.bitwise_*). */

import { describe } from "../ops/definition.ts";
import { refuse } from "./arguments.ts";
import { apply, constant } from "./operation.ts";
import { compared, promoted, to } from "./promotion.ts";
import { operandLike, where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

type Operand = Tensor | number;

const truth = (callee: string, value: Operand, like: Tensor): Tensor =>
  to(operandLike(callee, value, like), "bool");

const always = (value: boolean): Tensor => constant(value ? 1 : 0, "bool");

export const logicalAnd = (a: Tensor, b: Operand): Tensor =>
  where(to(a, "bool"), truth("logicalAnd", b, a), always(false));
export const logicalOr = (a: Tensor, b: Operand): Tensor =>
  where(to(a, "bool"), always(true), truth("logicalOr", b, a));
export const logicalXor = (a: Tensor, b: Operand): Tensor =>
  compared(to(a, "bool"), "ne", truth("logicalXor", b, a));
export const logicalNot = (a: Tensor): Tensor => compared(a, "eq", 0);

/** Of truths `logical`, of whole numbers the op `name` on their bits. */
function onBits(
  callee: string,
  name: string,
  a: Tensor,
  b: Operand,
  logical?: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  const [x, y] = promoted(a, operandLike(callee, b, a));
  if (x.dtype === "bool" && logical !== undefined) return logical(x, y);
  if (x.dtype !== "int32")
    return refuse(
      `${callee} works on the bits of int32 tensors${logical ? " or on bool ones" : ""}, not of ${describe(x)}`,
    );
  return apply(name, [x, y]);
}

export const bitwiseAnd = (a: Tensor, b: Operand): Tensor =>
  onBits("bitwiseAnd", "bitwise_and", a, b, logicalAnd);
export const bitwiseOr = (a: Tensor, b: Operand): Tensor =>
  onBits("bitwiseOr", "bitwise_or", a, b, logicalOr);
export const bitwiseXor = (a: Tensor, b: Operand): Tensor =>
  onBits("bitwiseXor", "bitwise_xor", a, b, logicalXor);
export const bitwiseLeftShift = (a: Tensor, b: Operand): Tensor =>
  onBits("bitwiseLeftShift", "bitwise_left_shift", a, b);
export const bitwiseRightShift = (a: Tensor, b: Operand): Tensor =>
  onBits("bitwiseRightShift", "bitwise_right_shift", a, b);

/** Truths reversed, or all bits of whole numbers: `-1 - a`. */
export const bitwiseNot = (a: Tensor): Tensor => (a.dtype === "bool" ? logicalNot(a) : bitwiseXor(a, -1));
