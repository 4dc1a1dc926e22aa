/** Functions of single elements, as steps of random models: each where it is smooth, bounded, and off its jumps. */

import { F, type Tensor, tensor, where } from "kiln-js";
import { beside, type FunctionTable, OFF, seen, wholeOf } from "./entry.ts";

/** Positive, away from 0. */
const positive = (x: Tensor): Tensor => x.square().add(0.5);
/** Between -1 and 1, away from both. */
const inner = (x: Tensor): Tensor => x.tanh().mul(0.8);
/** Conditions that do not depend on rounding. */
const above = (x: Tensor): Tensor => x.gt(OFF / 3);

export const ELEMENT_FUNCTIONS: FunctionTable = {
  abs: (x) => x.abs(),
  neg: (x) => x.neg(),
  exp: (x) => x.tanh().exp(),
  exp2: (x) => x.tanh().exp2(),
  expm1: (x) => x.tanh().expm1(),
  log: (x) => positive(x).log(),
  log1p: (x) => positive(x).log1p(),
  log2: (x) => positive(x).log2(),
  log10: (x) => positive(x).log10(),
  sqrt: (x) => positive(x).sqrt(),
  rsqrt: (x) => positive(x).rsqrt(),
  square: (x) => x.tanh().square(),
  reciprocal: (x) => positive(x).reciprocal(),
  sin: (x) => x.sin(),
  cos: (x) => x.cos(),
  tan: (x) => inner(x).tan(),
  asin: (x) => inner(x).asin(),
  acos: (x) => inner(x).acos(),
  atan: (x) => x.atan(),
  sinh: (x) => inner(x).sinh(),
  cosh: (x) => inner(x).cosh(),
  tanh: (x) => x.tanh(),
  asinh: (x) => x.asinh(),
  acosh: (x) => positive(x).add(1).acosh(),
  atanh: (x) => inner(x).atanh(),
  sigmoid: (x) => x.sigmoid(),
  relu: (x) => x.relu(),
  erf: (x) => x.erf(),
  erfc: (x) => x.erfc(),
  logit: (x, { a }) => (a % 2 === 0 ? x.sigmoid().logit(0.2) : inner(x).mul(0.5).add(0.5).logit()),
  add: (x, { y, a }) => x.add(y, { alpha: (a % 5) / 4 }),
  sub: (x, { y, a }) => (a % 2 === 0 ? x.sub(y) : x.sub(y.tanh(), { alpha: 0.5 })),
  rsub: (x, { y }) => x.rsub(y),
  mul: (x, { y }) => x.mul(y.tanh()),
  div: (x, { y }) => x.div(positive(y)),
  pow: (x, { y, a }) => (a % 2 === 0 ? positive(x).pow(y.tanh()) : inner(x).pow(2 + (a % 3))),
  maximum: (x, { y }) => x.maximum(y),
  minimum: (x, { y }) => x.minimum(y),
  atan2: (x, { y }) => x.atan2(positive(y)),
  hypot: (x, { y }) => x.hypot(positive(y)),
  fmod: (x, { y, a }) => (a % 2 === 0 ? x.fmod(1.7) : x.fmod(positive(y))),
  remainder: (x, { y, a }) => (a % 2 === 0 ? x.add(OFF).remainder(1.7) : x.add(OFF).remainder(positive(y))),
  clamp: (x, { y, a }) => (a % 2 === 0 ? x.clamp(-0.4, 0.6) : x.clamp(y.sub(1), y.add(0.3))),
  clampMin: (x, { y, a }) => (a % 2 === 0 ? x.clampMin(-0.2) : x.clampMin(y)),
  clampMax: (x, { y, a }) => (a % 2 === 0 ? x.clampMax(0.2) : x.clampMax(y)),
  fmax: (x, { y }) => x.fmax(y.maskedFill(above(x), Number.NaN)),
  fmin: (x, { y }) => x.maskedFill(above(y), Number.NaN).fmin(y),
  erfinv: (x) => inner(x).erfinv(),
  lerp: (x, { y, a }) => (a % 2 === 0 ? x.lerp(y, 0.3) : x.lerp(y, y.sigmoid())),
  addcmul: (x, { y }) => x.addcmul(y.tanh(), x.tanh(), { value: 0.4 }),
  addcdiv: (x, { y }) => x.addcdiv(y, positive(x), { value: 0.4 }),
  nanToNum: (x, { y }) =>
    x
      .maskedFill(y.gt(OFF), Number.NaN)
      .maskedFill(y.lt(-OFF), Number.POSITIVE_INFINITY)
      .nanToNum(0.3, 0.2, -0.2),
  where: (x, { y }) => where(above(x), x, y.tanh()),
  maskedFill: (x, { y, a }) => x.maskedFill(above(y), a % 2 === 0 ? 0.3 : y.mean()),
  frac: (x) => x.add(OFF).frac(),
  float: (x, { y }) => beside(x, wholeOf(y).float().sin()),
  to: (x, { a }) =>
    beside(
      x,
      x
        .add(OFF)
        .to(a % 2 === 0 ? "int32" : "bool")
        .to("float32"),
    ),
  typeAs: (x, { y }) => beside(x, wholeOf(x).typeAs(y)),
  clone: (x) => x.clone().mul_(0.5),
  detach: (x, { y }) => x.mul(y.detach().sin()),
  normalize: (x, { axis }) => F.normalize(x, { dim: axis, eps: 0.3 }),
  dist: (x, { y, a }) => seen(x, x.dist(y.square().add(y).add(1.3), 1 + (a % 3)).mul(0.2)),
};

