/** Ops that use positions: gather reads at them, and scatter_add, its gradient, adds at them. */

import { KilnError } from "../core/errors.ts";
import { NO_FAULT } from "../core/index-limit.ts";
import { formatShape } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { and, binary, cast, compare, constant, float, inRange, int, reduce, select } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, COUNT, INDEX, SHAPE_LIST } from "./declaration.ts";
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
import { at, generate, sumOver } from "./ndarray.ts";

/** Throws unless `index` is int32, of the rank of `shape`, and fits into it along the other axes. */
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
  doc: "The elements of x at the positions that the int32 index gives along `axis` (torch.gather). The running program checks the index; the kernel itself reads 0 at positions out of range.",
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
      // Clamped although guarded: this makes a load at indices from a buffer provably stay inside.
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
  doc: "Zeros of `shape` to which each element is added at the position that the int32 index gives along `axis` (torch.scatter_add); repeated positions add up.",
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

/** The least valid index. */
const leastOf = (attrs: Attrs): number => (attrs.least === undefined ? 0 : number(attrs, "least"));

const indexFault: OpDef = {
  name: "index_fault",
  doc: "The largest of the int32 indices that are neither among `least` (0 by default) … `below` - 1 nor `ignoreIndex`, if there is one, as float32; -2⁴⁰ if there is none, -∞ if there are no indices at all. By this, programs report bad indices that they computed.",
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

export const INDEXING = { index_fault: indexFault, gather, scatter_add: scatterAdd };
