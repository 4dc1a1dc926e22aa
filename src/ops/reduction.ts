/** Reductions over axes: sum, mean, max and logsumexp. */

import { KilnError } from "../core/errors.ts";
import { formatShape, reducedShape, type Shape, sizeOf } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, TensorType, Value } from "../ir/types.ts";
import { add, compare, float, mul, reduce, select, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { REDUCTION_ATTRIBUTES } from "./declaration.ts";
import {
  f32,
  ints,
  isNodeOf,
  type OpDef,
  type Operand,
  type Rewrite,
  requireFloat,
  type Sample,
} from "./definition.ts";
import { at, forEachIndex, generate, type NdArray } from "./ndarray.ts";

const AXES = "`axes` lists the reduced axes (sorted, non-negative); with `keepdim` they stay with extent 1.";

const isKept = (attrs: Attrs): boolean => attrs.keepdim === true;

/** `value`, shaped like the reduction's result, in the shape it has when reduced axes are kept. */
function withKeptAxes(b: GraphBuilder, value: Value, input: Shape, attrs: Attrs): Value {
  return b.node("reshape", [value], { shape: reducedShape(input, ints(attrs, "axes"), true) });
}

/** Lowers to `kind` over the reduced axes; one variable `k0`, `k1`, … each. */
function lowerReduction(kind: "sum" | "max", x: Operand, attrs: Attrs, indices: readonly Expr[]): Expr {
  const axes = ints(attrs, "axes");
  const reduced = axes.map((axis, k) => ({ name: `k${k}`, extent: x.type.shape[axis] }));
  return reduce(kind, reduced, (inner) => {
    let outer = 0;
    const full = x.type.shape.map((_, axis) => {
      const k = axes.indexOf(axis);
      if (k < 0) return indices[outer++];
      if (isKept(attrs)) outer++;
      return inner[k];
    });
    return x.at(full);
  });
}

function reduceReference(
  x: NdArray,
  attrs: Attrs,
  step: (a: number, b: number) => number,
  start: number,
): NdArray {
  const axes = ints(attrs, "axes");
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const sums = generate(kept, (index) => {
    let result = start;
    forEachIndex(
      x.shape.map((extent, axis) => (axes.includes(axis) ? extent : 1)),
      (inner) => {
        result = step(
          result,
          at(
            x,
            index.map((i, axis) => i + inner[axis]),
          ),
        );
      },
    );
    return result;
  });
  return { shape: reducedShape(x.shape, axes, isKept(attrs)), data: sums.data };
}

const samples = (draw: "any" | "distinct"): readonly Sample[] => [
  { inputs: [{ ...f32(2, 3, 4), draw }], attrs: { axes: [0, 1, 2], keepdim: false } },
  { inputs: [{ ...f32(2, 3, 4), draw }], attrs: { axes: [1], keepdim: false } },
  { inputs: [{ ...f32(2, 3, 4), draw }], attrs: { axes: [0, 2], keepdim: true } },
  { inputs: [{ ...f32(), draw }], attrs: { axes: [], keepdim: false } },
  { inputs: [{ ...f32(1), draw }], attrs: { axes: [0], keepdim: false } },
  { inputs: [{ ...f32(1, 4), draw }], attrs: { axes: [0], keepdim: true } },
  { inputs: [{ ...f32(3, 1), draw }], attrs: { axes: [1], keepdim: false } },
  { inputs: [{ ...f32(2, 3), draw }], attrs: { axes: [], keepdim: false } },
  { inputs: [{ ...f32(0, 3), draw }], attrs: { axes: [1], keepdim: false } },
];

/** Summed over the plane, the result of max_pool2d_grad is its cotangent. */
const ofPoolGrad: Rewrite = (to, [x], attrs) => {
  const axes = ints(attrs, "axes");
  if (!isNodeOf(x, "max_pool2d_grad") || !axes.includes(2) || !axes.includes(3)) return undefined;
  return to.node("sum", [x.inputs[0]], attrs);
};

/** Over axes of extent 1 a sum is a reshape. */
const overUnitAxes: Rewrite = (to, [x], attrs) => {
  const axes = ints(attrs, "axes");
  if (!axes.every((axis) => x.type.shape[axis] === 1)) return undefined;
  return to.node("reshape", [x], { shape: reducedShape(x.type.shape, axes, isKept(attrs)) });
};

const sum: OpDef = {
  name: "sum",
  doc: `The sum over axes (torch.sum). ${AXES}`,
  arity: 1,
  attributes: REDUCTION_ATTRIBUTES,
  pattern: "reduction",
  infer([x], attrs) {
    requireFloat("sum", [x]);
    return { dtype: "float32", shape: reducedShape(x.shape, ints(attrs, "axes"), isKept(attrs)) };
  },
  vjp: (b, ct, [x], _out, attrs) => [
    b.node("broadcast_to", [withKeptAxes(b, ct, x.type.shape, attrs)], { shape: x.type.shape }),
  ],
  sumOverStacks: ([x], attrs) => ({
    isWorthStacks: false,
    of(b, [stack]) {
      const axes = ints(attrs, "axes");
      const total = b.node("sum", [stack], { axes: [0, ...axes.map((axis) => axis + 1)], keepdim: false });
      return isKept(attrs) ? b.node("reshape", [total], { shape: reducedShape(x.shape, axes, true) }) : total;
    },
  }),
  backward: { name: "SumBackward" },
  lower:
    ([x], _output, attrs) =>
    (indices) =>
      lowerReduction("sum", x, attrs, indices),
  reference: ([x], _output, attrs) => reduceReference(x, attrs, (a, b) => a + b, 0),
  samples: () => [
    ...samples("any"),
    { inputs: [f32(0, 3)], attrs: { axes: [0], keepdim: false } },
    { inputs: [f32(2, 0)], attrs: { axes: [0, 1], keepdim: true } },
  ],
};

const countOf = (shape: Shape, attrs: Attrs): number =>
  sizeOf(ints(attrs, "axes").map((axis) => shape[axis]));

const mean: OpDef = {
  ...sum,
  name: "mean",
  doc: `The arithmetic mean over axes (torch.mean). ${AXES}`,
  vjp: (b, ct, [x], _out, attrs) => [
    b.node("mul", [
      b.node("broadcast_to", [withKeptAxes(b, ct, x.type.shape, attrs)], { shape: x.type.shape }),
      b.constant(1 / countOf(x.type.shape, attrs)),
    ]),
  ],
  backward: { name: "MeanBackward" },
  lower:
    ([x], _output, attrs) =>
    (indices) =>
      mul(lowerReduction("sum", x, attrs, indices), float(1 / countOf(x.type.shape, attrs))),
  reference([x], output, attrs) {
    const total = sum.reference([x], output, attrs);
    return { shape: total.shape, data: total.data.map((v) => v / countOf(x.shape, attrs)) };
  },
};

/** Throws if the largest of nothing is asked for. */
export function requireExtents(op: string, { shape }: TensorType, axes: readonly number[]): void {
  const axis = axes.find((k) => shape[k] === 0);
  if (axis === undefined) return;
  throw new KilnError(`${op} of ${formatShape(shape)} has nothing to choose from: axis ${axis} has extent 0`);
}

const max: OpDef = {
  ...sum,
  name: "max",
  doc: `The maximum over axes; equal maxima share the gradient evenly (torch.amax). The maximum of NaN and anything is NaN. No reduced axis may be empty. ${AXES}`,
  infer(inputs, attrs) {
    requireFloat("max", inputs);
    requireExtents("max", inputs[0], ints(attrs, "axes"));
    return sum.infer(inputs, attrs);
  },
  vjp(b, ct, [x], out, attrs) {
    const isMax = b.node("compare", [x, withKeptAxes(b, out, x.type.shape, attrs)], { relation: "eq" });
    const mask = b.node("cast", [isMax], { dtype: "float32" });
    const ties = b.node("sum", [mask], { axes: ints(attrs, "axes"), keepdim: true });
    const share = b.node("div", [withKeptAxes(b, ct, x.type.shape, attrs), ties]);
    return [b.node("mul", [mask, share])];
  },
  backward: { name: "AmaxBackward" },
  lower:
    ([x], _output, attrs) =>
    (indices) =>
      lowerReduction("max", x, attrs, indices),
  reference: ([x], _output, attrs) => reduceReference(x, attrs, Math.max, Number.NEGATIVE_INFINITY),
  samples: () => samples("distinct"),
};

const logsumexp: OpDef = {
  ...sum,
  name: "logsumexp",
  doc: `\`log Σ e^x\` over axes, after subtracting the maximum unless it is infinite; \`e^(x - y)\` is its gradient (torch.logsumexp). ${AXES}`,
  vjp(b, ct, [x], out, attrs) {
    const kept = (value: Value): Value => withKeptAxes(b, value, x.type.shape, attrs);
    return [b.node("mul", [b.node("exp", [b.node("sub", [x, kept(out)])]), kept(ct)])];
  },
  backward: { name: "LogsumexpBackward" },
  lower:
    ([x], _output, attrs) =>
    (indices) => {
      const peak = lowerReduction("max", x, attrs, indices);
      const isInfinite = compare("eq", unary("abs", peak), float(Number.POSITIVE_INFINITY));
      const shift = select(isInfinite, float(0), peak);
      const shifted: Operand = { type: x.type, at: (full) => unary("exp", sub(x.at(full), shift)) };
      return add(unary("log", lowerReduction("sum", shifted, attrs, indices)), shift);
    },
  reference([x], output, attrs) {
    const sums = reduceReference(x, attrs, (total, value) => total + Math.exp(value), 0);
    return { shape: output.shape, data: sums.data.map(Math.log) };
  },
};

export const REDUCTION = {
  sum: { ...sum, rewrites: [ofPoolGrad, overUnitAxes] },
  mean,
  max,
  logsumexp,
};
