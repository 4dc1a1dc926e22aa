/** Reading along one axis at positions that an index gives for all other axes alike, and its inverse, index_add. */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../core/shape.ts";
import type { TensorType } from "../ir/types.ts";
import { binary, compare, constant, float, inRange, int, reduce, select } from "../loop/build.ts";
import { AXIS, COUNT, SHAPE_LIST } from "./declaration.ts";
import {
  describe,
  f32,
  type IndexUse,
  ints,
  number,
  type OpDef,
  requireFloat,
  type Sample,
  type SampleInput,
} from "./definition.ts";
import { at, generate, sumOver } from "./ndarray.ts";

/** `list` with `items` in place of the one at `axis`. */
const spliced = <T>(list: readonly T[], axis: number, items: readonly T[]): T[] => [
  ...list.slice(0, axis),
  ...items,
  ...list.slice(axis + 1),
];

/** The indices of the result, split: those of the index, and those of x with `position` at the axis. */
function partsOf<T>(indices: readonly T[], axis: number, rank: number) {
  return {
    own: indices.slice(axis, axis + rank),
    around: (position: T): T[] => [...indices.slice(0, axis), position, ...indices.slice(axis + rank)],
  };
}

function requireInt32(op: string, index: TensorType): void {
  if (index.dtype !== "int32")
    throw new KilnError(
      `${op} expects an int32 index but got ${describe(index)}: make it with tensor(values, { dtype: "int32" })`,
    );
}

const use = (op: string, below: number): readonly IndexUse[] => [{ input: 1, of: "position", below, op }];

const indexSelect: OpDef = {
  name: "index_select",
  range: ([x]) => x,
  doc: "The slices of x at the positions along `axis` in an int32 index of any shape, whose axes replace that one (torch.index_select, numpy.take). The running program checks the index; the kernel itself reads 0 at positions out of range.",
  arity: 2,
  attributes: { axis: AXIS },
  pattern: "sparse",
  indices: ([x], attrs) => use("indexSelect", x.shape[number(attrs, "axis")]),
  infer([x, index], attrs) {
    requireInt32("index_select", index);
    return { dtype: x.dtype, shape: spliced(x.shape, number(attrs, "axis"), index.shape) };
  },
  vjp: (b, ct, [x, index], _out, attrs) => [
    b.node("index_add", [ct, index], { axis: number(attrs, "axis"), shape: x.type.shape }),
    undefined,
  ],
  backward: { name: "IndexSelectBackward" },
  lower([x, index], output, attrs) {
    const axis = number(attrs, "axis");
    const extent = x.type.shape[axis];
    return (indices) => {
      const { own, around } = partsOf(indices, axis, index.type.shape.length);
      const position = index.at(own);
      // Clamped although guarded: this makes a load at indices from a buffer provably stay inside.
      const clamped = binary("min", binary("max", position, int(0)), int(extent - 1));
      return select(inRange(position, extent), x.at(around(clamped)), constant(0, output.dtype));
    };
  },
  reference([x, index], output, attrs) {
    const axis = number(attrs, "axis");
    return generate(output.shape, (indices) => {
      const { own, around } = partsOf(indices, axis, index.shape.length);
      const position = at(index, own);
      return position >= 0 && position < x.shape[axis] ? at(x, around(position)) : 0;
    });
  },
  samples: () => [
    ...CASES.map(({ x, index, axis }) => ({ inputs: [f32(...x), drawn(index, x[axis])], attrs: { axis } })),
    { inputs: [{ dtype: "int32", shape: [4, 2], below: 9 }, drawn([3], 4)], attrs: { axis: 0 } },
  ],
};

const drawn = (shape: Shape, below: number): SampleInput => ({ dtype: "int32", shape, below });

const CASES = [
  { x: [4, 3], index: [5], axis: 0 },
  { x: [2, 5, 3], index: [2, 4], axis: 1 },
  { x: [2, 3], index: [], axis: 1 },
  { x: [6], index: [2, 2], axis: 0 },
  { x: [1], index: [1], axis: 0 },
  { x: [3, 2], index: [0], axis: 0 },
  { x: [0, 3], index: [2], axis: 1 },
];

const indexAdd: OpDef = {
  name: "index_add",
  doc: "Zeros of `shape` to which the slices of x are added at the positions where index_select would read them; repeated positions of the int32 index add up (torch.index_add).",
  arity: 2,
  attributes: { axis: COUNT, shape: SHAPE_LIST },
  pattern: "contraction",
  indices: (_inputs, attrs) => use("indexAdd", ints(attrs, "shape")[number(attrs, "axis")]),
  infer([x, index], attrs) {
    requireFloat("index_add", [x]);
    requireInt32("index_add", index);
    const [axis, shape] = [number(attrs, "axis"), ints(attrs, "shape")];
    const taken = axis in shape ? spliced(shape, axis, index.shape) : undefined;
    if (taken === undefined || !sameShape(taken, x.shape))
      throw new KilnError(
        `index_add along axis ${axis} of ${formatShape(shape)} expects what index_select takes from there ` +
          `with ${describe(index)}, but got ${describe(x)}`,
      );
    return { dtype: "float32", shape };
  },
  vjp: (b, ct, [, index], _out, attrs) => [
    b.node("index_select", [ct, index], { axis: number(attrs, "axis") }),
    undefined,
  ],
  backward: { name: "IndexAddBackward" },
  lower([x, index], _output, attrs) {
    const axis = number(attrs, "axis");
    const axes = index.type.shape.map((extent, k) => ({ name: `j${k}`, extent }));
    return (indices) =>
      reduce("sum", axes, (own) =>
        select(compare("eq", index.at(own), indices[axis]), x.at(spliced(indices, axis, own)), float(0)),
      );
  },
  reference([x, index], output, attrs) {
    const axis = number(attrs, "axis");
    return generate(output.shape, (indices) =>
      sumOver(index.shape, (own) =>
        at(index, own) === indices[axis] ? at(x, spliced(indices, axis, own)) : 0,
      ),
    );
  },
  samples: () =>
    CASES.filter(({ x }) => sizeOf(x) > 0).map(
      ({ x, index, axis }): Sample => ({
        inputs: [f32(...spliced(x, axis, index)), drawn(index, x[axis])],
        attrs: { axis, shape: x },
      }),
    ),
};

export const INDEX_SELECT = { index_select: indexSelect, index_add: indexAdd };
