/** Elementary functions of each element, logic and bits as methods with PyTorch's names; arithmetic and comparisons stand in pointwise-methods.ts. */

import * as elementary from "./elementary.ts";
import * as logic from "./logic.ts";
import { apply } from "./operation.ts";
import type { Tensor } from "./tensor.ts";

export abstract class ElementaryMethods {
  /** The sine of each element, in radians. */
  sin(this: Tensor): Tensor {
    return apply("sin", [this]);
  }
  /** The cosine of each element, in radians. */
  cos(this: Tensor): Tensor {
    return apply("cos", [this]);
  }
  /** The tangent of each element, in radians. */
  tan(this: Tensor): Tensor {
    return apply("tan", [this]);
  }
  /** The angle in [-π/2, π/2] whose sine each element is; NaN outside of [-1, 1]. */
  asin(this: Tensor): Tensor {
    return apply("asin", [this]);
  }
  /** The angle in [0, π] whose cosine each element is; NaN outside of [-1, 1]. */
  acos(this: Tensor): Tensor {
    return apply("acos", [this]);
  }
  /** The angle in (-π/2, π/2) whose tangent each element is. */
  atan(this: Tensor): Tensor {
    return apply("atan", [this]);
  }
  /** The hyperbolic sine of each element. */
  sinh(this: Tensor): Tensor {
    return apply("sinh", [this]);
  }
  /** The hyperbolic cosine of each element. */
  cosh(this: Tensor): Tensor {
    return apply("cosh", [this]);
  }
  /** The inverse hyperbolic sine of each element. */
  asinh(this: Tensor): Tensor {
    return apply("asinh", [this]);
  }
  /** The inverse hyperbolic cosine of each element; NaN below 1. */
  acosh(this: Tensor): Tensor {
    return apply("acosh", [this]);
  }
  /** The inverse hyperbolic tangent of each element; NaN outside of [-1, 1]. */
  atanh(this: Tensor): Tensor {
    return apply("atanh", [this]);
  }
  /** 1 minus the error function of each element, accurate even if that is tiny. */
  erfc(this: Tensor): Tensor {
    return apply("erfc", [this]);
  }
  /** The inverse error function of each element. */
  erfinv(this: Tensor): Tensor {
    return apply("erfinv", [this]);
  }
  /** The angle of the point (`other`, `this`). */
  atan2(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("atan2", this, other);
  }
  /** `√(this² + other²)`. */
  hypot(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("hypot", this, other);
  }
  /** 2 to the power of each element. */
  exp2(this: Tensor): Tensor {
    return elementary.exp2(this);
  }
  /** The logarithm to base 2; -Infinity for 0, NaN below. */
  log2(this: Tensor): Tensor {
    return elementary.log2(this);
  }
  /** The logarithm to base 10; -Infinity for 0, NaN below. */
  log10(this: Tensor): Tensor {
    return elementary.log10(this);
  }
  /** `log(x / (1 - x))`; with `eps` elements are first brought into [eps, 1 - eps]. */
  logit(this: Tensor, eps?: number | null): Tensor {
    return elementary.logit(this, eps);
  }
  /** The largest whole number that is not above each element, in the same dtype. */
  floor(this: Tensor): Tensor {
    return elementary.rounded("floor", this);
  }
  /** The smallest whole number that is not below each element, in the same dtype. */
  ceil(this: Tensor): Tensor {
    return elementary.rounded("ceil", this);
  }
  /** Each element without its fraction, in the same dtype. */
  trunc(this: Tensor): Tensor {
    return elementary.rounded("trunc", this);
  }
  /** Rounds to the nearest whole number, ties to even, or to so many decimals. */
  round(this: Tensor, options?: elementary.RoundOptions): Tensor {
    return elementary.round(this, options);
  }
  /** The fraction that {@link trunc} drops, with the sign of the element. */
  frac(this: Tensor): Tensor {
    return elementary.frac(this);
  }
  /** The remainder of a division truncated towards 0, with this tensor's sign. */
  fmod(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("fmod", this, other);
  }
  /** The remainder of a division rounded down, with the divisor's sign. */
  remainder(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("remainder", this, other);
  }
  /** The quotient, rounded down. */
  floorDivide(this: Tensor, other: Tensor | number): Tensor {
    return elementary.div(this, other, { roundingMode: "floor" });
  }
  /** Whether elements are neither infinite nor NaN; bool. */
  isfinite(this: Tensor): Tensor {
    return elementary.isfinite(this);
  }
  /** Whether elements are infinite; bool. */
  isinf(this: Tensor): Tensor {
    return elementary.isinf(this);
  }
  /** With other numbers in place of NaN (by default 0) and of the infinities (by default the largest and least float32). */
  nanToNum(this: Tensor, nan?: number, posinf?: number, neginf?: number): Tensor {
    return elementary.nanToNum(this, nan, posinf, neginf);
  }
  /** Whether `|this - other| ≤ atol + rtol·|other|` (1e-8 and 1e-5 by default), element by element; bool. */
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
  /** `this + value·a·b`, with `value` 1 by default; shapes are broadcast. */
  addcmul(this: Tensor, a: Tensor, b: Tensor, options?: elementary.ValueOptions): Tensor {
    return elementary.addcmul(this, a, b, options);
  }
  /** `this + value·a/b`, with `value` 1 by default; shapes are broadcast. */
  addcdiv(this: Tensor, a: Tensor, b: Tensor, options?: elementary.ValueOptions): Tensor {
    return elementary.addcdiv(this, a, b, options);
  }
  /** Linear interpolation from this tensor to `end` by `weight`. */
  lerp(this: Tensor, end: Tensor, weight: Tensor | number): Tensor {
    return elementary.lerp(this, end, weight);
  }
  /** Whether both elements are not 0; bool. */
  logicalAnd(this: Tensor, other: Tensor | number): Tensor {
    return logic.logicalAnd(this, other);
  }
  /** Whether at least one of the two elements is not 0; bool. */
  logicalOr(this: Tensor, other: Tensor | number): Tensor {
    return logic.logicalOr(this, other);
  }
  /** Whether exactly one of the two elements is not 0; bool. */
  logicalXor(this: Tensor, other: Tensor | number): Tensor {
    return logic.logicalXor(this, other);
  }
  /** The bitwise and, of int32 or bool. */
  bitwiseAnd(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseAnd(this, other);
  }
  /** The bitwise or, of int32 or bool. */
  bitwiseOr(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseOr(this, other);
  }
  /** The bitwise exclusive or, of int32 or bool. */
  bitwiseXor(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseXor(this, other);
  }
  /** Shifts the bits of int32 left by `other` places. */
  bitwiseLeftShift(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseLeftShift(this, other);
  }
  /** Shifts the bits of int32 right by `other` places, keeping the sign. */
  bitwiseRightShift(this: Tensor, other: Tensor | number): Tensor {
    return logic.bitwiseRightShift(this, other);
  }
  /** Whether elements are 0; bool. */
  logicalNot(this: Tensor): Tensor {
    return logic.logicalNot(this);
  }
  /** All bits inverted, of int32; the negation, of bool. */
  bitwiseNot(this: Tensor): Tensor {
    return logic.bitwiseNot(this);
  }
}
