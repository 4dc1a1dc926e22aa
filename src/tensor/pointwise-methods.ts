/** The elementwise operations of tensors, as methods with PyTorch's names. */

import { type DType, isFloat } from "../core/dtype.ts";
import { type AlphaOptions, readAlpha, refuse, requireFloats } from "./arguments.ts";
import * as elementary from "./elementary.ts";
import { ElementaryMethods } from "./elementary-methods.ts";
import { apply, constant } from "./operation.ts";
import { pow } from "./power.ts";
import { compared, to } from "./promotion.ts";
import { maskedFill, operandLike, where } from "./rearrange.ts";
import * as statistics from "./statistics.ts";
import type { Tensor } from "./tensor.ts";

export abstract class PointwiseMethods extends ElementaryMethods {
  /** Each element with the opposite sign. */
  neg(this: Tensor): Tensor {
    return elementary.neg(this);
  }
  /** e to the power of each element. */
  exp(this: Tensor): Tensor {
    return apply("exp", [this]);
  }
  /** `eˣ - 1` of each element, exact near 0. */
  expm1(this: Tensor): Tensor {
    return apply("expm1", [this]);
  }
  /** The natural logarithm; -Infinity for 0, NaN below. */
  log(this: Tensor): Tensor {
    return apply("log", [this]);
  }
  /** `log(1 + x)` of each element, exact near 0. */
  log1p(this: Tensor): Tensor {
    return apply("log1p", [this]);
  }
  /** The square root of each element; NaN below 0. */
  sqrt(this: Tensor): Tensor {
    return apply("sqrt", [this]);
  }
  /** 1 over the square root of each element; float32. */
  rsqrt(this: Tensor): Tensor {
    requireFloats("rsqrt", this);
    return this.sqrt().reciprocal();
  }
  /** Each element times itself. */
  square(this: Tensor): Tensor {
    const number = this.dtype === "bool" ? this.int() : this;
    return number.mul(number);
  }
  /** 1 over each element; float32. */
  reciprocal(this: Tensor): Tensor {
    requireFloats("reciprocal", this);
    return constant(1).div(this);
  }
  /** The magnitude of each element. */
  abs(this: Tensor): Tensor {
    return elementary.abs(this);
  }
  /** -1, 0 or 1, as elements are below, at or above 0. */
  sign(this: Tensor): Tensor {
    return elementary.sign(this);
  }
  /** The error function of each element. */
  erf(this: Tensor): Tensor {
    return apply("erf", [this]);
  }
  /** Each element, or 0 if it is below 0. */
  relu(this: Tensor): Tensor {
    return apply("relu", [this]);
  }
  /** The hyperbolic tangent of each element. */
  tanh(this: Tensor): Tensor {
    return apply("tanh", [this]);
  }
  /** `1 / (1 + e⁻ˣ)` of each element. */
  sigmoid(this: Tensor): Tensor {
    return apply("sigmoid", [this]);
  }
  /**
   * The sum, element by element, with `{ alpha }` of `this + alpha·other`; shapes are broadcast.
   *
   * ```ts
   * ones(2, 3).add(tensor([1, 2, 3])); // float32[2,3]
   * ```
   */
  add(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    const alpha = readAlpha("add", options);
    const operand = operandLike("add", other, this);
    return elementary.combine("add", this, alpha === 1 ? operand : operand.mul(alpha));
  }
  /** The difference, element by element, with `{ alpha }` of `this - alpha·other`; shapes are broadcast. */
  sub(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    const alpha = readAlpha("sub", options);
    const operand = operandLike("sub", other, this);
    return elementary.difference("sub", this, alpha === 1 ? operand : operand.mul(alpha));
  }
  /** `other - this`. */
  rsub(this: Tensor, other: Tensor | number): Tensor {
    return elementary.difference("rsub", operandLike("rsub", other, this), this);
  }
  /** The product, element by element; shapes are broadcast. {@link matmul} multiplies matrices. */
  mul(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("mul", this, other);
  }
  /** The quotient, rounded to a whole number if `{ roundingMode }` is given. */
  div(this: Tensor, other: Tensor | number, options?: elementary.DivOptions): Tensor {
    return elementary.div(this, other, options);
  }
  /** Each element to the power of `exponent`; shapes are broadcast. */
  pow(this: Tensor, exponent: Tensor | number): Tensor {
    return pow(this, exponent);
  }
  /** The larger of two elements, NaN if one of them is; shapes are broadcast. */
  maximum(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("maximum", this, other);
  }
  /** The smaller of two elements, NaN if one of them is; shapes are broadcast. */
  minimum(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("minimum", this, other);
  }
  /** Each element, but no less than `min` and no more than `max`; either may be left out. */
  clamp(this: Tensor, min?: Tensor | number, max?: Tensor | number): Tensor {
    return statistics.clamp(this, min, max);
  }
  /** Each element, but no less than `min`. */
  clampMin(this: Tensor, min: Tensor | number): Tensor {
    return statistics.clamp(this, min);
  }
  /** Each element, but no more than `max`. */
  clampMax(this: Tensor, max: Tensor | number): Tensor {
    return statistics.clamp(this, undefined, max);
  }
  /** The larger of two elements; of NaN and a number, the number. */
  fmax(this: Tensor, other: Tensor | number): Tensor {
    return elementary.extremeNumber("fmax", this, other);
  }
  /** The smaller of two elements; of NaN and a number, the number. */
  fmin(this: Tensor, other: Tensor | number): Tensor {
    return elementary.extremeNumber("fmin", this, other);
  }
  /** Whether elements are equal; bool, as all comparisons are. */
  eq(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "eq", other);
  }
  /** Whether elements differ; bool. */
  ne(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "ne", other);
  }
  /** Whether elements are less than `other`; bool. */
  lt(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "lt", other);
  }
  /** Whether elements are at most `other`; bool. */
  le(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "le", other);
  }
  /** Whether elements are greater than `other`; bool. */
  gt(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "gt", other);
  }
  /** Whether elements are at least `other`; bool. */
  ge(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "ge", other);
  }
  /** Whether elements are not a number; bool. */
  isnan(this: Tensor): Tensor {
    return compared(this, "ne", this);
  }
  /** This tensor where the bool `condition` is true, `other` elsewhere; shapes are broadcast. */
  where(this: Tensor, condition: Tensor, other: Tensor | number): Tensor {
    return where(condition, this, other);
  }
  /** `value` where the bool `mask` is true. */
  maskedFill(this: Tensor, mask: Tensor, value: Tensor | number): Tensor {
    return maskedFill(this, mask, value);
  }
  /** The same numbers in another dtype; a fraction is cut off, and only 0 is false. */
  to(this: Tensor, dtype: DType): Tensor {
    return to(this, dtype);
  }
  /** In the dtype of `other`. */
  typeAs(this: Tensor, other: Tensor): Tensor {
    return to(this, other?.dtype);
  }
  /** As float32. */
  float(this: Tensor): Tensor {
    return to(this, "float32");
  }
  /** As int32. */
  int(this: Tensor): Tensor {
    return to(this, "int32");
  }
  /** Throws: integers are int32 here. */
  long(this: Tensor): never {
    return refuse(`long() asks for int64, and whole numbers are int32 here: use .int()`);
  }
  /** Whether the dtype is float32. */
  isFloatingPoint(this: Tensor): boolean {
    return isFloat(this.dtype);
  }
  /** Whether elements are not 0. */
  bool(this: Tensor): Tensor {
    return to(this, "bool");
  }
}
