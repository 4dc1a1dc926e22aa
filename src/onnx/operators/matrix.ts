/** Products of matrices. */

import { linear } from "../../nn/functional/linear.ts";
import { einsum } from "../../tensor/einsum.ts";
import { addmm, matmul } from "../../tensor/products.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";

/** The equation with letters in place of ellipses, aligned at the last axis. */
function spelledOut(equation: string, operands: readonly Tensor[]): string {
  if (!equation.includes("...")) return equation;
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  const unused = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((letter) => !equation.includes(letter));
  const counts = terms.map((term, k) => operands[k].ndim - term.replace("...", "").length);
  const most = Math.max(...counts.filter((_, k) => terms[k].includes("...")));
  const axes = (count: number): string => unused.slice(most - count, most).join("");
  const named = terms.map((term, k) => term.replace("...", axes(counts[k]))).join(",");
  const once = [...named.replaceAll(",", "")]
    .sort()
    .filter((letter, _, all) => all.indexOf(letter) === all.lastIndexOf(letter));
  const implied = axes(most) + once.filter((letter) => !axes(most).includes(letter)).join("");
  return `${named}->${right === undefined ? implied : right.replace("...", axes(most))}`;
}

/**
 * Whether it is a linear layer as exporters write one: rows times the transposed weight, and a bias for each output.
 */
function isLinear(call: Call): boolean {
  const [a, b, added] = call.inputs;
  if (a?.tensor.dtype !== "float32" || call.flag("transA") || !call.flag("transB")) return false;
  if (call.float("alpha", 1) !== 1) return false;
  const isBias = added?.shape.length === 1 && added.shape[0] === b?.shape[0];
  return added === undefined || (isBias && call.float("beta", 1) === 1);
}

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
      if (isLinear(call)) return linear(a, b, call.optional(2));
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
    run: (call) => {
      const operands = call.tensors();
      return einsum(spelledOut(call.text("equation", ""), operands), ...operands);
    },
  },
];
