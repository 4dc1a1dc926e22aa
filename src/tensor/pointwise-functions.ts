/** The methods of single elements as functions: `sin(x)` for `x.sin()`, as PyTorch's users write `torch.sin(x)`. */

import { requireTensor } from "./arguments.ts";
import type { Tensor } from "./tensor.ts";

type Unary = {
  [Name in keyof Tensor]: Tensor[Name] extends (this: Tensor) => Tensor ? Name : never;
}[keyof Tensor];
type Binary = {
  [Name in keyof Tensor]: Tensor[Name] extends (this: Tensor, other: Tensor | number) => Tensor
    ? Name
    : never;
}[keyof Tensor];

const unary =
  (name: Unary) =>
  (input: Tensor): Tensor => {
    requireTensor(name, input);
    return input[name]();
  };

const binary =
  (name: Binary) =>
  (input: Tensor, other: Tensor | number): Tensor => {
    requireTensor(name, input);
    return input[name](other);
  };

/** The magnitude of each element. */
export const abs = unary("abs");
/** Each element with the opposite sign. */
export const neg = unary("neg");
/** -1, 0 or 1, as elements are below, at or above 0. */
export const sign = unary("sign");
/** e to the power of each element. */
export const exp = unary("exp");
/** `eˣ - 1` of each element, exact near 0. */
export const expm1 = unary("expm1");
/** 2 to the power of each element. */
export const exp2 = unary("exp2");
/** The natural logarithm; -Infinity for 0, NaN below. */
export const log = unary("log");
/** `log(1 + x)` of each element, exact near 0. */
export const log1p = unary("log1p");
/** The logarithm to base 2; -Infinity for 0, NaN below. */
export const log2 = unary("log2");
/** The logarithm to base 10; -Infinity for 0, NaN below. */
export const log10 = unary("log10");
/** The square root of each element; NaN below 0. */
export const sqrt = unary("sqrt");
/** 1 over the square root of each element; float32. */
export const rsqrt = unary("rsqrt");
/** Each element times itself. */
export const square = unary("square");
/** 1 over each element; float32. */
export const reciprocal = unary("reciprocal");
/** The sine of each element, in radians. */
export const sin = unary("sin");
/** The cosine of each element, in radians. */
export const cos = unary("cos");
/** The tangent of each element, in radians. */
export const tan = unary("tan");
/** The angle in [-π/2, π/2] whose sine each element is; NaN outside of [-1, 1]. */
export const asin = unary("asin");
/** The angle in [0, π] whose cosine each element is; NaN outside of [-1, 1]. */
export const acos = unary("acos");
/** The angle in (-π/2, π/2) whose tangent each element is. */
export const atan = unary("atan");
/** The hyperbolic sine of each element. */
export const sinh = unary("sinh");
/** The hyperbolic cosine of each element. */
export const cosh = unary("cosh");
/** The hyperbolic tangent of each element. */
export const tanh = unary("tanh");
/** The inverse hyperbolic sine of each element. */
export const asinh = unary("asinh");
/** The inverse hyperbolic cosine of each element; NaN below 1. */
export const acosh = unary("acosh");
/** The inverse hyperbolic tangent of each element; NaN outside of [-1, 1]. */
export const atanh = unary("atanh");
/** `1 / (1 + e⁻ˣ)` of each element. */
export const sigmoid = unary("sigmoid");
/** The error function of each element. */
export const erf = unary("erf");
/** 1 minus the error function of each element, accurate even if that is tiny. */
export const erfc = unary("erfc");
/** The inverse error function of each element. */
export const erfinv = unary("erfinv");
/** The largest whole number that is not above each element, in the same dtype. */
export const floor = unary("floor");
/** The smallest whole number that is not below each element, in the same dtype. */
export const ceil = unary("ceil");
/** Each element without its fraction, in the same dtype. */
export const trunc = unary("trunc");
/** The fraction that {@link Tensor.trunc} drops, with the sign of the element. */
export const frac = unary("frac");
/** Whether elements are not a number; bool. */
export const isnan = unary("isnan");
/** Whether elements are infinite; bool. */
export const isinf = unary("isinf");
/** Whether elements are neither infinite nor NaN; bool. */
export const isfinite = unary("isfinite");
/** Whether elements are 0; bool. */
export const logicalNot = unary("logicalNot");

/** All bits inverted, of int32; the negation, of bool. */
export const bitwiseNot = unary("bitwiseNot");

/** The sum, element by element; shapes are broadcast. */
export const add = binary("add");
/** The difference, element by element; shapes are broadcast. */
export const sub = binary("sub");
/** The product, element by element; shapes are broadcast. {@link Tensor.matmul} multiplies matrices. */
export const mul = binary("mul");
/** The quotient, element by element; shapes are broadcast. */
export const div = binary("div");
/** Each element to the power of `exponent`; shapes are broadcast. */
export const pow = binary("pow");
/** The larger of two elements, NaN if one of them is; shapes are broadcast. */
export const maximum = binary("maximum");
/** The smaller of two elements, NaN if one of them is; shapes are broadcast. */
export const minimum = binary("minimum");
/** The larger of two elements; of NaN and a number, the number. */
export const fmax = binary("fmax");
/** The smaller of two elements; of NaN and a number, the number. */
export const fmin = binary("fmin");
/** Each element, but no less than `min`. */
export const clampMin = binary("clampMin");
/** Each element, but no more than `max`. */
export const clampMax = binary("clampMax");
/** The angle of the point (`other`, `input`), in radians. */
export const atan2 = binary("atan2");
/** `√(input² + other²)`. */
export const hypot = binary("hypot");
/** The remainder of a division truncated towards 0, with the sign of `input`. */
export const fmod = binary("fmod");
/** The remainder of a division rounded down, with the divisor's sign. */
export const remainder = binary("remainder");
/** The quotient, rounded down. */
export const floorDivide = binary("floorDivide");
/** Whether elements are equal; bool. */
export const eq = binary("eq");
/** Whether elements differ; bool. */
export const ne = binary("ne");
/** Whether elements are less than `other`; bool. */
export const lt = binary("lt");
/** Whether elements are at most `other`; bool. */
export const le = binary("le");
/** Whether elements are greater than `other`; bool. */
export const gt = binary("gt");
/** Whether elements are at least `other`; bool. */
export const ge = binary("ge");
/** Whether both elements are not 0; bool. */
export const logicalAnd = binary("logicalAnd");
/** Whether at least one of the two elements is not 0; bool. */
export const logicalOr = binary("logicalOr");
/** Whether exactly one of the two elements is not 0; bool. */
export const logicalXor = binary("logicalXor");
/** The bitwise and, of int32 or bool. */
export const bitwiseAnd = binary("bitwiseAnd");
/** The bitwise or, of int32 or bool. */
export const bitwiseOr = binary("bitwiseOr");
/** The bitwise exclusive or, of int32 or bool. */
export const bitwiseXor = binary("bitwiseXor");
/** Shifts the bits of int32 left by `other` places. */
export const bitwiseLeftShift = binary("bitwiseLeftShift");
/** Shifts the bits of int32 right by `other` places, keeping the sign. */
export const bitwiseRightShift = binary("bitwiseRightShift");
