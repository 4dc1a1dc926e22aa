/** Ops around positions: argmax finds them, gather reads at them, scatter_add, its gradient, adds into them. */

import { KilnError } from "../core/errors.ts";
import { NO_FAULT } from "../core/index-limit.ts";
import { formatShape, reducedShape, sizeOf } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { and, binary, cast, compare, constant, float, inRange, int, reduce, select } from "../loop/build.ts";
import { beats } from "../loop/semantics.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, COUNT, INDEX, REDUCTION_ATTRIBUTES, SHAPE_LIST } from "./declaration.ts";
import {
  describe,
  f32,
  ints,
  number,
  type OpDef,
  requireFloat,
  type Sample,
  withIndex,
} from "./definition.ts";
import { at, forEachIndex, generate, sumOver } from "./ndarray.ts";
import { requireExtents } from "./reduction.ts";

/** The index into the input of argmax: `inner` along the reduced axes, `outer` along the others. */
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

const argmax: OpDef = {
  name: "argmax",
  range: (_inputs, [x], attrs) => [0, sizeOf(ints(attrs, "axes").map((axis) => x.shape[axis])) - 1],
  doc: "The row-major position of the first maximum over `axes` (sorted, non-negative), int32; NaN counts as the largest, the last of several (torch.argmax). With `keepdim` reduced axes stay with extent 1.",
  arity: 1,
  attributes: REDUCTION_ATTRIBUTES,
  pattern: "reduction",
  infer([x], attrs) {
    requireFloat("argmax", [x]);
    requireExtents("argmax", x, ints(attrs, "axes"));
    return { dtype: "int32", shape: reducedShape(x.shape, ints(attrs, "axes"), attrs.keepdim === true) };
  },
  vjp: () => [undefined],
  backward: { name: "ArgmaxBackward" },
  lower([x], _output, attrs) {
    const axes = ints(attrs, "axes").map((axis, k) => ({ name: `k${k}`, extent: x.type.shape[axis] }));
    return (indices) =>
      reduce("argmax", axes, (inner) => x.at(joinIndices(x.type.shape.length, attrs, indices, inner)));
  },
  reference: ([x], output, attrs) =>
    generate(output.shape, (index) => {
      let [best, winner, position] = [Number.NEGATIVE_INFINITY, 0, 0];
      forEachIndex(
        ints(attrs, "axes").map((axis) => x.shape[axis]),
        (inner) => {
          const candidate = at(x, joinIndices(x.shape.length, attrs, index, inner));
          if (beats(candidate, best)) [best, winner] = [candidate, position];
          position++;
        },
      );
      return winner;
    }),
  samples: () => [
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [0, 1, 2], keepdim: false } },
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [1], keepdim: false } },
    { inputs: [{ ...f32(2, 3, 4), draw: "distinct" }], attrs: { axes: [2], keepdim: true } },
    { inputs: [{ ...f32(3, 8), below: 2 }], attrs: { axes: [1], keepdim: false } },
    { inputs: [f32()], attrs: { axes: [], keepdim: false } },
    { inputs: [f32(1)], attrs: { axes: [0], keepdim: false } },
    { inputs: [f32(3, 1)], attrs: { axes: [1], keepdim: true } },
    { inputs: [f32(0, 3)], attrs: { axes: [1], keepdim: false } },
  ],
};

/** Throws unless `index` is int32, of the rank of `shape`, and fits into it beside `axis`. */
function requireIndex(op: string, index: TensorType, shape: readonly number[], axis: number): void {
  const fits = index.shape.every((extent, k) => k === axis || extent <= shape[k]);
  if (index.dtype !== "int32" || index.shape.length !== shape.length || !(axis in shape) || !fits) {
    throw new KilnError(
      `${op} along axis ${axis} of ${formatShape(shape)} expects an int32 index of the same rank whose other ` +
        `extents are at most as large, but got ${describe(index)}`,
    );
  }
}

