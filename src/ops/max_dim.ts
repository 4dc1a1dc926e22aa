/** The largest elements over axes together with their positions: one op, so that one walk finds both. */

import { reducedShape, type Shape, sizeOf } from "../core/shape.ts";
import { RESULT } from "../ir/body.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { reduce } from "../loop/build.ts";
import { beats } from "../loop/semantics.ts";
import { reshape } from "./algebra.ts";
import { REDUCTION_ATTRIBUTES } from "./declaration.ts";
import { f32, ints, type OpDef, requireFloat } from "./definition.ts";
import { at, forEachIndex, generate, type NdArray } from "./ndarray.ts";
import { requireExtents } from "./reduction.ts";

const RESULTS = ["values", "argmax"] as const;

/** The index into the input: `inner` along the reduced axes, `outer` along the others. */
function joinIndices<T>(rank: number, attrs: Attrs, outer: readonly T[], inner: readonly T[]): T[] {
  const axes = ints(attrs, "axes");
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => {
    const k = axes.indexOf(axis);
    if (k < 0) return outer[next++];
    if (attrs.keepdim === true) next++;
    return inner[k];
  });
}

/** What arrives at the largest elements, at their positions in a tensor of `shape` that is 0 elsewhere. */
function spread(b: GraphBuilder, arriving: Value, positions: Value, shape: Shape, attrs: Attrs): Value {
  const axes = ints(attrs, "axes");
  if (axes.length === 1) {
    const kept = reducedShape(shape, axes, true);
    const operands = [reshape(b, arriving, kept), reshape(b, positions, kept)];
    return b.node("scatter_add", operands, { axis: axes[0], shape });
  }
  // A position counts along all of the axes: they are merged into one at the end, and then moved back.
  const others = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const order = [...others, ...axes];
  const extents = others.map((axis) => shape[axis]);
  const operands = [arriving, positions].map((value) => reshape(b, value, [...extents, 1]));
  const joined = [...extents, sizeOf(axes.map((axis) => shape[axis]))];
  const flat = b.node("scatter_add", operands, { axis: others.length, shape: joined });
  const apart = reshape(
    b,
    flat,
    order.map((axis) => shape[axis]),
  );
  return b.node("permute", [apart], { dims: shape.map((_, axis) => order.indexOf(axis)) });
}

const maxDim: OpDef = {
  name: "max_dim",
  doc: "The maximum over `axes` (sorted, non-negative), and the row-major position of the first one among these axes, int32 (torch.max with `dim`, torch.argmax). NaN counts as the largest, and the first of several wins. No reduced axis may be empty. With `keepdim` reduced axes stay with extent 1. The gradient goes to that one element.",
  arity: 1,
  attributes: REDUCTION_ATTRIBUTES,
  pattern: "reduction",
  furtherResults: RESULTS.slice(1),
  range: (_inputs, [x], attrs) => [0, sizeOf(ints(attrs, "axes").map((axis) => x.shape[axis])) - 1],
  infer([x], attrs) {
    requireFloat("max", [x]);
    requireExtents("max", x, ints(attrs, "axes"));
    const shape = reducedShape(x.shape, ints(attrs, "axes"), attrs.keepdim === true);
    return { dtype: "float32", shape, others: [{ dtype: "int32", shape }] };
  },
  vjp(b, ct, [x], out, attrs) {
    const positions = b.node(RESULT, [out], { index: RESULTS.indexOf("argmax") });
    return [spread(b, ct, positions, x.type.shape, attrs)];
  },
  backward: { name: "MaxBackward" },
  lower([x], _output, attrs, result) {
    const axes = ints(attrs, "axes").map((axis, k) => ({ name: `k${k}`, extent: x.type.shape[axis] }));
    const kind = RESULTS[result] === "argmax" ? "argmax" : "max";
    return (indices) =>
      reduce(kind, axes, (inner) => x.at(joinIndices(x.type.shape.length, attrs, indices, inner)));
  },
  reference([x], { shape }, attrs) {
    const extents = ints(attrs, "axes").map((axis) => x.shape[axis]);
    const found = (of: (best: number, winner: number) => number): NdArray =>
      generate(shape, (index) => {
        let [best, winner, position] = [Number.NEGATIVE_INFINITY, 0, 0];
        forEachIndex(extents, (inner) => {
          const candidate = at(x, joinIndices(x.shape.length, attrs, index, inner));
          if (beats(candidate, best)) [best, winner] = [candidate, position];
          position++;
        });
        return of(best, winner);
      });
    return { ...found((best) => best), others: [found((_, winner) => winner)] };
  },
  samples: () => [
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [0, 1, 2], keepdim: false } },
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [1], keepdim: false } },
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [0, 2], keepdim: true } },
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [2], keepdim: true } },
    { inputs: [f32()], attrs: { axes: [], keepdim: false } },
    { inputs: [f32(1)], attrs: { axes: [0], keepdim: false } },
    { inputs: [f32(3, 1)], attrs: { axes: [1], keepdim: true } },
    { inputs: [f32(0, 3)], attrs: { axes: [1], keepdim: false } },
  ],
};

export const MAX_DIM = { max_dim: maxDim };
