/**
 * Activations: relu, and sigmoid and softplus, which need formulas
 * of their own, not compositions, to be numerically stable.
 */

import { KilnError } from "../core/errors.ts";
import { type Shape, sameShape } from "../core/shape.ts";
import { producerOf } from "../ir/body.ts";
import { add, binary, compare, div, float, select, unary } from "../loop/build.ts";
import {
  describe,
  f32,
  isNodeOf,
  type OpDef,
  type Rewrite,
  requireFloat,
  type Sample,
} from "./definition.ts";
import { pointwiseOp } from "./pointwise.ts";

const SHAPES: readonly Shape[] = [[3, 4], [], [1], [0, 3]];

const relu: OpDef = {
  name: "relu",
  doc: "`max(x, 0)`, element by element; NaN stays NaN (torch.nn.functional.relu).",
  arity: 1,
  attributes: {},
  pattern: "elementwise",
  infer(inputs) {
    requireFloat("relu", inputs);
    return inputs[0];
  },
  vjp: (b, ct, _inputs, y) => [b.node("relu_grad", [ct, y])],
  backward: { name: "ReluBackward" },
  lower:
    ([x]) =>
    (indices) =>
      binary("max", x.at(indices), float(0)),
  reference: ([x]) => ({ shape: x.shape, data: x.data.map((v) => Math.max(v, 0)) }),
  samples: () =>
    SHAPES.map((shape): Sample => ({ inputs: [{ ...f32(...shape), draw: "nonzero" }], attrs: {} })),
};

/**
 * `relu_grad(max_pool2d_grad(ct, winner(y)), y) = max_pool2d_grad(relu_grad(ct, max_pool2d(y)), winner(y))`:
 * a window's cotangent goes to its winner, whose value is the pooled output. So the gradient reads that output, and the
 * dense activation need not be kept.
 */
const behindPool: Rewrite = (to, [ct, y]) => {
  if (!isNodeOf(ct, "max_pool2d_grad")) return undefined;
  const [pooledCt, winner] = ct.inputs;
  const pool = winner.kind === "node" ? producerOf(winner) : winner;
  if (!isNodeOf(pool, "max_pool2d") || pool.inputs[0] !== y) return undefined;
  return to.node("max_pool2d_grad", [to.node("relu_grad", [pooledCt, pool]), winner], ct.attrs);
};

const reluGrad: OpDef = {
  name: "relu_grad",
  doc: "The gradient of relu from its output `y`: the cotangent where `y > 0` (or NaN), else 0 (PyTorch's threshold_backward).",
  arity: 2,
  attributes: {},
  pattern: "elementwise",
  needsEqualShapes: true,
  compares: [1],
  rewrites: [behindPool],
  infer(inputs) {
    requireFloat("relu_grad", inputs);
    if (!sameShape(inputs[0].shape, inputs[1].shape)) {
      throw new KilnError(`relu_grad expects equal shapes but got ${inputs.map(describe).join(" and ")}`);
    }
    return inputs[0];
  },
  vjp: (b, ct, [, y]) => [b.node("relu_grad", [ct, y]), undefined],
  backward: { name: "ThresholdBackwardBackward" },
  lower:
    ([ct, y]) =>
    (indices) =>
      select(compare("le", y.at(indices), float(0)), float(0), ct.at(indices)),
  reference: ([ct, y]) => ({ shape: y.shape, data: y.data.map((v, i) => (v <= 0 ? 0 : ct.data[i])) }),
  samples: () =>
    SHAPES.map(
      (shape): Sample => ({ inputs: [f32(...shape), { ...f32(...shape), draw: "nonzero" }], attrs: {} }),
    ),
};

const sigmoid = pointwiseOp({
  name: "sigmoid",
  doc: "`1 / (1 + e^-x)`, element by element, even if `e^-x` is infinite; `y·(1 - y)` is its gradient (torch.sigmoid).",
  backward: "SigmoidBackward",
  gradient: (b, ct, _x, y) => b.node("mul", [ct, b.node("mul", [y, b.node("sub", [b.constant(1), y])])]),
  lower: (x) => div(float(1), add(unary("exp", unary("neg", x)), float(1))),
  reference: (x) => 1 / (1 + Math.exp(-x)),
});

const softplus = pointwiseOp({
  name: "softplus",
  doc: "`log(1 + e^x)` as `max(x, 0) + log1p(e^-|x|)`, which never overflows; the sigmoid is its gradient (torch.nn.functional.softplus with beta 1 and no threshold).",
  backward: "SoftplusBackward",
  gradient: (b, ct, x) => b.node("mul", [ct, b.node("sigmoid", [x])]),
  lower: (x) => add(binary("max", x, float(0)), unary("log1p", unary("exp", unary("neg", unary("abs", x))))),
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
});

export const ACTIVATION = { relu, relu_grad: reluGrad, sigmoid, softplus };
