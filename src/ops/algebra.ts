/** The primitives that graph passes compute with, as functions, so that no pass has to know the name of an op. */

import type { DType } from "../core/dtype.ts";
import type { IndexLimit } from "../core/index-limit.ts";
import { type Shape, sameShape } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Node, Value } from "../ir/types.ts";

/** Anything that makes nodes. */
interface Maker<V extends Value> {
  node(op: string, inputs: readonly Value[], attrs?: Attrs): V;
}

export const add = <V extends Value>(b: Maker<V>, x: Value, y: Value): V => b.node("add", [x, y]);
export const mul = <V extends Value>(b: Maker<V>, x: Value, y: Value): V => b.node("mul", [x, y]);
export const div = <V extends Value>(b: Maker<V>, x: Value, y: Value): V => b.node("div", [x, y]);
export const pow = <V extends Value>(b: Maker<V>, x: Value, y: Value): V => b.node("pow", [x, y]);
export const maximum = <V extends Value>(b: Maker<V>, x: Value, y: Value): V => b.node("maximum", [x, y]);
export const minimum = <V extends Value>(b: Maker<V>, x: Value, y: Value): V => b.node("minimum", [x, y]);
export const abs = <V extends Value>(b: Maker<V>, x: Value): V => b.node("abs", [x]);
export const sqrt = <V extends Value>(b: Maker<V>, x: Value): V => b.node("sqrt", [x]);

/** The elements of `x` in row-major order in another shape. */
export const reshape = <V extends Value>(b: Maker<V>, x: Value, shape: Shape): V =>
  b.node("reshape", [x], { shape });

/** `x` repeated along new axes and axes of extent 1. */
export const broadcastTo = <V extends Value>(b: Maker<V>, x: Value, shape: Shape): V =>
  b.node("broadcast_to", [x], { shape });

/** A tensor of one number. */
export function full(b: GraphBuilder, shape: Shape, value: number, dtype: DType = "float32"): Node {
  const number = b.constant(value, dtype);
  return shape.length === 0 ? number : broadcastTo(b, number, shape);
}

/** The sum over `axes`, which are removed; a sum over none is `x` itself. */
export const sum = <V extends Value>(b: Maker<V>, x: Value, axes: readonly number[]): V | Value =>
  axes.length === 0 ? x : b.node("sum", [x], { axes, keepdim: false });

/** The largest element over `axes`, which are removed; over none it is `x` itself. */
export const max = <V extends Value>(b: Maker<V>, x: Value, axes: readonly number[]): V | Value =>
  axes.length === 0 ? x : b.node("max", [x], { axes, keepdim: false });

/** `x` summed over the axes that broadcasting `shape` to its own has added or widened. */
export function unbroadcast(b: GraphBuilder, x: Value, shape: Shape): Value {
  const from = x.type.shape;
  const added = from.length - shape.length;
  const axes = from.flatMap((extent, axis) =>
    axis < added || (shape[axis - added] === 1 && extent !== 1) ? [axis] : [],
  );
  const total = sum(b, x, axes);
  return sameShape(total.type.shape, shape) ? total : reshape(b, total, shape);
}

/** The same numbers in memory of their own. It belongs to no builder: fusion adds copies to a finished graph. */
export const copyOf = (value: Value): Node => ({
  kind: "node",
  op: "copy",
  inputs: [value],
  attrs: {},
  type: { dtype: value.type.dtype, shape: value.type.shape },
});

/** A number that reports an index among `indices` beyond its limit, or that there is none. */
export const indexFault = (
  b: GraphBuilder,
  indices: Value,
  { below, least, ignoreIndex }: Pick<IndexLimit, "below" | "least" | "ignoreIndex">,
): Node =>
  b.node("index_fault", [indices], {
    below,
    ...(least !== undefined && { least }),
    ...(ignoreIndex !== undefined && { ignoreIndex }),
  });