/** Functions that jump: nothing is differentiated through them. */
export const WHOLE_FUNCTIONS: FunctionTable = {
  sign: (x) => beside(x, x.add(OFF).sign()),
  floor: (x) => beside(x, x.add(OFF).floor()),
  ceil: (x) => beside(x, x.add(OFF).ceil()),
  trunc: (x) => beside(x, x.add(OFF).mul(2).trunc()),
  round: (x, { a }) => beside(x, x.add(OFF / 3).round({ decimals: a % 2 })),
  floorDivide: (x, { y }) => beside(x, x.add(OFF).floorDivide(positive(y))),
  int: (x, { y }) => beside(x, x.add(OFF).int().mul(wholeOf(y)).sub(2)),
  bool: (x) => beside(x, wholeOf(x).bool()),
  eq: (x, { y }) => beside(x, wholeOf(x).eq(wholeOf(y))),
  ne: (x, { y }) => beside(x, wholeOf(x).ne(wholeOf(y))),
  lt: (x, { y }) => beside(x, x.lt(y.add(OFF))),
  le: (x, { y }) => beside(x, x.le(y.add(OFF))),
  gt: (x, { y }) => beside(x, x.gt(y.add(OFF))),
  ge: (x, { y }) => beside(x, x.ge(y.sub(OFF))),
  isnan: (x, { y }) => beside(x, x.maskedFill(above(y), Number.NaN).isnan()),
  isinf: (x, { y }) => beside(x, x.maskedFill(above(y), Number.NEGATIVE_INFINITY).isinf()),
  isfinite: (x, { y }) => beside(x, x.maskedFill(above(y), Number.POSITIVE_INFINITY).isfinite()),
  isclose: (x, { y }) => beside(x, x.isclose(y.add(OFF), { atol: 0.5 })),
  allclose: (x, { y }) => beside(x, x.allclose(y.tanh(), { atol: 0.7 })),
  equal: (x, { y }) => beside(x, wholeOf(x).equal(wholeOf(y))),
  logicalNot: (x) => beside(x, above(x).logicalNot()),
  logicalAnd: (x, { y }) => beside(x, above(x).logicalAnd(y.lt(OFF))),
  logicalOr: (x, { y }) => beside(x, above(x).logicalOr(wholeOf(y))),
  logicalXor: (x, { y }) => beside(x, above(x).logicalXor(above(y))),
  bitwiseNot: (x, { a }) => beside(x, a % 2 === 0 ? above(x).bitwiseNot() : wholeOf(x).bitwiseNot()),
  bitwiseAnd: (x, { y }) => beside(x, wholeOf(x).bitwiseAnd(wholeOf(y).add(5))),
  bitwiseOr: (x, { y }) => beside(x, wholeOf(x).bitwiseOr(wholeOf(y))),
  bitwiseXor: (x, { y, a }) => beside(x, wholeOf(x).bitwiseXor(a % 2 === 0 ? 3 : wholeOf(y))),
  bitwiseLeftShift: (x, { a }) => beside(x, wholeOf(x).bitwiseLeftShift(a % 3)),
  bitwiseRightShift: (x, { y }) => beside(x, wholeOf(x).mul(9).bitwiseRightShift(wholeOf(y).remainder(3))),
  bucketize: (x, { a }) => beside(x, x.bucketize(tensor([-0.7, -0.2, 0.13, 0.6]), { right: a % 2 === 0 })),
};
