/** Activations that need an op of their own, for their numerics: sigmoid, softplus and softmax. */

import { add, binary, div, float, reduce, sub, unary } from "../loop/build.ts";
import { f32, number, type OpDef, requireFloat, withIndex } from "./definition.ts";
import { smoothOp } from "./math.ts";
import { at, generate, sumOver } from "./ndarray.ts";

const sigmoid = smoothOp({
  name: "sigmoid",
  doc: "`1 / (1 + e^-x)`, element by element, also where `e^-x` is infinite; `y·(1 - y)` is its gradient (torch.sigmoid).",
  backward: "SigmoidBackward",
  gradient: (b, ct, _x, y) => b.node("mul", [ct, b.node("mul", [y, b.node("sub", [b.constant(1), y])])]),
  lower: (x) => div(float(1), add(unary("exp", unary("neg", x)), float(1))),
  reference: (x) => 1 / (1 + Math.exp(-x)),
});

const softplus = smoothOp({
  name: "softplus",
  doc: "`log(1 + e^x)` as `max(x, 0) + log1p(e^-|x|)`, which never overflows; the sigmoid is its gradient (torch.nn.functional.softplus with beta 1 and no threshold).",
  backward: "SoftplusBackward",
  gradient: (b, ct, x) => b.node("mul", [ct, b.node("sigmoid", [x])]),
  lower: (x) => add(binary("max", x, float(0)), unary("log1p", unary("exp", unary("neg", unary("abs", x))))),
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
});

const softmax: OpDef = {
  name: "softmax",
  doc: "`e^x / Σ e^x` along `axis`, the maximum subtracted first (torch.nn.functional.softmax).",
  pattern: "row",
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
    const axis = number(attrs, "axis");
    const row = [{ name: "j", extent: x.type.shape[axis] }];
    return (indices) => {
      const peak = reduce("max", row, ([j]) => x.at(withIndex(indices, axis, j)));
      const sum = reduce("sum", row, ([j]) => unary("exp", sub(x.at(withIndex(indices, axis, j)), peak)));
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
  ],
};

export const ACTIVATION = { sigmoid, softplus, softmax };
