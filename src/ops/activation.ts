/** Activations that their own formula, not a composition, keeps stable: sigmoid and softplus. */

import { add, binary, div, float, unary } from "../loop/build.ts";
import { pointwiseOp } from "./pointwise.ts";

const sigmoid = pointwiseOp({
  name: "sigmoid",
  doc: "`1 / (1 + e^-x)`, element by element, also where `e^-x` is infinite; `y·(1 - y)` is its gradient (torch.sigmoid).",
  backward: "SigmoidBackward",
  gradient: (b, ct, _x, y) => b.node("mul", [ct, b.node("mul", [y, b.node("sub", [b.constant(1), y])])]),
  lower: (x) => div(float(1), add(unary("exp", unary("neg", x)), float(1))),
  reference: (x) => 1 / (1 + Math.exp(-x)),
});

const softplus = pointwiseOp({
  name: "softplus",
  doc: "`log(1 + e^x)` as `max(x, 0) + log1p(e^-|x|)`, which never overflows; the sigmoid is its gradient (torch.nn.functional.softplus with beta 1 and no threshold).",
  backward: "SoftplusBackward",
  gradient: (b, ct, x) => b.node("mul", [ct, b.node("sigmoid", [x])]),
  lower: (x) => add(binary("max", x, float(0)), unary("log1p", unary("exp", unary("neg", unary("abs", x))))),
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
});

export const ACTIVATION = { sigmoid, softplus };
