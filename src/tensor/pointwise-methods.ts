/** The operations of tensors that compute each element from elements at the same place, as methods with PyTorch's names. */

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
  neg(this: Tensor): Tensor {
    return elementary.neg(this);
  }
  exp(this: Tensor): Tensor {
    return apply("exp", [this]);
  }
  expm1(this: Tensor): Tensor {
    return apply("expm1", [this]);
  }
  log(this: Tensor): Tensor {
    return apply("log", [this]);
  }
  log1p(this: Tensor): Tensor {
    return apply("log1p", [this]);
  }
  sqrt(this: Tensor): Tensor {
    return apply("sqrt", [this]);
  }
  rsqrt(this: Tensor): Tensor {
    requireFloats("rsqrt", this);
    return this.sqrt().reciprocal();
  }
  square(this: Tensor): Tensor {
    const number = this.dtype === "bool" ? this.int() : this;
    return number.mul(number);
  }
  reciprocal(this: Tensor): Tensor {
    requireFloats("reciprocal", this);
    return constant(1).div(this);
  }
  abs(this: Tensor): Tensor {
    return elementary.abs(this);
  }
  sign(this: Tensor): Tensor {
    return elementary.sign(this);
  }
  erf(this: Tensor): Tensor {
    return apply("erf", [this]);
  }
  relu(this: Tensor): Tensor {
    return apply("relu", [this]);
  }
  tanh(this: Tensor): Tensor {
    return apply("tanh", [this]);
  }
  sigmoid(this: Tensor): Tensor {
    return apply("sigmoid", [this]);
  }
  add(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    const alpha = readAlpha("add", options);
    const operand = operandLike("add", other, this);
    return elementary.combine("add", this, alpha === 1 ? operand : operand.mul(alpha));
  }
  sub(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    const alpha = readAlpha("sub", options);
    const operand = operandLike("sub", other, this);
    return elementary.difference("sub", this, alpha === 1 ? operand : operand.mul(alpha));
  }
  /** `other - this`. */
  rsub(this: Tensor, other: Tensor | number): Tensor {
    return elementary.difference("rsub", operandLike("rsub", other, this), this);
  }
  mul(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("mul", this, other);
  }
  /** The quotient, or with `{ roundingMode }` a whole number near it. */
  div(this: Tensor, other: Tensor | number, options?: elementary.DivOptions): Tensor {
    return elementary.div(this, other, options);
  }
  pow(this: Tensor, exponent: Tensor | number): Tensor {
    return pow(this, exponent);
  }
  maximum(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("maximum", this, other);
  }
  minimum(this: Tensor, other: Tensor | number): Tensor {
    return elementary.combine("minimum", this, other);
  }
  clamp(this: Tensor, min?: Tensor | number, max?: Tensor | number): Tensor {
    return statistics.clamp(this, min, max);
  }
  clampMin(this: Tensor, min: Tensor | number): Tensor {
    return statistics.clamp(this, min);
  }
  clampMax(this: Tensor, max: Tensor | number): Tensor {
    return statistics.clamp(this, undefined, max);
  }
  /** The larger one of each two; of NaN and a number the number. */
  fmax(this: Tensor, other: Tensor | number): Tensor {
    return elementary.extremeNumber("fmax", this, other);
  }
  /** The smaller one of each two; of NaN and a number the number. */
  fmin(this: Tensor, other: Tensor | number): Tensor {
    return elementary.extremeNumber("fmin", this, other);
  }
  /** Whether elements are equal; bool, as all comparisons are. */
  eq(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "eq", other);
  }
  ne(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "ne", other);
  }
  lt(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "lt", other);
  }
  le(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "le", other);
  }
  gt(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "gt", other);
  }
  ge(this: Tensor, other: Tensor | number): Tensor {
    return compared(this, "ge", other);
  }
  /** Whether elements are not a number; bool. */
  isnan(this: Tensor): Tensor {
    return compared(this, "ne", this);
  }
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
  /** An error: whole numbers are int32 here. */
  long(this: Tensor): never {
    return refuse(`long() asks for int64, and whole numbers are int32 here: use .int()`);
  }
  isFloatingPoint(this: Tensor): boolean {
    return isFloat(this.dtype);
  }
  /** Whether elements are not 0. */
  bool(this: Tensor): Tensor {
    return to(this, "bool");
  }
}
