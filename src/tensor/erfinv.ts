/**
 * The inverse of the error function, in operations that every backend has (M. Giles, "Approximating the erfinv function",
 * GPU Computing Gems, Jade Edition, 2011, the single-precision version): `x` times a polynomial in
 * w = -log((1 - x)(1 + x)), another one in √w for the tails.
 */

import { where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

/** Where the tails begin: |x| above 0.9966. */
const TAIL = 5;

/** Coefficients of powers of w - 2.5, the highest first. */
const CENTRAL = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];

/** Coefficients of powers of √w - 3, the highest first. */
const OUTER = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

/** By Horner's scheme. */
const polynomial = (x: Tensor, [highest, next, ...rest]: readonly number[]): Tensor =>
  rest.reduce((sum, coefficient) => sum.mul(x).add(coefficient), x.mul(highest).add(next));

/** What erf maps to `x`, for `x` strictly between -1 and 1. */
export function erfinv(x: Tensor): Tensor {
  const w = x.rsub(1).mul(x.add(1)).log().neg();
  return where(w.lt(TAIL), polynomial(w.sub(2.5), CENTRAL), polynomial(w.sqrt().sub(3), OUTER)).mul(x);
}
