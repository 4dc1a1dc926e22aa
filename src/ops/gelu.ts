/**
 * The Gaussian error linear unit: one op, so that a training
 * step computes it in one kernel and its gradient in another.
 */

import { add, float, mul } from "../loop/build.ts";
import { erfSeries } from "./math.ts";
import { normalShare, tailOf } from "./normal.ts";
import { pointwiseOp } from "./pointwise.ts";

/** `1/√2π`, the density of the normal distribution at 0. */
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

const gelu = pointwiseOp({
  name: "gelu",
  doc: "`x·Φ(x)` with the normal distribution Φ, element by element, accurate where x is very negative; `gelu_slope` is its gradient (torch.nn.functional.gelu, approximate none).",
  backward: "GeluBackward",
  gradient: (b, ct, x) => b.node("mul", [ct, b.node("gelu_slope", [x])]),
  lower: (x) => mul(x, normalShare(x, tailOf(x))),
  reference: (x) => (x / 2) * (1 + erfSeries(x * Math.SQRT1_2)),
});

const geluSlope = pointwiseOp({
  name: "gelu_slope",
  doc: "The derivative of gelu, `Φ(x) + x·φ(x)` with the density φ of the normal distribution; both share the exponential in φ. `(2 - x²)·φ(x)` is its own derivative.",
  backward: "GeluBackwardBackward",
  gradient(b, ct, x) {
    const square = b.node("mul", [x, x]);
    const bell = b.node("exp", [b.node("mul", [square, b.constant(-0.5)])]);
    const factor = b.node("mul", [b.node("sub", [b.constant(2), square]), b.constant(DENSITY)]);
    return b.node("mul", [ct, b.node("mul", [factor, bell])]);
  },
  lower(x) {
    const tail = tailOf(x);
    return add(normalShare(x, tail), mul(mul(x, tail.bell), float(DENSITY)));
  },
  reference: (x) => (1 + erfSeries(x * Math.SQRT1_2)) / 2 + x * DENSITY * Math.exp((-x * x) / 2),
});

export const GELU = { gelu, gelu_slope: geluSlope };
