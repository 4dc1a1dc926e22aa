/** Trigonometric and hyperbolic functions and their inverses, element by element, with PyTorch's gradients. */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { add, binary, compare, div, float, mul, select, unary } from "../loop/build.ts";
import { evaluateUnary } from "../loop/semantics.ts";
import type { Expr, UnaryOp } from "../loop/types.ts";
import { binaryOp } from "./arithmetic.ts";
import { broadcastRead, type OpDef, type SampleInput } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";
import { pointwiseOp } from "./pointwise.ts";

/** A function whose derivative at `x`, where its value is `y`, multiplies the cotangent. */
function smooth(
  name: UnaryOp,
  doc: string,
  derivative: (calculus: Calculus, x: Value, y: Value) => Value,
  draw: SampleInput["draw"] = "any",
): OpDef {
  return pointwiseOp({
    name,
    doc: `${doc} (torch.${name}).`,
    backward: `${name[0].toUpperCase()}${name.slice(1)}Backward`,
    draw,
    gradient: (b, ct, x, y) => b.node("mul", [ct, derivative(new Calculus(b), x, y)]),
    lower: (x) => unary(name, x),
    reference: (x) => evaluateUnary(name, x),
  });
}

/** The operations that derivatives are written with. */
class Calculus {
  private readonly b: GraphBuilder;

  constructor(b: GraphBuilder) {
    this.b = b;
  }

  of = (op: string, ...operands: readonly Value[]): Value => this.b.node(op, operands);
  square = (x: Value): Value => this.of("mul", x, x);
  plus = (x: Value, by: number): Value => this.of("add", x, this.b.constant(by));
  from = (whole: number, x: Value): Value => this.of("sub", this.b.constant(whole), x);
  over = (x: Value): Value => this.of("div", this.b.constant(1), x);
  /** `1/√x`. */
  overRoot = (x: Value): Value => this.over(this.of("sqrt", x));
}

const ANGLES = {
  sin: smooth("sin", "The sine of an angle in radians", (d, x) => d.of("cos", x)),
  cos: smooth("cos", "The cosine of an angle in radians", (d, x) => d.of("neg", d.of("sin", x))),
  tan: smooth("tan", "The tangent of an angle in radians; `1 + tan²` is its gradient", (d, _x, y) =>
    d.plus(d.square(y), 1),
  ),
  asin: smooth(
    "asin",
    "The angle from -π/2 to π/2 whose sine is `x`, NaN beyond ±1; `1/√(1 - x²)` is its gradient",
    (d, x) => d.overRoot(d.from(1, d.square(x))),
    "unit",
  ),
  acos: smooth(
    "acos",
    "The angle from 0 to π whose cosine is `x`, NaN beyond ±1; `-1/√(1 - x²)` is its gradient",
    (d, x) => d.of("neg", d.overRoot(d.from(1, d.square(x)))),
    "unit",
  ),
  atan: smooth(
    "atan",
    "The angle from -π/2 to π/2 whose tangent is `x`; `1/(1 + x²)` is its gradient",
    (d, x) => d.over(d.plus(d.square(x), 1)),
  ),
  atan2: binaryOp(
    "atan2",
    "atan2",
    "The angle from -π to π of the point (`b`, `a`), with broadcasting (torch.atan2); its gradients are `b/(a² + b²)` and `-a/(a² + b²)`, and 0 at the origin.",
    "Atan2Backward",
    "nonzero",
    (b, ct, y, x) => {
      const d = new Calculus(b);
      const size = d.of("add", d.square(x), d.square(y));
      const isZero = b.node("compare", [size, b.constant(0)], { relation: "eq" });
      const share = b.node("where", [isZero, b.constant(0), d.over(size)]);
      return [d.of("mul", ct, d.of("mul", x, share)), d.of("mul", ct, d.of("neg", d.of("mul", y, share)))];
    },
  ),
};

/** The legs are divided by the longer one, so that no square overflows or underflows. */
function hypotenuse(x: Expr, y: Expr): Expr {
  const [a, b] = [unary("abs", x), unary("abs", y)];
  const longer = binary("max", a, b);
  const infinity = float(Number.POSITIVE_INFINITY);
  const isPoint = compare("eq", longer, float(0));
  const [p, q] = [div(a, longer), div(b, longer)];
  const length = mul(longer, unary("sqrt", add(mul(p, p), mul(q, q))));
  // The larger of an infinity and NaN is NaN.
  const isInfinite = binary("or", compare("eq", a, infinity), compare("eq", b, infinity));
  return select(isInfinite, infinity, select(isPoint, float(0), length));
}

const hypot: OpDef = {
  ...ANGLES.atan2,
  name: "hypot",
  doc: "`√(a² + b²)` with broadcasting, infinite where either is (torch.hypot); its gradients are `a` and `b` divided by the result.",
  backward: { name: "HypotBackward" },
  vjp: (b, ct, inputs, out) => inputs.map((x) => b.node("mul", [ct, b.node("div", [x, out])])),
  lower:
    ([x, y]) =>
    (indices) =>
      hypotenuse(broadcastRead(x, indices), broadcastRead(y, indices)),
  reference: ([x, y], output) =>
    generate(output.shape, (index) => Math.hypot(broadcastAt(x, index), broadcastAt(y, index))),
};

export const TRIGONOMETRY = { ...ANGLES, hypot };

export const HYPERBOLIC = {
  sinh: smooth("sinh", "The hyperbolic sine; the hyperbolic cosine is its gradient", (d, x) =>
    d.of("cosh", x),
  ),
  cosh: smooth("cosh", "The hyperbolic cosine; the hyperbolic sine is its gradient", (d, x) =>
    d.of("sinh", x),
  ),
  asinh: smooth("asinh", "The inverse of the hyperbolic sine; `1/√(x² + 1)` is its gradient", (d, x) =>
    d.overRoot(d.plus(d.square(x), 1)),
  ),
  acosh: smooth(
    "acosh",
    "The inverse of the hyperbolic cosine, NaN below 1; `1/√(x² - 1)` is its gradient",
    (d, x) => d.overRoot(d.plus(d.square(x), -1)),
    "above 1",
  ),
  atanh: smooth(
    "atanh",
    "The inverse of the hyperbolic tangent, NaN beyond ±1; `1/(1 - x²)` is its gradient",
    (d, x) => d.over(d.from(1, d.square(x))),
    "unit",
  ),
};
