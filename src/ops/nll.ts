/** The loss of class targets, nll_loss (cross-entropy is log_softmax and this), and one_hot, its gradient's mask. */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, TensorType, Value } from "../ir/types.ts";
import { and, cast, compare, constant, div, float, int, mul, reduce, select, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { COUNT, INDEX } from "./declaration.ts";
import {
  describe,
  f32,
  type IndexUse,
  number,
  type OpDef,
  type Operand,
  requireFloat,
  type Sample,
  text,
} from "./definition.ts";
import {
  lowerReduced,
  REDUCTION,
  REDUCTION_KIND,
  REDUCTIONS,
  reducedType,
  referenceReduced,
  sumExpression,
  weightOf,
} from "./loss-reduction.ts";
import { at, generate, sumOver } from "./ndarray.ts";

/** The axis of classes: 1, or 0 for a single sample. */
const classAxis = (shape: Shape): number => (shape.length === 1 ? 0 : 1);
const withoutAxis = <T>(list: readonly T[], axis: number): T[] => list.filter((_, k) => k !== axis);
const insertAt = <T>(list: readonly T[], axis: number, item: T): T[] => [
  ...list.slice(0, axis),
  item,
  ...list.slice(axis),
];

/** Whether all targets have the same weight, so that the mean divides by their number. */
const isPlain = (inputs: readonly unknown[], attrs: Attrs): boolean =>
  inputs.length === 2 && attrs.ignoreIndex === undefined;

/** Whether the loss is a mean over weights that depend on the targets. */
const isWeightedMean = (inputs: readonly unknown[], attrs: Attrs): boolean =>
  !isPlain(inputs, attrs) && text(attrs, "reduction") === "mean";

/** Whether a target counts at all. */
const isCounted = (target: Expr, attrs: Attrs): Expr =>
  attrs.ignoreIndex === undefined
    ? constant(1, "bool")
    : compare("ne", target, int(number(attrs, "ignoreIndex")));

/** `value(c)` at the target's class; 0 if it is not one or is ignored. */
function lowerAtTarget(
  [logp, target]: readonly Operand[],
  attrs: Attrs,
  indices: readonly Expr[],
  value: (c: Expr) => Expr,
): Expr {
  const classes = [{ name: "c", extent: logp.type.shape[classAxis(logp.type.shape)] }];
  const own = target.at(indices);
  return reduce("sum", classes, ([c]) =>
    select(and(compare("eq", c, own), isCounted(own, attrs)), value(c), float(0)),
  );
}

/** The total weight of the targets: their number, or the sum of their weights, without those that are ignored. */
function totalWeight(
  b: GraphBuilder,
  target: Value,
  hot: Value,
  weight: Value | undefined,
  attrs: Attrs,
): Value {
  const total = (value: Value): Value =>
    b.node("sum", [value], { axes: value.type.shape.map((_, axis) => axis), keepdim: false });
  if (weight !== undefined) return total(b.node("mul", [hot, weight]));
  const ignored = b.constant(number(attrs, "ignoreIndex"), "int32");
  const isCounted = b.node("compare", [target, ignored], { relation: "ne" });
  return total(b.node("cast", [isCounted], { dtype: "float32" }));
}

/** The cotangents of a loss with class weights, ignored targets or both. */
function weightedGradients(
  b: GraphBuilder,
  ct: Value,
  [logp, target, weight]: readonly Value[],
  out: Value,
  attrs: Attrs,
): (Value | undefined)[] {
  const { shape } = logp.type;
  const axis = classAxis(shape);
  const ignored = attrs.ignoreIndex === undefined ? {} : { ignoreIndex: attrs.ignoreIndex };
  const hot = b.node("one_hot", [target], { classes: shape[axis], axis, ...ignored });
  const isHot = b.node("compare", [hot, b.constant(0)], { relation: "ne" });
  const isMean = text(attrs, "reduction") === "mean";
  const aligned =
    weight && b.node("reshape", [weight], { shape: [shape[axis], ...shape.slice(axis + 1).fill(1)] });
  const each =
    ct.type.shape.length === 0 ? ct : b.node("reshape", [ct], { shape: insertAt(ct.type.shape, axis, 1) });
  const scale = isMean ? b.node("div", [each, totalWeight(b, target, hot, aligned, attrs)]) : each;
  // Selected, not multiplied: if nothing counts, the scale is infinite.
  const chosen = (value: Value): Value => b.node("where", [isHot, value, b.constant(0)]);
  const slope = b.node("neg", [aligned ? b.node("mul", [aligned, scale]) : scale]);
  const dLogp = chosen(b.node("broadcast_to", [slope], { shape }));
  if (weight === undefined) return [dLogp, undefined];
  const own = b.node("neg", [logp]);
  const share = b.node("mul", [isMean ? b.node("sub", [own, out]) : own, scale]);
  const others = shape.flatMap((_, k) => (k === axis ? [] : [k]));
  return [dLogp, undefined, b.node("sum", [chosen(share)], { axes: others, keepdim: false })];
}

function requireWeight(logp: TensorType, weight: TensorType | undefined): void {
  if (weight === undefined) return;
  requireFloat("nll_loss", [weight]);
  const classes = logp.shape[classAxis(logp.shape)];
  if (!sameShape(weight.shape, [classes])) {
    throw new KilnError(
      `the class weights of ${describe(logp)} must be float32[${classes}] but are ${describe(weight)}`,
    );
  }
}

/** The limit of class targets, which includes the ignored one. */
const classTargets = (input: number, below: number, attrs: Attrs): readonly IndexUse[] => [
  {
    input,
    of: "class",
    below,
    ...(attrs.ignoreIndex !== undefined && { ignoreIndex: number(attrs, "ignoreIndex") }),
  },
];

const nllLoss: OpDef = {
  name: "nll_loss",
  indices: ([logp], attrs) => classTargets(1, logp.shape[classAxis(logp.shape)], attrs),
  doc: `The negative log-probability of each target class: log-probabilities [N,C,…] or [C] and int32 targets [N,…] or [] (torch.nn.functional.nll_loss). Class weights [C] are optional, and targets equal to \`ignoreIndex\` do not count; the mean is the weighted one over the others. ${REDUCTION}`,
  arity: [2, 3],
  attributes: { reduction: REDUCTION_KIND, ignoreIndex: { ...INDEX, isOptional: true } },
  pattern: "reduction",
  infer([logp, target, weight], attrs) {
    requireFloat("nll_loss", [logp]);
    const expected = withoutAxis(logp.shape, classAxis(logp.shape));
    if (logp.shape.length === 0 || target.dtype !== "int32" || !sameShape(target.shape, expected)) {
      throw new KilnError(
        `the class targets of ${describe(logp)} must be int32${formatShape(expected)} but are ${describe(target)}`,
      );
    }
    requireWeight(logp, weight);
    return reducedType(target.shape, attrs);
  },
  vjp(b, ct, inputs, out, attrs) {
    if (!isPlain(inputs, attrs)) return weightedGradients(b, ct, inputs, out, attrs);
    const [logp, target] = inputs;
    const axis = classAxis(logp.type.shape);
    const hot = b.node("one_hot", [target], { classes: logp.type.shape[axis], axis });
    const weight = b.constant(-weightOf(target.type.shape, attrs));
    const kept = insertAt(ct.type.shape, Math.min(axis, ct.type.shape.length), 1);
    const spread = ct.type.shape.length === 0 ? ct : b.node("reshape", [ct], { shape: kept });
    return [b.node("mul", [hot, b.node("mul", [spread, weight])]), undefined];
  },
  backward: { name: "NllLossBackward" },
  lower(operands, _output, attrs) {
    const [logp, target, weight] = operands;
    const axis = classAxis(logp.type.shape);
    const { shape } = target.type;
    const weighted = (c: Expr, value: Expr): Expr => (weight ? mul(weight.at([c]), value) : value);
    const loss = (indices: readonly Expr[]): Expr => {
      const own = (c: Expr): Expr => weighted(c, logp.at(insertAt(indices, axis, c)));
      return unary("neg", lowerAtTarget(operands, attrs, indices, own));
    };
    if (!isWeightedMean(operands, attrs)) return lowerReduced(shape, attrs, loss);
    const counts = (indices: readonly Expr[]): Expr =>
      weight === undefined
        ? cast(isCounted(target.at(indices), attrs), "float32")
        : lowerAtTarget(operands, attrs, indices, (c) => weighted(c, float(1)));
    return () => div(sumExpression(shape, loss), sumExpression(shape, counts));
  },
  reference(inputs, _output, attrs) {
    const [logp, target, weight] = inputs;
    const axis = classAxis(logp.shape);
    const counts = (index: readonly number[]): number => {
      const own = at(target, index);
      return own === attrs.ignoreIndex ? 0 : weight ? at(weight, [own]) : 1;
    };
    const loss = (index: readonly number[]): number =>
      counts(index) === 0 ? 0 : -counts(index) * at(logp, insertAt(index, axis, at(target, index)));
    if (!isWeightedMean(inputs, attrs)) return referenceReduced(target.shape, attrs, loss);
    const mean = sumOver(target.shape, loss) / sumOver(target.shape, counts);
    return { shape: [], data: Float64Array.of(mean) };
  },
  samples: () =>
    REDUCTIONS.flatMap((reduction): Sample[] => {
      const classes = (below: number, ...shape: number[]) => ({ dtype: "int32", shape, below }) as const;
      const weights = (count: number) => ({ ...f32(count), draw: "positive" }) as const;
      return [
        { inputs: [f32(4, 5), classes(5, 4)], attrs: { reduction } },
        { inputs: [f32(2, 3, 2), classes(3, 2, 2)], attrs: { reduction } },
        { inputs: [f32(3), classes(3)], attrs: { reduction } },
        { inputs: [f32(1, 1), classes(1, 1)], attrs: { reduction } },
        { inputs: [f32(0, 3), classes(3, 0)], attrs: { reduction } },
        // The mean of nothing is NaN, of which no differences can be taken.
        ...(reduction === "mean"
          ? []
          : [{ inputs: [f32(0, 3), classes(3, 0), weights(3)], attrs: { reduction } }]),
        { inputs: [f32(4, 5), classes(5, 4), weights(5)], attrs: { reduction } },
        { inputs: [f32(2, 3, 4), classes(3, 2, 4)], attrs: { reduction, ignoreIndex: 1 } },
        { inputs: [f32(2, 3, 4), classes(3, 2, 4), weights(3)], attrs: { reduction, ignoreIndex: 0 } },
        { inputs: [f32(3), classes(3), weights(3)], attrs: { reduction, ignoreIndex: -100 } },
      ];
    }),
};

const oneHot: OpDef = {
  name: "one_hot",
  indices: (_inputs, attrs) => classTargets(0, number(attrs, "classes"), attrs),
  doc: "1 where the index along the new `axis` of extent `classes` equals the int32 target, else 0; 0 everywhere for a target equal to `ignoreIndex`, if there is one.",
  arity: 1,
  attributes: {
    classes: COUNT,
    axis: { kind: "axis", isNew: true },
    ignoreIndex: { ...INDEX, isOptional: true },
  },
  pattern: "elementwise",
  shapedByAttributes: true,
  isFree: () => true,
  infer([target], attrs) {
    if (target.dtype !== "int32")
      throw new KilnError(`one_hot expects int32 classes but got ${describe(target)}`);
    return {
      dtype: "float32",
      shape: insertAt(target.shape, number(attrs, "axis"), number(attrs, "classes")),
    };
  },
  vjp: () => [undefined],
  backward: { name: "OneHotBackward" },
  lower([target], _output, attrs) {
    const axis = number(attrs, "axis");
    return (indices) => {
      const own = target.at(withoutAxis(indices, axis));
      return cast(and(compare("eq", indices[axis], own), isCounted(own, attrs)), "float32");
    };
  },
  reference: ([target], output, attrs) =>
    generate(output.shape, (index) => {
      const axis = number(attrs, "axis");
      const own = at(target, withoutAxis(index, axis));
      return own === index[axis] && own !== attrs.ignoreIndex ? 1 : 0;
    }),
  samples: () => [
    { inputs: [{ dtype: "int32", shape: [4], below: 3 }], attrs: { classes: 3, axis: 1 } },
    { inputs: [{ dtype: "int32", shape: [], below: 3 }], attrs: { classes: 3, axis: 0 } },
    { inputs: [{ dtype: "int32", shape: [1], below: 1 }], attrs: { classes: 1, axis: 1 } },
    { inputs: [{ dtype: "int32", shape: [0], below: 3 }], attrs: { classes: 3, axis: 1 } },
    { inputs: [{ dtype: "int32", shape: [6], below: 3 }], attrs: { classes: 3, axis: 1, ignoreIndex: 2 } },
  ],
};

export const NLL = { nll_loss: nllLoss, one_hot: oneHot };
