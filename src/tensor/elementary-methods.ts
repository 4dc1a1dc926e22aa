/** Elementary functions of each element, logic and bits as methods with PyTorch's names; arithmetic and comparisons stand in pointwise-methods.ts. */

import * as elementary from "./elementary.ts";
import * as logic from "./logic.ts";
import { apply } from "./operation.ts";
import type { Tensor } from "./tensor.ts";

export abstract class ElementaryMethods {
  sin(this: Tensor): Tensor {
    return apply("sin", [this]);
  }
  cos(this: Tensor): Tensor {
    return apply("cos", [this]);
  }
  tan(this: Tensor): Tensor {
    return apply("tan", [this]);
  }
  asin(this: Tensor): Tensor {
    return apply("asin", [this]);
  }
  acos(this: Tensor): Tensor {
    return apply("acos", [this]);
  }
  atan(this: Tensor): Tensor {
    return apply("atan", [this]);
  }
  sinh(this: Tensor): Tensor {
    return apply("sinh", [this]);
  }
  cosh(this: Tensor): Tensor {
    return apply("cosh", [this]);
  }
  asinh(this: Tensor): Tensor {
    return apply("asinh", [this]);
  }
  acosh(this: Tensor): Tensor {
    return apply("acosh", [this]);
  }
  atanh(this: Tensor): Tensor {
    return apply("atanh", [this]);
  }
  erfc(this: Tensor): Tensor {
    return apply("erfc", [this]);
  }
  /** What the error function maps to each element. */
  erfinv(this: Tensor): Tensor {
    return apply("erfinv", [this]);
  }
  /** The angle of the point (`other`, `this`). */
  atan2(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("atan2", this, other);
  }
  hypot(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("hypot", this, other);
  }
  exp2(this: Tensor): Tensor {
    return elementary.exp2(this);
  }
  log2(this: Tensor): Tensor {
    return elementary.log2(this);
  }
  log10(this: Tensor): Tensor {
    return elementary.log10(this);
  }
  logit(this: Tensor, eps?: number | null): Tensor {
    return elementary.logit(this, eps);
  }
  floor(this: Tensor): Tensor {
    return elementary.rounded("floor", this);
  }
  ceil(this: Tensor): Tensor {
    return elementary.rounded("ceil", this);
  }
  trunc(this: Tensor): Tensor {
    return elementary.rounded("trunc", this);
  }
  /** The nearest whole number, of two the even one, or so many decimals. */
  round(this: Tensor, options?: elementary.RoundOptions): Tensor {
    return elementary.round(this, options);
  }
  frac(this: Tensor): Tensor {
    return elementary.frac(this);
  }
  /** What division cut off towards 0 leaves, with this tensor's sign. */
  fmod(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("fmod", this, other);
  }
  /** What division rounded down leaves, with the divisor's sign. */
  remainder(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("remainder", this, other);
  }
  /** The quotient, rounded down. */
  floorDivide(this: Tensor, other: Tensor | number): Tensor {
    return elementary.div(this, other, { roundingMode: "floor" });
  }
  isfinite(this: Tensor): Tensor {
    return elementary.isfinite(this);
  }
  isinf(this: Tensor): Tensor {
    return elementary.isinf(this);
  }
  nanToNum(this: Tensor, nan?: number, posinf?: number, neginf?: number): Tensor {
    return elementary.nanToNum(this, nan, posinf, neginf);
  }
  isclose(this: Tensor, other: Tensor, options?: elementary.ClosenessOptions): Tensor {
    return elementary.isclose(this, other, options);
  }
  /** Whether all elements are close, as a bool tensor of one element. */
  allclose(this: Tensor, other: Tensor, options?: elementary.ClosenessOptions): Tensor {
    return elementary.allclose(this, other, options);
  }
  /** Whether shapes and all elements are equal, as a bool tensor of one element. */
  equal(this: Tensor, other: Tensor): Tensor {
    return elementary.equal(this, other);
  }
  addcmul(this: Tensor, a: Tensor, b: Tensor, options?: elementary.ValueOptions): Tensor {
    return elementary.addcmul(this, a, b, options);
  }
  addcdiv(this: Tensor, a: Tensor, b: Tensor, options?: elementary.ValueOptions): Tensor {
    return elementary.addcdiv(this, a, b, options);
  }
  /** From this tensor to `end` by `weight`. */
  lerp(this: Tensor, end: Tensor, weight: Tensor | number): Tensor {
    return elementary.lerp(this, end, weight);
  }
  logicalAnd(this: Tensor, other: Tensor | number): Tensor {
    return logic.logicalAnd(this, other);
  }
  logicalOr(this: Tensor, other: Tensor | number): Tensor {
    return logic.logicalOr(this, other);
  }
  logicalXor(this: Tensor, other: Tensor | number): Tensor {
    return logic.logicalXor(this, other);
  }
  bitwiseAnd(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseAnd(this, other);
  }
  bitwiseOr(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseOr(this, other);
  }
  bitwiseXor(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseXor(this, other);
  }
  bitwiseLeftShift(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseLeftShift(this, other);
  }
  bitwiseRightShift(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseRightShift(this, other);
  }
  logicalNot(this: Tensor): Tensor {
    return logic.logicalNot(this);
  }
  bitwiseNot(this: Tensor): Tensor {
    return logic.bitwiseNot(this);
  }
}
