/** Elementary functions of single elements. */

import * as functions from "../../tensor/pointwise-functions.ts";
import type { Operator } from "../operator.ts";
import { unary } from "./define.ts";

export const ELEMENTARY: readonly Operator[] = [
  unary("Exp", functions.exp),
  unary("Log", functions.log),
  unary("Sin", functions.sin),
  unary("Cos", functions.cos),
  unary("Tan", functions.tan),
  unary("Asin", functions.asin),
  unary("Acos", functions.acos),
  unary("Atan", functions.atan),
  unary("Sinh", functions.sinh),
  unary("Cosh", functions.cosh),
  unary("Tanh", functions.tanh),
  unary("Asinh", functions.asinh),
  unary("Acosh", functions.acosh),
  unary("Atanh", functions.atanh),
  unary("Erf", functions.erf),
  unary("IsNaN", functions.isnan),
  {
    name: "IsInf",
    run: (call) => {
      const x = call.tensor(0);
      const [negative, positive] = [call.flag("detect_negative", true), call.flag("detect_positive", true)];
      if (negative && positive) return functions.isinf(x);
      if (!negative && !positive) return functions.isinf(x).logicalAnd(0);
      return x.eq(positive ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
    },
  },
];
