/** Sums, products and powers of elements, which spread over each other. */

import { abs, ceil, floor, neg, pow, reciprocal, sign, sqrt } from "../../tensor/pointwise-functions.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { dtypeOf, isFloating } from "../element-types.ts";
import { combined } from "../known-arrays.ts";
import type { Operator } from "../operator.ts";
import { checkedQuotient, floatsFrom, quotientOf } from "../whole-numbers.ts";
import { unary } from "./define.ts";

/** An operator on two tensors, and on known numbers, to compute shapes. */
const binary = (
  name: string,
  compute: (a: Tensor, b: Tensor, call: Call) => Tensor,
  known: (a: number, b: number, call: Call) => number,
  more: Partial<Operator> = {},
): Operator => ({
  name,
  wraps: true,
  grows: true,
  unsigned: "bits",
  run: (call) => compute(call.tensor(0), call.tensor(1), call),
  fold: (call) => combined(call.type, [call.constant(0), call.constant(1)], (a, b) => known(a, b, call)),
  ...more,
});

/** An operator on any number of tensors, taken two by two. */
const variadic = (
  name: string,
  join: (a: Tensor, b: Tensor) => Tensor,
  known: (a: number, b: number) => number,
  more: Partial<Operator>,
): Operator => ({
  name,
  wraps: true,
  ...more,
  run: (call) => call.tensors().reduce((a, b) => join(a, b)),
  fold: (call) =>
    combined(
      call.type,
      call.values().map((_, k) => call.constant(k)),
      (...numbers) => numbers.reduce((a, b) => known(a, b)),
    ),
});

/** A remainder with the sign of the divisor, or of the dividend. */
const remainder = (a: number, b: number): number => a - Math.floor(a / b) * b;

const isFmod = (call: Call): boolean => call.flag("fmod");

export const ARITHMETIC: readonly Operator[] = [
  binary(
    "Add",
    (a, b) => a.add(b),
    (a, b) => a + b,
    { weights: [0, 1] },
  ),
  binary(
    "Sub",
    (a, b) => a.sub(b),
    (a, b) => a - b,
  ),
  binary(
    "Mul",
    (a, b) => a.mul(b),
    (a, b) => a * b,
    { weights: [0, 1] },
  ),
  binary(
    "Div",
    (a, b, call) => {
      if (call.type === "uint32") return quotientOf(a, b);
      if (a.dtype !== "int32") return a.div(b);
      const quotient = a.div(b, { roundingMode: "trunc" });
      return call.type === "int64" ? checkedQuotient(call, a, b, quotient) : quotient;
    },
    (a, b, call) => (isFloating(call.type) ? a / b : Math.trunc(a / b)),
    { grows: false, unsigned: "type" },
  ),
  binary(
    "Mod",
    (a, b, call) => {
      if (call.type === "uint32") return where(b.eq(0), 0, a.sub(quotientOf(a, b).mul(b)));
      return isFmod(call) ? a.fmod(b) : a.remainder(b);
    },
    (a, b, call) => (isFmod(call) ? a % b : remainder(a, b)),
    { grows: false, unsigned: "type" },
  ),
  {
    name: "Pow",
    wraps: true,
    grows: true,
    unsigned: "type",
    run: (call) => power(call),
    fold: (call) => combined(call.type, [call.constant(0), call.constant(1)], (a, b) => a ** b),
  },
  variadic(
    "Sum",
    (a, b) => a.add(b),
    (a, b) => a + b,
    { grows: true, unsigned: "bits" },
  ),
  variadic("Max", (a, b) => a.maximum(b), Math.max, { unsigned: "elements" }),
  variadic("Min", (a, b) => a.minimum(b), Math.min, { unsigned: "elements" }),
  {
    name: "Mean",
    run: (call) => {
      const parts = call.tensors();
      return parts.reduce((a, b) => a.add(b)).div(parts.length);
    },
  },
  unary("Abs", abs, Math.abs, { grows: true }),
  unary("Neg", neg, (x) => 0 - x, { wraps: true, grows: true }),
  unary("Sign", sign, Math.sign),
  unary("Floor", floor, Math.floor),
  unary("Ceil", ceil, Math.ceil),
  // To the nearest, and of two to the even one.
  unary("Round", (x) => x.round()),
  unary("Sqrt", sqrt, Math.sqrt),
  unary("Reciprocal", reciprocal, (x) => 1 / x),
  {
    name: "Clip",
    unsigned: "elements",
    run: (call) => {
      const bound = (position: number, name: string): Tensor | number | undefined => {
        const input = call.inputs[position];
        if (input?.known !== undefined) return input.known.data[0];
        return input?.tensor ?? (call.hasAttribute(name) ? call.float(name) : undefined);
      };
      const [min, max] = [bound(1, "min"), bound(2, "max")];
      // Where the bounds cross, the upper one counts.
      const raised = min === undefined ? call.tensor(0) : call.tensor(0).maximum(min);
      return max === undefined ? raised : raised.minimum(max);
    },
  },
];

/** The result has the type of the base, whatever the exponent's. */
function power(call: Call): Tensor {
  const [base, exponent] = [call.tensor(0), call.value(1)];
  if (call.type === "uint32" && isFloating(exponent.type))
    return call.lacks("it raises numbers of uint32 to powers of floats: cast them to float in front of it");
  const known = exponent.known?.data;
  const isOne = known !== undefined && known.length === 1 && exponent.shape.length <= base.ndim;
  const isSmallPower = isOne && (base.dtype !== "int32" || (known[0] >= 0 && Number.isInteger(known[0])));
  const exponents =
    exponent.type === "uint32" && isFloating(call.type) ? floatsFrom(exponent.tensor) : exponent.tensor;
  const raised = pow(base, isSmallPower ? known[0] : exponents);
  return raised.to(dtypeOf(call.type));
}