const gather: OpDef = {
  name: "gather",
  range: ([x]) => x,
  doc: "The elements of x at the positions that the int32 index gives along `axis` (torch.gather). Whoever runs it checks the index; the code itself reads 0 at a position outside.",
  arity: 2,
  attributes: { axis: AXIS },
  pattern: "sparse",
  indices: ([x], attrs) => [{ input: 1, of: "position", below: x.shape[number(attrs, "axis")] }],
  infer([x, index], attrs) {
    requireIndex("gather", index, x.shape, number(attrs, "axis"));
    return { dtype: x.dtype, shape: index.shape };
  },
  vjp: (b, ct, [x, index], _out, attrs) => [
    b.node("scatter_add", [ct, index], { ...attrs, shape: x.type.shape }),
    undefined,
  ],
  backward: { name: "GatherBackward" },
  lower([x, index], output, attrs) {
    const axis = number(attrs, "axis");
    const extent = x.type.shape[axis];
    return (indices) => {
      const position = index.at(indices);
      // Clamped although guarded: what makes a load that an index buffer decides provably stay inside.
      const clamped = binary("min", binary("max", position, int(0)), int(extent - 1));
      return select(
        inRange(position, extent),
        x.at(withIndex(indices, axis, clamped)),
        constant(0, output.dtype),
      );
    };
  },
  reference: ([x, index], output, attrs) =>
    generate(output.shape, (own) => at(x, withIndex(own, number(attrs, "axis"), at(index, own)))),
  samples: () => [
    ...GATHERS.map(
      ({ x, index, axis }): Sample => ({
        inputs: [f32(...x), { dtype: "int32", shape: index, below: x[axis] }],
        attrs: { axis },
      }),
    ),
    {
      inputs: [
        { dtype: "bool", shape: [3, 4], below: 2 },
        { dtype: "int32", shape: [3, 2], below: 4 },
      ],
      attrs: { axis: 1 },
    },
  ],
};

const GATHERS = [
  { x: [3, 4], index: [3, 2], axis: 1 },
  { x: [3, 4], index: [5, 4], axis: 0 },
  { x: [2, 3, 4], index: [1, 6, 3], axis: 1 },
  { x: [5], index: [7], axis: 0 },
  { x: [1], index: [1], axis: 0 },
  { x: [3, 1], index: [2, 4], axis: 1 },
  { x: [3, 2], index: [0, 2], axis: 0 },
  { x: [0, 3], index: [0, 2], axis: 1 },
];

const scatterAdd: OpDef = {
  name: "scatter_add",
  doc: "Zeros of `shape` to which each element is added at the position that the int32 index gives along `axis` (torch.scatter_add); positions that occur twice add up.",
  arity: 2,
  attributes: { axis: AXIS, shape: SHAPE_LIST },
  pattern: "contraction",
  indices: (_inputs, attrs) => [
    { input: 1, of: "position", below: ints(attrs, "shape")[number(attrs, "axis")] },
  ],
  infer([x, index], attrs) {
    requireFloat("scatter_add", [x]);
    requireIndex("scatter_add", index, ints(attrs, "shape"), number(attrs, "axis"));
    if (formatShape(x.shape) !== formatShape(index.shape))
      throw new KilnError(
        `scatter_add expects one index per element of ${describe(x)}, not ${describe(index)}`,
      );
    return { dtype: "float32", shape: ints(attrs, "shape") };
  },
  vjp: (b, ct, [, index], _out, attrs) => [
    b.node("gather", [ct, index], { axis: number(attrs, "axis") }),
    undefined,
  ],
  backward: { name: "ScatterAddBackward" },
  lower([x, index], output, attrs) {
    const axis = number(attrs, "axis");
    const { shape } = x.type;
    return (indices) =>
      reduce("sum", [{ name: "j", extent: shape[axis] }], ([j]) => {
        const source = withIndex(indices, axis, j);
        const inside = source.reduce<Expr>(
          (fits, i, k) => (shape[k] < output.shape[k] && k !== axis ? and(fits, inRange(i, shape[k])) : fits),
          constant(1, "bool"),
        );
        const hit = compare("eq", index.at(source), indices[axis]);
        return select(inside, select(hit, x.at(source), float(0)), float(0));
      });
  },
  reference([x, index], output, attrs) {
    const axis = number(attrs, "axis");
    return generate(output.shape, (own) =>
      own.every((i, k) => k === axis || i < x.shape[k])
        ? sumOver([x.shape[axis]], ([j]) => {
            const source = withIndex(own, axis, j);
            return at(index, source) === own[axis] ? at(x, source) : 0;
          })
        : 0,
    );
  },
  samples: () =>
    GATHERS.map(
      ({ x, index, axis }): Sample => ({
        inputs: [f32(...index), { dtype: "int32", shape: index, below: x[axis] }],
        attrs: { axis, shape: x },
      }),
    ),
};

