/** Losses: nll_loss (cross-entropy is log_softmax and this), mse_loss and l1_loss. */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, TensorType, Value } from "../ir/types.ts";
import { binary, cast, compare, float, mul, reduce, select, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import {
  describe,
  f32,
  number,
  type OpDef,
  type Operand,
  requireFloat,
  type Sample,
  text,
} from "./definition.ts";
import { at, generate, type NdArray, sumOver } from "./ndarray.ts";

const REDUCTIONS = ["mean", "sum", "none"];
const REDUCTION = "`reduction` is mean, sum or none.";

function reducedType(shape: Shape, attrs: Attrs): TensorType {
  const reduction = text(attrs, "reduction");
  if (!REDUCTIONS.includes(reduction))
    throw new KilnError(`reduction must be one of ${REDUCTIONS.join(", ")}, not ${reduction}`);
  return { dtype: "float32", shape: reduction === "none" ? shape : [] };
}

/** What each element's loss counts in the reduced one. */
const weightOf = (shape: Shape, attrs: Attrs): number =>
  text(attrs, "reduction") === "mean" ? 1 / sizeOf(shape) : 1;

/** Lowers a per-element loss to its mean, sum or itself. */
function lowerReduced(shape: Shape, attrs: Attrs, element: (indices: readonly Expr[]) => Expr) {
  if (text(attrs, "reduction") === "none") return element;
  return (): Expr => {
    const sum = reduce(
      "sum",
      shape.map((extent, axis) => ({ name: `s${axis}`, extent })),
      element,
    );
    return mul(sum, float(weightOf(shape, attrs)));
  };
}

function referenceReduced(
  shape: Shape,
  attrs: Attrs,
  element: (index: readonly number[]) => number,
): NdArray {
  if (text(attrs, "reduction") === "none") return generate(shape, element);
  return { shape: [], data: Float64Array.of(sumOver(shape, element) * weightOf(shape, attrs)) };
}

/** Classes stand on axis 1, or on axis 0 of a single sample. */
const classAxis = (shape: Shape): number => (shape.length === 1 ? 0 : 1);
const withoutAxis = <T>(list: readonly T[], axis: number): T[] => list.filter((_, k) => k !== axis);
const insertAt = <T>(list: readonly T[], axis: number, item: T): T[] => [
  ...list.slice(0, axis),
  item,
  ...list.slice(axis),
];

const nllLoss: OpDef = {
  name: "nll_loss",
  doc: `The negative log-probability of each target class: log-probabilities [N,C,…] or [C] and int32 targets [N,…] or [] (torch.nn.functional.nll_loss). ${REDUCTION}`,
  pattern: "reduction",
  infer([logp, target], attrs) {
    requireFloat("nll_loss", [logp]);
    const expected = withoutAxis(logp.shape, classAxis(logp.shape));
    if (logp.shape.length === 0 || target.dtype !== "int32" || !sameShape(target.shape, expected)) {
      throw new KilnError(
        `the class targets of ${describe(logp)} must be int32${formatShape(expected)} but are ${describe(target)}`,
      );
    }
    return reducedType(target.shape, attrs);
  },
  vjp(b, ct, [logp, target], _out, attrs) {
    const axis = classAxis(logp.type.shape);
    const hot = b.node("one_hot", [target], { classes: logp.type.shape[axis], axis });
    const weight = b.constant(-weightOf(target.type.shape, attrs));
    const kept = insertAt(ct.type.shape, Math.min(axis, ct.type.shape.length), 1);
    const spread = ct.type.shape.length === 0 ? ct : b.node("reshape", [ct], { shape: kept });
    return [b.node("mul", [hot, b.node("mul", [spread, weight])]), undefined];
  },
  backward: { name: "NllLossBackward" },
  lower([logp, target], _output, attrs) {
    const axis = classAxis(logp.type.shape);
    const classes = [{ name: "c", extent: logp.type.shape[axis] }];
    return lowerReduced(target.type.shape, attrs, (indices) =>
      unary(
        "neg",
        reduce("sum", classes, ([c]) =>
          select(compare("eq", c, target.at(indices)), logp.at(insertAt(indices, axis, c)), float(0)),
        ),
      ),
    );
  },
  reference([logp, target], _output, attrs) {
    const axis = classAxis(logp.shape);
    return referenceReduced(
      target.shape,
      attrs,
      (index) => -at(logp, insertAt(index, axis, at(target, index))),
    );
  },
  samples: () =>
    REDUCTIONS.flatMap((reduction): Sample[] => [
      { inputs: [f32(4, 5), { dtype: "int32", shape: [4], below: 5 }], attrs: { reduction } },
      { inputs: [f32(2, 3, 2), { dtype: "int32", shape: [2, 2], below: 3 }], attrs: { reduction } },
      { inputs: [f32(3), { dtype: "int32", shape: [], below: 3 }], attrs: { reduction } },
    ]),
};

const oneHot: OpDef = {
  name: "one_hot",
  doc: "1 where the index along the new `axis` of extent `classes` equals the int32 target, else 0.",
  pattern: "elementwise",
  infer([target], attrs) {
    return {
      dtype: "float32",
      shape: insertAt(target.shape, number(attrs, "axis"), number(attrs, "classes")),
    };
  },
  vjp: () => [undefined],
  backward: { name: "OneHotBackward" },
  lower([target], _output, attrs) {
    const axis = number(attrs, "axis");
    return (indices) => cast(compare("eq", indices[axis], target.at(withoutAxis(indices, axis))), "float32");
  },
  reference: ([target], output, attrs) =>
    generate(output.shape, (index) => {
      const axis = number(attrs, "axis");
      return at(target, withoutAxis(index, axis)) === index[axis] ? 1 : 0;
    }),
  samples: () => [{ inputs: [{ dtype: "int32", shape: [4], below: 3 }], attrs: { classes: 3, axis: 1 } }],
};

/** A loss of the difference between an input and a target of the same shape. */
function differenceLoss(
  name: string,
  doc: string,
  backward: string,
  measure: (difference: Expr) => Expr,
  measureNumber: (difference: number) => number,
  slope: (b: GraphBuilder, difference: Value) => Value,
): OpDef {
  return {
    name,
    doc: `${doc} ${REDUCTION}`,
    pattern: "reduction",
    infer([input, target], attrs) {
      requireFloat(name, [input, target]);
      if (!sameShape(input.shape, target.shape)) {
        throw new KilnError(
          `${name} expects input and target of one shape but got ${describe(input)} and ${describe(target)}`,
        );
      }
      return reducedType(input.shape, attrs);
    },
    vjp(b, ct, [input, target], _out, attrs) {
      const difference = b.node("sub", [input, target]);
      const scale = b.node("mul", [ct, b.constant(weightOf(input.type.shape, attrs))]);
      const gradient = b.node("mul", [slope(b, difference), scale]);
      return [gradient, b.node("neg", [gradient])];
    },
    backward: { name: backward },
    lower: ([input, target]: readonly Operand[], _output, attrs) =>
      lowerReduced(input.type.shape, attrs, (indices) => measure(sub(input.at(indices), target.at(indices)))),
    reference: ([input, target], _output, attrs) =>
      referenceReduced(input.shape, attrs, (index) => measureNumber(at(input, index) - at(target, index))),
    samples: () =>
      REDUCTIONS.map((reduction) => ({
        inputs: [
          { ...f32(2, 3), draw: "distinct" as const },
          { ...f32(2, 3), draw: "distinct" as const },
        ],
        attrs: { reduction },
      })),
  };
}

const mseLoss = differenceLoss(
  "mse_loss",
  "The squared difference (torch.nn.functional.mse_loss).",
  "MseLossBackward",
  (d) => binary("mul", d, d),
  (d) => d * d,
  (b, d) => b.node("mul", [d, b.constant(2)]),
);

const l1Loss = differenceLoss(
  "l1_loss",
  "The absolute difference; its slope at 0 is 0 (torch.nn.functional.l1_loss).",
  "L1LossBackward",
  (d) => unary("abs", d),
  Math.abs,
  (b, d) => b.node("sign", [d]),
);

export const LOSS = {
  nll_loss: nllLoss,
  one_hot: oneHot,
  mse_loss: mseLoss,
  l1_loss: l1Loss,
};
