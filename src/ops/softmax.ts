/** Softmax and its logarithm: each row's maximum and sum are computed once and serve all its elements. */

import { div, reduce, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS } from "./declaration.ts";
import { f32, number, type OpDef, type Operand, requireFloat, withIndex } from "./definition.ts";
import { at, forEachIndex, generate, sumOver } from "./ndarray.ts";

/** The maximum of the row through `indices`, and the sum of the exponentials below it. */
function rowOf(x: Operand, axis: number, indices: readonly Expr[]): { peak: Expr; sum: Expr } {
  const row = [{ name: "j", extent: x.type.shape[axis] }];
  const peak = reduce("max", row, ([j]) => x.at(withIndex(indices, axis, j)));
  const sum = reduce("sum", row, ([j]) => unary("exp", sub(x.at(withIndex(indices, axis, j)), peak)));
  return { peak, sum };
}

const softmax: OpDef = {
  name: "softmax",
  doc: "`e^x / Σ e^x` along `axis`, after subtracting the maximum (torch.nn.functional.softmax).",
  arity: 1,
  attributes: { axis: AXIS },
  pattern: "row",
  rowAxes: (_shape, attrs) => [number(attrs, "axis")],
  infer([x]) {
    requireFloat("softmax", [x]);
    return x;
  },
  vjp(b, ct, _inputs, out, attrs) {
    const mean = b.node("sum", [b.node("mul", [ct, out])], { axes: [number(attrs, "axis")], keepdim: true });
    return [b.node("mul", [out, b.node("sub", [ct, mean])])];
  },
  backward: { name: "SoftmaxBackward" },
  lower([x], _output, attrs) {
    return (indices) => {
      const { peak, sum } = rowOf(x, number(attrs, "axis"), indices);
      return div(unary("exp", sub(x.at(indices), peak)), sum);
    };
  },
  reference([x], _output, attrs) {
    const axis = number(attrs, "axis");
    const extent = [x.shape[axis]];
    return generate(x.shape, (index) => {
      const own = at(x, index);
      return 1 / sumOver(extent, ([j]) => Math.exp(at(x, withIndex(index, axis, j)) - own));
    });
  },
  samples: () => [
    { inputs: [f32(3, 5)], attrs: { axis: 1 } },
    { inputs: [f32(2, 3, 2)], attrs: { axis: 1 } },
    { inputs: [f32(4)], attrs: { axis: 0 } },
    { inputs: [f32(1)], attrs: { axis: 0 } },
    { inputs: [f32(1, 4)], attrs: { axis: 0 } },
    { inputs: [f32(3, 1)], attrs: { axis: 1 } },
    { inputs: [f32(0, 3)], attrs: { axis: 1 } },
    { inputs: [f32(2, 0)], attrs: { axis: 1 } },
  ],
};

const logSoftmax: OpDef = {
  name: "log_softmax",
  doc: "`x - log Σ e^x` along `axis`, after subtracting the maximum (torch.nn.functional.log_softmax).",
  arity: 1,
  attributes: { axis: AXIS },
  pattern: "row",
  rowAxes: (_shape, attrs) => [number(attrs, "axis")],
  infer([x]) {
    requireFloat("log_softmax", [x]);
    return x;
  },
  vjp(b, ct, _inputs, out, attrs) {
    const total = b.node("sum", [ct], { axes: [number(attrs, "axis")], keepdim: true });
    return [b.node("sub", [ct, b.node("mul", [b.node("exp", [out]), total])])];
  },
  backward: { name: "LogSoftmaxBackward" },
  lower([x], _output, attrs) {
    return (indices) => {
      const { peak, sum } = rowOf(x, number(attrs, "axis"), indices);
      return sub(sub(x.at(indices), peak), unary("log", sum));
    };
  },
  reference([x], _output, attrs) {
    const axis = number(attrs, "axis");
    return generate(x.shape, (index) => {
      let peak = Number.NEGATIVE_INFINITY;
      forEachIndex([x.shape[axis]], ([j]) => {
        peak = Math.max(peak, at(x, withIndex(index, axis, j)));
      });
      const sum = sumOver([x.shape[axis]], ([j]) => Math.exp(at(x, withIndex(index, axis, j)) - peak));
      return at(x, index) - peak - Math.log(sum);
    });
  },
  samples: () => [
    { inputs: [f32(3, 5)], attrs: { axis: 1 } },
    { inputs: [f32(2, 3, 2)], attrs: { axis: 1 } },
    { inputs: [f32(4)], attrs: { axis: 0 } },
    { inputs: [f32(1)], attrs: { axis: 0 } },
    { inputs: [f32(1, 4)], attrs: { axis: 0 } },
    { inputs: [f32(3, 1)], attrs: { axis: 1 } },
    { inputs: [f32(0, 3)], attrs: { axis: 1 } },
    { inputs: [f32(2, 0)], attrs: { axis: 1 } },
  ],
};

export const SOFTMAX = { softmax, log_softmax: logSoftmax };