/** The least index that names something. */
const leastOf = (attrs: Attrs): number => (attrs.least === undefined ? 0 : number(attrs, "least"));

const indexFault: OpDef = {
  name: "index_fault",
  doc: "The largest of the int32 indices that are neither among `least` (0 unless told) … `below` - 1 nor `ignoreIndex`, if there is one, as float32; -2⁴⁰ where there is none, -∞ of no indices at all. What programs tell of indices that they compute.",
  arity: 1,
  attributes: {
    below: COUNT,
    least: { ...INDEX, isOptional: true },
    ignoreIndex: { ...INDEX, isOptional: true },
  },
  pattern: "reduction",
  infer([index]) {
    if (index.dtype !== "int32")
      throw new KilnError(`index_fault expects an int32 index but got ${describe(index)}`);
    return f32();
  },
  vjp: () => [undefined],
  backward: { name: "IndexFaultBackward" },
  lower([index], _output, attrs) {
    const axes = index.type.shape.map((extent, k) => ({ name: `k${k}`, extent }));
    const none = float(NO_FAULT);
    return () =>
      reduce("max", axes, (at) => {
        const own = index.at(at);
        const isCounted =
          attrs.ignoreIndex === undefined
            ? constant(1, "bool")
            : compare("ne", own, int(number(attrs, "ignoreIndex")));
        return select(
          and(compare("ge", own, int(leastOf(attrs))), compare("lt", own, int(number(attrs, "below")))),
          none,
          select(isCounted, cast(own, "float32"), none),
        );
      });
  },
  reference: ([index], _output, attrs) => {
    const isFault = (v: number): boolean =>
      !(v >= leastOf(attrs) && v < number(attrs, "below")) && v !== attrs.ignoreIndex;
    const found = Array.from(index.data, (v) => (isFault(v) ? v : NO_FAULT));
    return { shape: [], data: Float64Array.of(Math.max(...found)) };
  },
  samples: () => [
    { inputs: [{ dtype: "int32", shape: [2, 3], below: 9 }], attrs: { below: 4 } },
    { inputs: [{ dtype: "int32", shape: [4], below: 3 }], attrs: { below: 3 } },
    { inputs: [{ dtype: "int32", shape: [2, 3], below: 3 }], attrs: { below: 1, ignoreIndex: 2 } },
    { inputs: [{ dtype: "int32", shape: [4], below: 5 }], attrs: { below: 3, least: 2 } },
    { inputs: [{ dtype: "int32", shape: [], below: 3 }], attrs: { below: 1 } },
    { inputs: [{ dtype: "int32", shape: [1], below: 1 }], attrs: { below: 1 } },
    { inputs: [{ dtype: "int32", shape: [0], below: 1 }], attrs: { below: 1 } },
  ],
};

export const INDEXING = { index_fault: indexFault, argmax, gather, scatter_add: scatterAdd };
