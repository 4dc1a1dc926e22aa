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

export const abs = unary("abs");
export const neg = unary("neg");
export const sign = unary("sign");
export const exp = unary("exp");
export const expm1 = unary("expm1");
export const exp2 = unary("exp2");
export const log = unary("log");
export const log1p = unary("log1p");
export const log2 = unary("log2");
export const log10 = unary("log10");
export const sqrt = unary("sqrt");
export const rsqrt = unary("rsqrt");
export const square = unary("square");
export const reciprocal = unary("reciprocal");
export const sin = unary("sin");
export const cos = unary("cos");
export const tan = unary("tan");
export const asin = unary("asin");
export const acos = unary("acos");
export const atan = unary("atan");
export const sinh = unary("sinh");
export const cosh = unary("cosh");
export const tanh = unary("tanh");
export const asinh = unary("asinh");
export const acosh = unary("acosh");
export const atanh = unary("atanh");
export const sigmoid = unary("sigmoid");
export const erf = unary("erf");
export const erfc = unary("erfc");
export const erfinv = unary("erfinv");
export const floor = unary("floor");
export const ceil = unary("ceil");
export const trunc = unary("trunc");
export const frac = unary("frac");
export const isnan = unary("isnan");
export const isinf = unary("isinf");
export const isfinite = unary("isfinite");
export const logicalNot = unary("logicalNot");

export const bitwiseNot = unary("bitwiseNot");

export const add = binary("add");
export const sub = binary("sub");
export const mul = binary("mul");
export const div = binary("div");
export const pow = binary("pow");
export const maximum = binary("maximum");
export const minimum = binary("minimum");
export const fmax = binary("fmax");
export const fmin = binary("fmin");
export const clampMin = binary("clampMin");
export const clampMax = binary("clampMax");
export const atan2 = binary("atan2");
export const hypot = binary("hypot");
export const fmod = binary("fmod");
export const remainder = binary("remainder");
export const floorDivide = binary("floorDivide");
export const eq = binary("eq");
export const ne = binary("ne");
export const lt = binary("lt");
export const le = binary("le");
export const gt = binary("gt");
export const ge = binary("ge");
export const logicalAnd = binary("logicalAnd");
export const logicalOr = binary("logicalOr");
export const logicalXor = binary("logicalXor");
export const bitwiseAnd = binary("bitwiseAnd");
export const bitwiseOr = binary("bitwiseOr");
export const bitwiseXor = binary("bitwiseXor");
export const bitwiseLeftShift = binary("bitwiseLeftShift");
export const bitwiseRightShift = binary("bitwiseRightShift");
