/**
 * Elementary functions of each element that are made of several ops, and those that also take whole numbers (torch.*).
 */

import { describeValue } from "../core/describe-value.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { readOnlyOption, refuse, requireFloats, requireTensor } from "./arguments.ts";
import { logicalAnd, logicalOr } from "./logic.ts";
import { apply, constant } from "./operation.ts";
import { promoted, to } from "./promotion.ts";
import { operandLike, where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

type Operand = Tensor | number;

/** What becomes of two truths: sums and maxima hold where either does, products and minima where both do. */
const OF_TRUTHS: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  add: logicalOr,
  maximum: logicalOr,
  mul: logicalAnd,
  minimum: logicalAnd,
};

/** `op` of two operands in the wider of their dtypes. */
export function combine(op: string, a: Tensor, b: Operand, callee = op): Tensor {
  const [x, y] = promoted(a, operandLike(callee, b, a));
  return x.dtype === "bool" && Object.hasOwn(OF_TRUTHS, op) ? OF_TRUTHS[op](x, y) : apply(op, [x, y]);
}

/** `a - b`; not for booleans. */
export function difference(callee: string, a: Tensor, b: Tensor): Tensor {
  if (a?.dtype === "bool" || b?.dtype === "bool")
    return refuse(
      `${callee} does not subtract bool tensors: use logicalXor or logicalNot, or .int() for numbers`,
    );
  return apply("sub", promoted(a, b));
}

/** The larger or the smaller of two elements; of NaN and a number, the number (torch.fmax, torch.fmin). */
export function extremeNumber(callee: "fmax" | "fmin", a: Tensor, b: Operand): Tensor {
  const [x, y] = promoted(a, operandLike(callee, b, a));
  const extreme = combine(callee === "fmax" ? "maximum" : "minimum", x, y);
  return x.dtype === "float32" ? where(y.isnan(), x, where(x.isnan(), y, extreme)) : extreme;
}

/** Whether the tensor holds whole numbers, which bool is not. */
const isWhole = ({ dtype }: Tensor): boolean => dtype === "int32";

export const neg = (x: Tensor): Tensor =>
  isWhole(x) ? apply("sub", [constant(0, "int32"), x]) : apply("neg", [x]);

/** The smallest int32 stays as it is, since int32 does not hold its opposite. */
export const abs = (x: Tensor): Tensor => (isWhole(x) ? apply("maximum", [x, neg(x)]) : apply("abs", [x]));

export const sign = (x: Tensor): Tensor =>
  x.dtype === "bool" ? x : isWhole(x) ? apply("sub", [x.gt(0).int(), x.lt(0).int()]) : apply("sign", [x]);

/** A whole number as it is, any other rounded by `op`. */
export const rounded = (op: "floor" | "ceil" | "trunc" | "round", x: Tensor): Tensor =>
  isWhole(x) ? x : apply(op, [x]);

export interface RoundOptions {
  /** How many digits behind the point stay; 0 by default, below 0 digits before it go, too. */
  readonly decimals?: number;
}

const ROUND = { decimals: true } satisfies OptionNames<RoundOptions>;

/** The nearest number of so many decimals, of two the even one (torch.round); its gradient is 0. */
export function round(x: Tensor, options: RoundOptions = {}): Tensor {
  withOrigin(() => checkOptionNames("round", options, ROUND));
  const { decimals = 0 } = options;
  if (!Number.isInteger(decimals))
    return refuse(`round's decimals must be a whole number, not ${describeValue(decimals)}`);
  if (decimals === 0 || (isWhole(x) && decimals > 0)) return rounded("round", x);
  requireFloats("round", x);
  const power = 10 ** Math.abs(decimals);
  return decimals > 0 ? apply("round", [x.mul(power)]).div(power) : apply("round", [x.div(power)]).mul(power);
}

/** The part behind the point, with the sign of the number (torch.frac). */
export function frac(x: Tensor): Tensor {
  requireFloats("frac", x);
  return x.sub(apply("trunc", [x]));
}

export interface DivOptions {
  /** Whether the quotient becomes a whole number: cut off towards 0, or rounded down. */
  readonly roundingMode?: "trunc" | "floor" | null;
}

const DIV = { roundingMode: true } satisfies OptionNames<DivOptions>;

/**
 * A quotient, in float32 even for integers unless it is rounded (torch.div); a rounded quotient has no gradient.
 * Rounded quotients of integers are int32 and exact, and 0 where the divisor is 0, which PyTorch refuses.
 */
export function div(a: Tensor, b: Operand, options: DivOptions = {}): Tensor {
  withOrigin(() => checkOptionNames("div", options, DIV));
  const { roundingMode = null } = options;
  const [x, y] = promoted(a, operandLike("div", b, a));
  if (roundingMode === null) return apply("div", [to(x, "float32"), to(y, "float32")]);
  if (!isWhole(x)) requireFloats("div with a roundingMode", x);
  switch (roundingMode) {
    case "trunc":
      return isWhole(x) ? wholeQuotient(x, y, "fmod") : apply("trunc", [apply("div", [x, y])]);
    case "floor":
      return isWhole(x) ? wholeQuotient(x, y, "remainder") : apply("floor_divide", [x, y]);
    default:
      return refuse(
        `div's roundingMode must be "trunc", "floor" or null, not ${describeValue(roundingMode satisfies never)}`,
      );
  }
}

