/** Elementwise losses of an input and a target of one shape: of differences, and of probabilities of two outcomes. */

import { KilnError } from "../core/errors.ts";
import { type Shape, sameShape } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { add, binary, compare, float, mul, select, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { type Arity, type Attributes, NUMBER } from "./declaration.ts";
import {
  type BackwardInfo,
  broadcastRead,
  describe,
  f32,
  number,
  type OpDef,
  requireBroadcast,
  requireFloat,
  type SampleInput,
} from "./definition.ts";
import {
  lowerReduced,
  REDUCTION,
  REDUCTION_KIND,
  REDUCTIONS,
  reducedType,
  referenceReduced,
  weightOf,
} from "./loss-reduction.ts";
import { broadcastAt } from "./ndarray.ts";

/** What distinguishes one elementwise loss from another. */
interface ElementLoss {
  readonly name: string;
  readonly doc: string;
  readonly backward: BackwardInfo["name"];
  readonly arity: Arity;
  /** The attributes besides the reduction. */
  readonly settings: Attributes;
  /** How test data for the inputs is drawn, and settings to test. */
  readonly samples: readonly { readonly inputs: readonly SampleInput[]; readonly attrs: Attrs }[];
  /** The loss of one element; operands after input and target are broadcast to their shape. */
  lower(elements: readonly Expr[], attrs: Attrs): Expr;
  reference(elements: readonly number[], attrs: Attrs): number;
  /** The cotangents of all inputs, given `scale`, that of each element's loss. */
  gradients(b: GraphBuilder, scale: Value, inputs: readonly Value[], attrs: Attrs): readonly Value[];
}

function elementLoss(loss: ElementLoss): OpDef {
  const { name } = loss;
  return {
    name,
    doc: `${loss.doc} ${REDUCTION}`,
    arity: loss.arity,
    attributes: { ...loss.settings, reduction: REDUCTION_KIND },
    pattern: "reduction",
    infer(inputs, attrs) {
      requireFloat(name, inputs);
      const [input, target, ...others] = inputs;
      if (!sameShape(input.shape, target.shape)) {
        throw new KilnError(
          `${name} expects input and target of one shape but got ${describe(input)} and ${describe(target)}`,
        );
      }
      for (const other of others) {
        if (!sameShape(requireBroadcast(name, input.shape, other.shape), input.shape))
          throw new KilnError(`${name} cannot spread ${describe(other)} over ${describe(input)}`);
      }
      return reducedType(input.shape, attrs);
    },
    vjp(b, ct, inputs, _out, attrs) {
      const scale = b.node("mul", [ct, b.constant(weightOf(inputs[0].type.shape, attrs))]);
      return loss.gradients(b, scale, inputs, attrs);
    },
    backward: { name: loss.backward },
    lower: (operands, _output, attrs) =>
      lowerReduced(operands[0].type.shape, attrs, (indices) =>
        loss.lower(
          operands.map((operand) => broadcastRead(operand, indices)),
          attrs,
        ),
      ),
    reference: (inputs, _output, attrs) =>
      referenceReduced(inputs[0].shape, attrs, (index) =>
        loss.reference(
          inputs.map((input) => broadcastAt(input, index)),
          attrs,
        ),
      ),
    samples: () =>
      loss.samples.flatMap(({ inputs, attrs }) =>
        REDUCTIONS.map((reduction) => ({ inputs, attrs: { ...attrs, reduction } })),
      ),
  };
}

/** A single number, the shortest list and no elements. */
const SMALL_SHAPES: readonly Shape[] = [[], [1], [0, 3]];

/** A loss of the difference between input and target. */
function differenceLoss(
  name: string,
  doc: string,
  backward: BackwardInfo["name"],
  settings: Attributes,
  examples: readonly Attrs[],
  measure: (difference: Expr, attrs: Attrs) => Expr,
  measureNumber: (difference: number, attrs: Attrs) => number,
  slope: (b: GraphBuilder, difference: Value, attrs: Attrs) => Value,
): OpDef {
  const distinct = { ...f32(2, 3), draw: "distinct" } as const;
  return elementLoss({
    name,
    doc,
    backward,
    arity: 2,
    settings,
    samples: [
      ...examples.map((attrs) => ({ inputs: [distinct, distinct], attrs })),
      ...SMALL_SHAPES.map((shape) => {
        const input = { ...f32(...shape), draw: "distinct" } as const;
        return { inputs: [input, input], attrs: examples[0] };
      }),
    ],
    lower: ([input, target], attrs) => measure(sub(input, target), attrs),
    reference: ([input, target], attrs) => measureNumber(input - target, attrs),
    gradients(b, scale, [input, target], attrs) {
      const gradient = b.node("mul", [slope(b, b.node("sub", [input, target]), attrs), scale]);
      return [gradient, b.node("neg", [gradient])];
    },
  });
}

const mseLoss = differenceLoss(
  "mse_loss",
  "The squared difference (torch.nn.functional.mse_loss).",
  "MseLossBackward",
  {},
  [{}],
  (d) => binary("mul", d, d),
  (d) => d * d,
  (b, d) => b.node("mul", [d, b.constant(2)]),
);

const l1Loss = differenceLoss(
  "l1_loss",
  "The absolute difference; its slope at 0 is 0 (torch.nn.functional.l1_loss).",
  // PyTorch composes it of a difference, its absolute value and the reduction, whose name shows.
  (_inputs, { reduction }) =>
    ({ mean: "MeanBackward", sum: "SumBackward" })[String(reduction)] ?? "AbsBackward",
  {},
  [{}],
  (d) => unary("abs", d),
  Math.abs,
  (b, d) => b.node("sign", [d]),
);

/** The difference clamped to ±`bound`: the slope of a parabola that continues as a line. */
function clampedSlope(b: GraphBuilder, difference: Value, bound: number): Value {
  const limit = b.constant(bound);
  return b.node("maximum", [b.node("minimum", [difference, limit]), b.constant(-bound)]);
}

const huberLoss = differenceLoss(
  "huber_loss",
  "`d²/2` of the difference d up to `delta`, `delta·(|d| - delta/2)` beyond (torch.nn.functional.huber_loss).",
  "HuberLossBackward",
  { delta: NUMBER },
  [{ delta: 1 }, { delta: 0.25 }],
  (d, attrs) => {
    const delta = number(attrs, "delta");
    const size = unary("abs", d);
    const line = mul(sub(size, float(0.5 * delta)), float(delta));
    return select(compare("le", size, float(delta)), mul(mul(d, d), float(0.5)), line);
  },
  (d, attrs) => {
    const delta = number(attrs, "delta");
    return Math.abs(d) <= delta ? 0.5 * d * d : delta * (Math.abs(d) - 0.5 * delta);
  },
  (b, d, attrs) => clampedSlope(b, d, number(attrs, "delta")),
);

const smoothL1Loss = differenceLoss(
  "smooth_l1_loss",
  "`d²/(2·beta)` of the difference d below the positive `beta`, `|d| - beta/2` beyond (torch.nn.functional.smooth_l1_loss).",
  "SmoothL1LossBackward",
  { beta: NUMBER },
  [{ beta: 1 }, { beta: 0.25 }],
  (d, attrs) => {
    const beta = number(attrs, "beta");
    const size = unary("abs", d);
    const parabola = mul(mul(d, d), float(0.5 / beta));
    return select(compare("lt", size, float(beta)), parabola, sub(size, float(0.5 * beta)));
  },
  (d, attrs) => {
    const beta = number(attrs, "beta");
    return Math.abs(d) < beta ? (0.5 * d * d) / beta : Math.abs(d) - 0.5 * beta;
  },
  (b, d, attrs) => clampedSlope(b, b.node("div", [d, b.constant(number(attrs, "beta"))]), 1),
);

const probability: SampleInput = { ...f32(2, 3), draw: "unit" };

/** PyTorch's lower limit for logarithms of probabilities. */
const LEAST_LOG = -100;
/** PyTorch's lower limit for `p·(1 - p)`, in the denominator of the gradient. */
const LEAST_VARIANCE = 1e-12;

const bounded = (logarithm: Expr): Expr => binary("max", logarithm, float(LEAST_LOG));

const binaryCrossEntropy = elementLoss({
  name: "binary_cross_entropy",
  doc: "`-(t·log p + (1 - t)·log(1 - p))` of probabilities p and targets t; logarithms are clamped to at least -100, and the gradient's `p·(1 - p)` to at least 1e-12, so that both stay finite at 0 and 1 (torch.nn.functional.binary_cross_entropy).",
  backward: "BinaryCrossEntropyBackward",
  arity: 2,
  settings: {},
  samples: [probability, ...SMALL_SHAPES.map((shape) => ({ ...probability, shape }))].map((input) => ({
    inputs: [input, input],
    attrs: {},
  })),
  lower([p, t]) {
    const against = mul(sub(t, float(1)), bounded(unary("log1p", unary("neg", p))));
    return sub(against, mul(t, bounded(unary("log", p))));
  },
  reference: ([p, t]) => (t - 1) * Math.max(Math.log1p(-p), LEAST_LOG) - t * Math.max(Math.log(p), LEAST_LOG),
  gradients(b, scale, [p, t]) {
    const rest = b.node("sub", [b.constant(1), p]);
    const variance = b.node("maximum", [b.node("mul", [rest, p]), b.constant(LEAST_VARIANCE)]);
    const slope = b.node("div", [b.node("sub", [p, t]), variance]);
    const logOf = (op: string, x: Value): Value =>
      b.node("maximum", [b.node(op, [x]), b.constant(LEAST_LOG)]);
    const toTarget = b.node("sub", [logOf("log1p", b.node("neg", [p])), logOf("log", p)]);
    return [b.node("mul", [slope, scale]), b.node("mul", [toTarget, scale])];
  },
});

/** `log(1 + e^-x)`, which never overflows. */
function lowerSoftplusOfNegative(x: Expr): Expr {
  const tail = unary("log1p", unary("exp", unary("neg", unary("abs", x))));
  return add(binary("max", unary("neg", x), float(0)), tail);
}

const logits: SampleInput = { ...f32(2, 3), draw: "nonzero" };

const binaryCrossEntropyWithLogits = elementLoss({
  name: "binary_cross_entropy_with_logits",
  doc: "`(1 - t)·x + (1 + (w - 1)·t)·log(1 + e^-x)` of logits x, targets t and an optional weight w of positive examples: binary cross-entropy of sigmoid(x) that never overflows (torch.nn.functional.binary_cross_entropy_with_logits).",
  backward: "BinaryCrossEntropyWithLogitsBackward",
  arity: [2, 3],
  settings: {},
  samples: [
    { inputs: [logits, probability], attrs: {} },
    ...SMALL_SHAPES.map((shape) => ({
      inputs: [
        { ...logits, shape },
        { ...probability, shape },
      ],
      attrs: {},
    })),
    { inputs: [logits, probability, { ...f32(3), draw: "positive" }], attrs: {} },
  ],
  lower([x, t, w]) {
    const tail = lowerSoftplusOfNegative(x);
    const weighted = w ? mul(add(mul(sub(w, float(1)), t), float(1)), tail) : tail;
    return add(mul(sub(float(1), t), x), weighted);
  },
  reference([x, t, w = 1]) {
    const tail = Math.max(-x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    return (1 - t) * x + (1 + (w - 1) * t) * tail;
  },
  gradients(b, scale, [x, t, w]) {
    const scaled = (value: Value): Value => b.node("mul", [value, scale]);
    const sigmoid = b.node("sigmoid", [x]);
    if (w === undefined) return [scaled(b.node("sub", [sigmoid, t])), b.node("neg", [scaled(x)])];
    const excess = b.node("sub", [w, b.constant(1)]);
    const factor = b.node("add", [b.node("mul", [excess, t]), b.constant(1)]);
    const toInput = b.node("sub", [b.node("mul", [sigmoid, factor]), b.node("mul", [t, w])]);
    const tail = b.node("softplus", [b.node("neg", [x])]);
    const toTarget = b.node("sub", [b.node("mul", [excess, tail]), x]);
    return [scaled(toInput), scaled(toTarget), scaled(b.node("mul", [t, tail]))];
  },
});

export const LOSS = {
  mse_loss: mseLoss,
  l1_loss: l1Loss,
  huber_loss: huberLoss,
  smooth_l1_loss: smoothL1Loss,
  binary_cross_entropy: binaryCrossEntropy,
  binary_cross_entropy_with_logits: binaryCrossEntropyWithLogits,
};
