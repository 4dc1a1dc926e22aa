/** Reductions over axes, positions of extremes, and sums along an axis. */

import { normalizeAxis, sizeOf } from "../../core/shape.ts";
import { exact } from "../../tensor/lookup.ts";
import { narrow, pad } from "../../tensor/rearrange.ts";
import { topk } from "../../tensor/sorting.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { constant } from "../constant.ts";
import { reduced } from "../known-arrays.ts";
import type { Operator } from "../operator.ts";
import { Value } from "../value.ts";
import { checked } from "../whole-numbers.ts";
import { axesOf, axisOf } from "./define.ts";

/** The axes in an input or attribute; an empty list means all, or none if the node says so. */
function axesIn(call: Call): readonly number[] {
  const { shape } = call.value(0);
  const listed = call.intsFrom(1, "axes") ?? [];
  if (listed.length > 0) return axesOf(listed, shape.length);
  return call.flag("noop_with_empty_axes") ? [] : shape.map((_, axis) => axis);
}

type Reduce = (x: Tensor, axes: number[], keepsAxes: boolean, call: Call) => Tensor;

/** A reduction; `before` is applied to each element, even if no axis is reduced. */
const reduction = (
  name: string,
  reduce: Reduce,
  {
    before = (x) => x,
    after = (x) => x,
    known,
  }: {
    readonly before?: (x: Tensor) => Tensor;
    readonly after?: (x: Tensor) => Tensor;
    readonly known?: (numbers: readonly number[]) => number;
  } = {},
  more: Partial<Operator> = {},
): Operator => ({
  name,
  known: [1],
  ...more,
  run: (call) => {
    const x = before(call.tensor(0));
    const axes = axesIn(call);
    return after(axes.length === 0 ? x : reduce(x, [...axes], call.flag("keepdims", true), call));
  },
  ...(known && {
    fold: (call: Call) => reduced(call.constant(0), axesIn(call), call.flag("keepdims", true), known),
  }),
});

const sum: Reduce = (x, axes, keepsAxes) => x.sum(axes, keepsAxes);

/** An extreme of truths is one of numbers. */
const ofTruths =
  (reduce: Reduce): Reduce =>
  (x, axes, keepsAxes, call) =>
    x.dtype === "bool" ? reduce(x.int(), axes, keepsAxes, call).bool() : reduce(x, axes, keepsAxes, call);

/** A mean, of whole numbers without its fraction. */
const mean: Reduce = (x, axes, keepsAxes, call) => {
  if (x.dtype !== "int32") return x.mean(axes, keepsAxes);
  const total = checked(call, x.sum(axes, keepsAxes), x.float().sum(axes, keepsAxes), call.type);
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  return total.div(count, { roundingMode: "trunc" });
};

/** The root of the sum of squares; whole numbers are added up in floats, which hold them up to 2²⁴. */
const norm: Reduce = (x, axes, keepsAxes, call) => {
  const squares = x.float().square().sum(axes, keepsAxes);
  const root = squares.sqrt().to(x.dtype);
  return x.dtype === "int32"
    ? exact(
        `${call.title} adds up squares to more than 2²⁴, which Kiln does not do exactly`,
        root,
        squares.gt(2 ** 24),
      )
    : root;
};

const GROWING = { grows: true, unsigned: "bits" } as const;

const add = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const multiply = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1);

/** The position of an extreme: the first, or the last of several that are equal. */
const position = (name: string, find: (x: Tensor, axis: number, keepsAxis: boolean) => Tensor): Operator => ({
  name,
  unsigned: "order",
  run: (call) => {
    const x = call.tensor(0);
    const axis = axisOf(call, x.ndim, "axis", 0);
    const keepsAxis = call.flag("keepdims", true);
    const isLast = call.flag("select_last_index");
    const found = find(isLast ? x.flip(axis) : x, axis, keepsAxis);
    const place = isLast ? found.neg().add(x.shape[axis] - 1) : found;
    return Value.of("int64", place, call.node.outputs[0]);
  },
});

/** Cumulative sums along an axis, from either end, with or without the element itself. */
const running = (name: string, accumulate: (x: Tensor, axis: number) => Tensor, first: number): Operator => ({
  name,
  known: [1],
  grows: true,
  unsigned: "bits",
  run: (call) => {
    const x = call.tensor(0);
    const axis = normalizeAxis(call.number(1), x.ndim);
    const isReverse = call.flag("reverse");
    const ordered = isReverse ? x.flip(axis) : x;
    const all = accumulate(call.flag("exclusive") ? moved(ordered, axis, first) : ordered, axis);
    return isReverse ? all.flip(axis) : all;
  },
});

/** Each element one place further on, and `first` before them. */
function moved(x: Tensor, axis: number, first: number): Tensor {
  const sides = new Array<number>(2 * (x.ndim - axis)).fill(0);
  sides[sides.length - 2] = 1;
  return pad(narrow(x, axis, 0, x.shape[axis] - 1), sides, "constant", first);
}

export const REDUCTION: readonly Operator[] = [
  reduction("ReduceSum", sum, { known: add }, GROWING),
  reduction("ReduceProd", (x, axes, keepsAxes) => x.prod(axes, keepsAxes), { known: multiply }, GROWING),
  reduction("ReduceMean", mean),
  reduction(
    "ReduceMax",
    ofTruths((x, axes, keepsAxes) => x.amax(axes, keepsAxes)),
    { known: (n) => Math.max(...n) },
    { unsigned: "elements" },
  ),
  reduction(
    "ReduceMin",
    ofTruths((x, axes, keepsAxes) => x.amin(axes, keepsAxes)),
    { known: (n) => Math.min(...n) },
    { unsigned: "elements" },
  ),
  reduction("ReduceL1", sum, { before: (x) => x.abs() }, { grows: true }),
  reduction("ReduceL2", norm),
  reduction("ReduceSumSquare", sum, { before: (x) => x.mul(x) }, GROWING),
  reduction("ReduceLogSum", sum, { after: (x) => x.log() }),
  reduction("ReduceLogSumExp", (x, axes, keepsAxes) => x.logsumexp(axes, keepsAxes)),
  position("ArgMax", (x, axis, keepsAxis) => x.argmax(axis, keepsAxis)),
  position("ArgMin", (x, axis, keepsAxis) => x.argmin(axis, keepsAxis)),
  running("CumSum", (x, axis) => x.cumsum(axis), 0),
  running("CumProd", (x, axis) => x.cumprod(axis), 1),
  {
    name: "TopK",
    known: [1],
    unsigned: "elements",
    run: (call) => {
      const x = call.tensor(0);
      const axis = axisOf(call, x.ndim, "axis", -1);
      const { values, indices } = topk(
        x,
        call.has(1) ? call.number(1) : call.int("k"),
        axis,
        call.flag("largest", true),
      );
      return [values, Value.of("int64", indices, call.node.outputs[1] ?? "")];
    },
  },
  {
    name: "NonZero",
    limits: "of numbers that are known when the model is compiled",
    run: (call) => call.lacks("the shape of its result depends on numbers that the program computes"),
    fold: (call) => {
      const { shape, data } = call.constant(0);
      const found = [...data].flatMap((number, k) => (number === 0 ? [] : [k]));
      const places = shape.map((extent, axis) => {
        const stride = sizeOf(shape.slice(axis + 1));
        return found.map((k) => Math.floor(k / stride) % extent);
      });
      return constant("int64", [shape.length, found.length], places.flat());
    },
  },
];