/**
 * `(a - rest)/b`, exact for all int32: a first quotient in float32 is off by 2⁹ at most, and if it is off, `b` is so
 * small that the remainder is divided exactly. Sums are modulo 2³², so that `a - rest` may exceed int32 in between.
 */
function wholeQuotient(a: Tensor, b: Tensor, op: "fmod" | "remainder"): Tensor {
  const cut = apply("fmod", [a, b]);
  const divisor = to(b, "float32");
  const part = (dividend: Tensor): Tensor =>
    to(apply("round", [apply("div", [to(dividend, "float32"), divisor])]), "int32");
  const whole = a.sub(cut);
  const first = part(whole);
  const quotient = first.add(part(whole.sub(first.mul(b))));
  // Rounded down it is one less if the two remainders differ.
  const rounded = op === "fmod" ? quotient : quotient.sub(apply("remainder", [a, b]).ne(cut).int());
  return where(b.eq(0), 0, rounded);
}

export const exp2 = (x: Tensor): Tensor => apply("pow", [constant(2), x]);
export const log2 = (x: Tensor): Tensor => apply("log", [x]).div(Math.LN2);
export const log10 = (x: Tensor): Tensor => apply("log", [x]).div(Math.LN10);

/** `log(x/(1 - x))`, with `x` clamped between `eps` and `1 - eps` if that is given (torch.logit). */
export function logit(x: Tensor, eps?: number | null): Tensor {
  requireFloats("logit", x);
  const held = typeof eps === "number" ? x.clamp(eps, 1 - eps) : x;
  return apply("logit", [held]);
}

/** Whether an element is no infinity and no NaN; bool. */
export const isfinite = (x: Tensor): Tensor =>
  x.dtype === "float32" ? x.abs().lt(Number.POSITIVE_INFINITY) : x.eq(x);

/** Whether an element is one of the infinities; bool. */
export const isinf = (x: Tensor): Tensor =>
  x.dtype === "float32" ? x.abs().eq(Number.POSITIVE_INFINITY) : x.ne(x);

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** Numbers in place of NaN and the infinities (torch.nan_to_num): 0 and the largest ones by default. */
export function nanToNum(x: Tensor, nan = 0, posinf = LARGEST, neginf = -LARGEST): Tensor {
  requireTensor("nanToNum", x);
  if (x.dtype !== "float32") return x;
  const finite = where(
    x.eq(Number.POSITIVE_INFINITY),
    posinf,
    where(x.eq(Number.NEGATIVE_INFINITY), neginf, x),
  );
  return where(x.isnan(), nan, finite);
}

export interface ClosenessOptions {
  /** How far apart they may be by the size of the other number (default: 1e-5). */
  readonly rtol?: number;
  /** How far apart they may be at any size (default: 1e-8). */
  readonly atol?: number;
  /** Whether two NaN are close. */
  readonly equalNan?: boolean;
}

const CLOSENESS = { rtol: true, atol: true, equalNan: true } satisfies OptionNames<ClosenessOptions>;

/** Whether elements are equal but for `atol + rtol·|other|` (torch.isclose); bool. */
export function isclose(a: Tensor, b: Tensor, options: ClosenessOptions = {}): Tensor {
  requireTensor("isclose", b);
  withOrigin(() => checkOptionNames("isclose", options, CLOSENESS));
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  if (!(rtol >= 0 && atol >= 0))
    return refuse(`isclose's rtol and atol must not be negative, but they are ${rtol} and ${atol}`);
  if (a.dtype !== b.dtype)
    return refuse(`isclose compares tensors of one dtype, not ${describe(a)} and ${describe(b)}`);
  const [x, y] = [to(a.detach(), "float32"), to(b.detach(), "float32")];
  const apart = x.sub(y).abs();
  const near = apart.le(y.abs().mul(rtol).add(atol)).logicalAnd(isfinite(apart));
  const close = a.eq(b).logicalOr(near);
  return equalNan ? close.logicalOr(x.isnan().logicalAnd(y.isnan())) : close;
}

/** Whether all elements are close (torch.allclose), as a bool tensor of one element: `await (…).item()` reads it. */
export const allclose = (a: Tensor, b: Tensor, options?: ClosenessOptions): Tensor =>
  isclose(a, b, options).all();

/** Whether shapes and all elements are equal (torch.equal), as a bool tensor of one element. */
export function equal(a: Tensor, b: Tensor): Tensor {
  requireTensor("equal", b);
  return sameShape(a.shape, b.shape) ? a.eq(b).all() : constant(0, "bool");
}

/** `input + value·a·b` (torch.addcmul). */
export const addcmul = (input: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor =>
  input.add(a.mul(b), { alpha: readValue("addcmul", options) });

/** `input + value·a/b` (torch.addcdiv). */
export const addcdiv = (input: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor =>
  input.add(a.div(b), { alpha: readValue("addcdiv", options) });

export interface ValueOptions {
  /** What the product or quotient is multiplied by (default: 1). */
  readonly value?: number;
}

const readValue = (callee: string, options: ValueOptions = {}): number =>
  readOnlyOption(callee, options, "value", 1);

/** From `start` to `end` by `weight` (torch.lerp). */
export function lerp(start: Tensor, end: Tensor, weight: Operand): Tensor {
  requireTensor("lerp", end);
  return apply("lerp", [start, end, operandLike("lerp", weight, start)]);
}
