/** The Gaussian error linear unit: one op, so that a training step computes it in one kernel and its gradient in another. */

import { add, float, mul, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { erfBeside, erfExpression, erfSeries } from "./math.ts";
import { pointwiseOp } from "./pointwise.ts";

/** `1/√2π`, the density of the normal distribution at 0. */
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

const root = (x: Expr): Expr => mul(x, float(Math.SQRT1_2));

const gelu = pointwiseOp({
  name: "gelu",
  doc: "`x·Φ(x)` with the normal distribution Φ, element by element, as `x/2 · (1 + erf(x/√2))`; `gelu_slope` is its gradient (torch.nn.functional.gelu, approximate none).",
  backward: "GeluBackward",
  gradient: (b, ct, x) => b.node("mul", [ct, b.node("gelu_slope", [x])]),
  lower: (x) => mul(mul(x, float(0.5)), add(erfExpression(root(x)), float(1))),
  reference: (x) => (x / 2) * (1 + erfSeries(x * Math.SQRT1_2)),
});

const geluSlope = pointwiseOp({
  name: "gelu_slope",
  doc: "The derivative of gelu, `Φ(x) + x·φ(x)` with the density φ of the normal distribution; the exponential in φ serves Φ, too. `(2 - x²)·φ(x)` is its own derivative.",
  backward: "GeluBackwardBackward",
  gradient(b, ct, x) {
    const square = b.node("mul", [x, x]);
    const bell = b.node("exp", [b.node("mul", [square, b.constant(-0.5)])]);
    const factor = b.node("mul", [b.node("sub", [b.constant(2), square]), b.constant(DENSITY)]);
    return b.node("mul", [ct, b.node("mul", [factor, bell])]);
  },
  lower(x) {
    const u = root(x);
    const bell = unary("exp", unary("neg", mul(u, u)));
    const share = mul(add(erfBeside(u, bell), float(1)), float(0.5));
    return add(share, mul(mul(x, bell), float(DENSITY)));
  },
  reference: (x) => (1 + erfSeries(x * Math.SQRT1_2)) / 2 + x * DENSITY * Math.exp((-x * x) / 2),
});

export const GELU = { gelu, gelu_slope: geluSlope };
