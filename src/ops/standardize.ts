/**
 * Normalisation of rows, shared by layer and group norm: one op, so that a row's mean and variance are computed once
 * and its gradient is one kernel too.
 */

import { KilnError } from "../core/errors.ts";
import { type Shape, sameShape, sizeOf } from "../core/shape.ts";
import type { Attrs } from "../ir/types.ts";
import { add, div, float, mul, reduce, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, NUMBER, REDUCTION_ATTRIBUTES } from "./declaration.ts";
import {
  describe,
  f32,
  ints,
  number,
  type OpDef,
  type Operand,
  requireFloat,
  type Sample,
} from "./definition.ts";
import { at, generate, type NdArray, sumOver } from "./ndarray.ts";

/** The shape of a row: the input's axes from `first` on. */
const rowShape = (shape: Shape, attrs: Attrs): Shape => shape.slice(number(attrs, "first"));

/** The mean of `element` over the row through `indices`. */
function rowMean(x: Operand, attrs: Attrs, indices: readonly Expr[], element: (value: Expr) => Expr): Expr {
  const row = rowShape(x.type.shape, attrs);
  const outer = indices.slice(0, number(attrs, "first"));
  const sum = reduce(
    "sum",
    row.map((extent, k) => ({ name: `j${k}`, extent })),
    (inner) => element(x.at([...outer, ...inner])),
  );
  return mul(sum, float(1 / sizeOf(row)));
}

/** The row's mean, and its standard deviation with `eps` added to the variance. */
function lowerRow(x: Operand, attrs: Attrs, indices: readonly Expr[]): { mean: Expr; deviation: Expr } {
  const mean = rowMean(x, attrs, indices, (value) => value);
  const variance = rowMean(x, attrs, indices, (value) => mul(sub(value, mean), sub(value, mean)));
  return { mean, deviation: unary("sqrt", add(variance, float(number(attrs, "eps")))) };
}

function referenceRow(x: NdArray, attrs: Attrs, index: readonly number[]) {
  const row = rowShape(x.shape, attrs);
  const outer = index.slice(0, number(attrs, "first"));
  const meanOf = (element: (value: number) => number): number =>
    sumOver(row, (inner) => element(at(x, [...outer, ...inner]))) / sizeOf(row);
  const mean = meanOf((value) => value);
  const variance = meanOf((value) => (value - mean) ** 2);
  return { mean, deviation: Math.sqrt(variance + number(attrs, "eps")) };
}

const samples = (): readonly Sample[] => [
  { inputs: [f32(3, 5)], attrs: { first: 1, eps: 1e-5 } },
  { inputs: [f32(2, 3, 4)], attrs: { first: 1, eps: 0.1 } },
  { inputs: [f32(6)], attrs: { first: 0, eps: 1e-5 } },
  { inputs: [f32(3, 1)], attrs: { first: 1, eps: 0.1 } },
  { inputs: [f32(1, 4)], attrs: { first: 1, eps: 0.1 } },
  { inputs: [f32(0, 4)], attrs: { first: 1, eps: 0.1 } },
];

const ROWS = { first: AXIS, eps: NUMBER };

/** All axes of the row, as reductions name them. */
const rowAxes = (shape: Shape, attrs: Attrs): number[] =>
  shape.map((_, axis) => axis).slice(number(attrs, "first"));

const standardize: OpDef = {
  name: "standardize",
  doc: "`(x - mean) / √(variance + eps)` of each row, the axes from `first` on; the variance is the biased one (torch.nn.functional.layer_norm without weight and bias).",
  arity: 1,
  attributes: ROWS,
  pattern: "row",
  rowAxes,
  infer([x]) {
    requireFloat("standardize", [x]);
    return x;
  },
  vjp(b, ct, [x], y, attrs) {
    const mean = (value: typeof ct) =>
      b.node("mean", [value], { axes: rowAxes(x.type.shape, attrs), keepdim: true });
    const centered = b.node("sub", [ct, mean(ct)]);
    const uncorrelated = b.node("sub", [centered, b.node("mul", [y, mean(b.node("mul", [ct, y]))])]);
    const axes = rowAxes(x.type.shape, attrs);
    return [b.node("div", [uncorrelated, b.node("row_deviation", [x], { ...attrs, axes, keepdim: true })])];
  },
  backward: { name: "NativeLayerNormBackward" },
  lower:
    ([x], _output, attrs) =>
    (indices) => {
      const { mean, deviation } = lowerRow(x, attrs, indices);
      return div(sub(x.at(indices), mean), deviation);
    },
  reference: ([x], output, attrs) =>
    generate(output.shape, (index) => {
      const { mean, deviation } = referenceRow(x, attrs, index);
      return (at(x, index) - mean) / deviation;
    }),
  samples,
};

const rowDeviation: OpDef = {
  name: "row_deviation",
  doc: "`√(variance + eps)` of each row, the axes from `first` on, which stay with extent 1: the divisor of standardize.",
  arity: 1,
  attributes: { ...ROWS, ...REDUCTION_ATTRIBUTES },
  pattern: "reduction",
  infer([x], attrs) {
    requireFloat("row_deviation", [x]);
    const axes = rowAxes(x.shape, attrs);
    if (attrs.keepdim !== true || !sameShape(ints(attrs, "axes"), axes))
      throw new KilnError(`row_deviation keeps the axes [${axes}] of ${describe(x)}, all from \`first\` on`);
    return f32(...x.shape.map((extent, axis) => (axis < number(attrs, "first") ? extent : 1)));
  },
  vjp(b, ct, [x], _y, attrs) {
    const { first, eps } = attrs;
    const share = b.constant(1 / sizeOf(rowShape(x.type.shape, attrs)));
    return [b.node("mul", [b.node("standardize", [x], { first, eps }), b.node("mul", [ct, share])])];
  },
  backward: { name: "StdBackward" },
  lower:
    ([x], _output, attrs) =>
    (indices) =>
      lowerRow(x, attrs, indices).deviation,
  reference: ([x], output, attrs) =>
    generate(output.shape, (index) => referenceRow(x, attrs, index).deviation),
  samples: () =>
    samples().map(({ inputs, attrs }) => ({
      inputs,
      attrs: { ...attrs, axes: rowAxes(inputs[0].shape, attrs), keepdim: true },
    })),
};

export const STANDARDIZE = { standardize, row_deviation: rowDeviation };
