/** Powers, of whole numbers exact and modulo 2³² (torch.pow). */

import { asOperand, refuse } from "./arguments.ts";
import { apply, constant } from "./operation.ts";
import { promoted, scalarLike, to } from "./promotion.ts";
import { where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

type Operand = Tensor | number;

/** `input^exponent` with broadcasting; int32 where both are whole numbers. */
export function pow(input: Operand, exponent: Operand): Tensor {
  const like = [input, exponent].find((operand): operand is Tensor => typeof operand === "object");
  const operand = (value: Operand): Tensor =>
    asOperand("pow", value, (number) =>
      like === undefined ? constant(number) : scalarLike("pow", number, like),
    );
  const [base, power] = promoted(operand(input), operand(exponent));
  if (base.dtype === "bool") return refuse("pow does not take two bool tensors: use .int() or .float()");
  if (base.dtype !== "int32")
    return isHalf(exponent) ? halfPower(base, exponent) : apply("pow", [base, power]);
  if (typeof exponent === "number") return knownPower(base, exponent);
  return wholePower(base, power);
}

const isHalf = (exponent: Operand): exponent is number =>
  typeof exponent === "number" && Math.abs(exponent) === 0.5;

/** A power that is known to be a square root is one, also of -∞, where other powers are ∞ (torch.pow). */
function halfPower(base: Tensor, exponent: number): Tensor {
  const root = apply("sqrt", [base]);
  return exponent > 0 ? root : apply("div", [constant(1), root]);
}

/** Repeated squaring, multiplied where the exponent has a bit. */
function knownPower(base: Tensor, exponent: number): Tensor {
  if (exponent < 0)
    return refuse(
      `pow cannot raise whole numbers to the power ${exponent}, which mostly gives fractions: use .float()`,
    );
  let result: Tensor | undefined;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === undefined ? square : result.mul(square);
    if (rest > 1) square = square.mul(square);
  }
  return result ?? base.mul(0).add(1);
}

/** The bits of an int32 exponent that is not negative. */
const BITS = 31;

/**
 * The same for any exponent; if it is negative, only 1 and -1 have integer powers, and the others' are truncated to 0.
 */
function wholePower(base: Tensor, exponent: Tensor): Tensor {
  const isOdd = exponent.bitwiseAnd(1).ne(0);
  let result = where(isOdd, base, 1);
  let square = base;
  for (let bit = 1; bit < BITS; bit++) {
    square = square.mul(square);
    result = where(exponent.bitwiseAnd(2 ** bit).ne(0), result.mul(square), result);
  }
  const ofUnit = where(base.eq(-1), where(isOdd, base, 1), to(base.eq(1), "int32"));
  return where(exponent.lt(0), ofUnit, result);
}
