/**
 * Elementwise functions of analysis that sums and products of other ops
 * would compute badly: tanh, expm1, log1p, erf and related ones.
 */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { add, compare, div, float, mul, select, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { erfcExpression, erfExpression } from "./normal.ts";
import { pointwiseOp } from "./pointwise.ts";

const tanh = pointwiseOp({
  name: "tanh",
  doc: "The hyperbolic tangent, element by element; `1 - tanh²` is its gradient (torch.tanh).",
  backward: "TanhBackward",
  gradient: (b, ct, _x, y) => b.node("mul", [ct, b.node("sub", [b.constant(1), b.node("mul", [y, y])])]),
  lower: (x) => unary("tanh", x),
  reference: Math.tanh,
});

const expm1 = pointwiseOp({
  name: "expm1",
  doc: "`e^x - 1` without cancellation near 0; the gradient is `e^x`, recomputed because `y + 1` would cancel where x is very negative (torch.expm1).",
  backward: "Expm1Backward",
  gradient: (b, ct, x) => b.node("mul", [ct, b.node("exp", [x])]),
  lower: (x) => unary("expm1", x),
  reference: Math.expm1,
});

const log1p = pointwiseOp({
  name: "log1p",
  doc: "`log(1 + x)` without cancellation near 0; `1/(1 + x)` is its gradient (torch.log1p).",
  backward: "Log1pBackward",
  draw: "positive",
  gradient: (b, ct, x) => b.node("div", [ct, b.node("add", [x, b.constant(1)])]),
  lower: (x) => unary("log1p", x),
  reference: Math.log1p,
});

/** Beyond this the error function is 1 in double precision. */
const SATURATED = 6;

interface Ratio {
  readonly over: readonly number[];
  readonly under: readonly number[];
}

const polynomial = (coefficients: readonly number[], x: Expr): Expr =>
  coefficients.slice(1).reduce((sum, c) => add(mul(sum, x), float(c)), float(coefficients[0]));

const ratio = ({ over, under }: Ratio, x: Expr): Expr => div(polynomial(over, x), polynomial(under, x));

/** `2/√π`, the slope of the error function at 0. */
const SLOPE = 2 / Math.sqrt(Math.PI);

/** Beyond 2 by the continued fraction `e^(-x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))`. */
function erfcFraction(x: number): number {
  if (x < 2) return 1 - erfSeries(x);
  let below = x;
  for (let k = 200; k > 0; k--) below = x + k / 2 / below;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * below);
}

/** The series `2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!`, whose terms all have one sign (Abramowitz & Stegun 7.1.6). */
export function erfSeries(x: number): number {
  if (Math.abs(x) > SATURATED) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return SLOPE * Math.exp(-x * x) * sum;
}

function erfSlope(b: GraphBuilder, x: Value): Value {
  const bell = b.node("exp", [b.node("neg", [b.node("mul", [x, x])])]);
  return b.node("mul", [bell, b.constant(SLOPE)]);
}

const erf = pointwiseOp({
  name: "erf",
  doc: "The error function, element by element; `2/√π · e^(-x²)` is its gradient (torch.erf). In plain arithmetic, so that no backend needs a function for it.",
  backward: "ErfBackward",
  gradient: (b, ct, x) => b.node("mul", [ct, erfSlope(b, x)]),
  lower: erfExpression,
  reference: erfSeries,
});

const erfc = pointwiseOp({
  name: "erfc",
  doc: "`1 - erf(x)`, element by element, accurate where it is small; `-2/√π · e^(-x²)` is its gradient (torch.erfc).",
  backward: "ErfcBackward",
  gradient: (b, ct, x) => b.node("neg", [b.node("mul", [ct, erfSlope(b, x)])]),
  lower: erfcExpression,
  reference: erfcFraction,
});

/*
 * M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988), routine
 * PPND16, highest power first. Its third form, for |x| above 1 - 2⁻³⁵, is for tails that float32 cannot represent.
 */
const CENTRAL_QUANTILE = {
  over: [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
    1971.5909503065513, 133.14166789178438, 3.3871328727963665,
  ],
  under: [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
    687.1870074920579, 42.31333070160091, 1,
  ],
};
const OUTER_QUANTILE = {
  over: [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  under: [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
};
/** The quantiles are of a normal distribution of variance 1, the error function is of one of 1/2. */
const scaled = ({ over, under }: Ratio, by: number): Ratio => ({
  over: over.map((c) => c * by),
  under,
});
const CENTRE = scaled(CENTRAL_QUANTILE, Math.SQRT1_2 / 2);
const OUTSIDE = scaled(OUTER_QUANTILE, Math.SQRT1_2);

/** Wichura's form around the median, and the one in the tails by the root of a logarithm; ±1 become infinite. */
function erfinvExpression(x: Expr): Expr {
  const size = unary("abs", x);
  const centre = mul(x, ratio(CENTRE, sub(float(0.180625), mul(mul(x, x), float(0.25)))));
  const share = mul(sub(float(1), size), float(0.5));
  const depth = sub(unary("sqrt", unary("neg", unary("log", share))), float(1.6));
  const tail = mul(unary("sign", x), ratio(OUTSIDE, depth));
  const finite = select(compare("le", size, float(0.85)), centre, tail);
  return select(compare("eq", size, float(1)), mul(x, float(Number.POSITIVE_INFINITY)), finite);
}

/** By Newton's method on the complement, which keeps its digits in the tail. */
function erfinvByNewton(x: number): number {
  const size = Math.abs(x);
  if (!(size < 1)) return size === 1 ? x * Number.POSITIVE_INFINITY : Number.NaN;
  let y = 0;
  for (let turn = 0; turn < 100; turn++) {
    const step = ((erfcFraction(y) - (1 - size)) * Math.exp(y * y)) / SLOPE;
    y += step;
    if (Math.abs(step) <= 1e-16 * y) break;
  }
  return Math.sign(x) * y;
}

const erfinv = pointwiseOp({
  name: "erfinv",
  doc: "The inverse of the error function, element by element: ±∞ for ±1, NaN beyond; `√π/2 · e^(y²)` is its gradient (torch.erfinv). Wichura's rational approximation of 1988, in plain arithmetic.",
  backward: "ErfinvBackward",
  draw: "unit",
  gradient: (b, ct, _x, y) =>
    b.node("mul", [ct, b.node("mul", [b.node("exp", [b.node("mul", [y, y])]), b.constant(1 / SLOPE)])]),
  lower: erfinvExpression,
  reference: erfinvByNewton,
});

const logit = pointwiseOp({
  name: "logit",
  doc: "`log(x/(1 - x))`, element by element, NaN outside of [0, 1]; `1/(x·(1 - x))` is its gradient (torch.logit).",
  backward: "LogitBackward",
  draw: "unit",
  gradient(b, ct, x) {
    const isOutside = (relation: string, bound: number): Value =>
      b.node("compare", [x, b.constant(bound)], { relation });
    const odds = b.node("mul", [x, b.node("sub", [b.constant(1), x])]);
    const slope = b.node("div", [ct, odds]);
    const nan = b.constant(Number.NaN);
    return b.node("where", [isOutside("lt", 0), nan, b.node("where", [isOutside("gt", 1), nan, slope])]);
  },
  lower: (x) => unary("log", div(x, sub(float(1), x))),
  reference: (x) => Math.log(x / (1 - x)),
});

export const MATH = { tanh, expm1, log1p, erf, erfc, erfinv, logit };
