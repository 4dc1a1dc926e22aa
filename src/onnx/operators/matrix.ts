/** Products of matrices. */

import { einsum } from "../../tensor/einsum.ts";
import { addmm, matmul } from "../../tensor/products.ts";
import type { Operator } from "../operator.ts";

export const MATRIX: readonly Operator[] = [
  {
    name: "MatMul",
    weights: [0, 1],
    run: (call) => matmul(call.tensor(0), call.tensor(1)),
  },
  {
    name: "Gemm",
    weights: [0, 1, 2],
    run: (call) => {
      const [a, b] = [call.tensor(0), call.tensor(1)];
      const [left, right] = [call.flag("transA") ? a.t() : a, call.flag("transB") ? b.t() : b];
      const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
      const added = call.optional(2);
      if (added === undefined) return alpha === 1 ? matmul(left, right) : matmul(left, right).mul(alpha);
      return addmm(added, left, right, { alpha, beta });
    },
  },
  {
    name: "Einsum",
    weights: [0, 1],
    run: (call) => einsum(call.text("equation", ""), ...call.tensors()),
  },
];
