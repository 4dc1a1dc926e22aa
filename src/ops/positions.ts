/**
 * Integers that are positions: several indices as one, the last position of each index, and numbers limited by bounds.
 */

import { isInt32 } from "../core/conversion.ts";
import { KilnError } from "../core/errors.ts";
import { broadcastShapes, formatShape, sizeOf, stridesOf } from "../core/shape.ts";
import { add, cast, compare, float, int, mul, reduce, select } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, BOOLEAN, COUNT, INDEX, SHAPE_LIST, TEXT } from "./declaration.ts";
import {
  broadcastRead,
  describe,
  ints,
  number,
  type OpDef,
  type SampleInput,
  text,
  withIndex,
} from "./definition.ts";
import { at, broadcastAt, generate } from "./ndarray.ts";

/** Up to here float32 counts exactly. */
const MOST_POSITIONS = 2 ** 24;

const flatIndex: OpDef = {
  name: "flat_index",
  range: (_inputs, _types, attrs) => [0, Math.max(0, sizeOf(ints(attrs, "extents")) - 1)],
  doc: "The row-major position of int32 indices, one input for each of `extents`, broadcast together (numpy.ravel_multi_index); with `fromEnd` negative ones count from the end. The running program checks the indices, with `callee` in its messages.",
  arity: [1, Number.POSITIVE_INFINITY],
  attributes: { extents: SHAPE_LIST, fromEnd: BOOLEAN, callee: TEXT },
  pattern: "elementwise",
  indices: (inputs, attrs) =>
    inputs.map((_, input) => {
      const below = ints(attrs, "extents")[input];
      const least = attrs.fromEnd === true ? -below : 0;
      return { input, of: "position", below, op: text(attrs, "callee"), ...(least < 0 && { least }) };
    }),
  infer(inputs, attrs) {
    const callee = text(attrs, "callee");
    const extents = ints(attrs, "extents");
    if (extents.length !== inputs.length)
      throw new KilnError(`flat_index needs one extent per index, not ${formatShape(extents)}`);
    const other = inputs.find(({ dtype }) => dtype !== "int32");
    if (other !== undefined)
      throw new KilnError(
        `${callee} expects int32 indices but got ${describe(other)}: make them with tensor(values, { dtype: "int32" })`,
      );
    if (!isInt32(sizeOf(extents)))
      throw new KilnError(`${callee} has more positions in ${formatShape(extents)} than int32 can count`);
    const shape = inputs.reduce<number[] | undefined>(
      (common, type) => (common === undefined ? undefined : broadcastShapes(common, type.shape)),
      [],
    );
    if (shape === undefined)
      throw new KilnError(
        `${callee} cannot combine the indices ${inputs.map(describe).join(", ")}: ` +
          "aligned from the right, their extents must be equal or 1",
      );
    return { dtype: "int32", shape };
  },
  vjp: (_b, _ct, inputs) => inputs.map(() => undefined),
  backward: { name: "FlatIndexBackward" },
  lower(operands, _output, attrs) {
    const extents = ints(attrs, "extents");
    const strides = stridesOf(extents);
    return (indices) =>
      operands.reduce<Expr>((sum, operand, k) => {
        const own = broadcastRead(operand, indices);
        const isBehind = compare("lt", own, int(0));
        const position = attrs.fromEnd === true ? select(isBehind, add(own, int(extents[k])), own) : own;
        return add(sum, mul(position, int(strides[k])));
      }, int(0));
  },
  reference(inputs, output, attrs) {
    const extents = ints(attrs, "extents");
    const strides = stridesOf(extents);
    return generate(output.shape, (indices) =>
      inputs.reduce((sum, input, k) => {
        const own = broadcastAt(input, indices);
        return sum + (attrs.fromEnd === true && own < 0 ? own + extents[k] : own) * strides[k];
      }, 0),
    );
  },
  samples: () => [
    { inputs: [drawn([5], 3)], attrs: { extents: [3], fromEnd: false, callee: "take" } },
    { inputs: [drawn([2, 3], 4), drawn([3], 5)], attrs: { extents: [4, 5], fromEnd: true, callee: "index" } },
    {
      inputs: [drawn([], 2), drawn([2, 1], 3), drawn([3], 2)],
      attrs: { extents: [2, 3, 2], fromEnd: true, callee: "index" },
    },
    { inputs: [drawn([0], 2)], attrs: { extents: [2], fromEnd: true, callee: "index" } },
  ],
};

const drawn = (shape: readonly number[], below: number): SampleInput => ({ dtype: "int32", shape, below });

const lastPosition: OpDef = {
  name: "last_position",
  range: (_ranges, [index], attrs) => {
    const absent = number(attrs, "absent");
    return [Math.min(0, absent), Math.max(absent, index.shape[number(attrs, "axis")] - 1)];
  },
  doc: "For each k below `extent` the last position along `axis` at which the int32 index is k, and `absent` if it never is: the winner if several are scattered to one place, and the inverse of a permutation. Other numbers are ignored.",
  arity: 1,
  attributes: { axis: AXIS, extent: COUNT, absent: INDEX },
  pattern: "contraction",
  infer([index], attrs) {
    const axis = number(attrs, "axis");
    if (index.dtype !== "int32")
      throw new KilnError(`last_position expects an int32 index but got ${describe(index)}`);
    if (index.shape[axis] > MOST_POSITIONS)
      throw new KilnError(`last_position counts up to 2^24 positions, and not those of ${describe(index)}`);
    return { dtype: "int32", shape: withIndex(index.shape, axis, number(attrs, "extent")) };
  },
  vjp: () => [undefined],
  backward: { name: "LastPositionBackward" },
  lower([index], _output, attrs) {
    const axis = number(attrs, "axis");
    const extent = index.type.shape[axis];
    const absent = int(number(attrs, "absent"));
    if (extent === 0) return () => absent;
    return (indices) => {
      const last = reduce("max", [{ name: "j", extent }], ([j]) => {
        const hit = compare("eq", index.at(withIndex(indices, axis, j)), indices[axis]);
        return select(hit, cast(j, "float32"), float(-1));
      });
      return select(compare("ge", last, float(0)), cast(last, "int32"), absent);
    };
  },
  reference([index], output, attrs) {
    const axis = number(attrs, "axis");
    return generate(output.shape, (indices) => {
      let last = number(attrs, "absent");
      for (let j = 0; j < index.shape[axis]; j++)
        if (at(index, withIndex(indices, axis, j)) === indices[axis]) last = j;
      return last;
    });
  },
  samples: () => [
    { inputs: [drawn([7], 5)], attrs: { axis: 0, extent: 5, absent: -1 } },
    { inputs: [drawn([3, 4], 3)], attrs: { axis: 1, extent: 2, absent: 0 } },
    { inputs: [drawn([4, 3], 6)], attrs: { axis: 0, extent: 6, absent: -1 } },
    { inputs: [drawn([0, 3], 2)], attrs: { axis: 0, extent: 2, absent: -1 } },
    { inputs: [drawn([1], 1)], attrs: { axis: 0, extent: 1, absent: -1 } },
  ],
};

const bounded: OpDef = {
  name: "bounded",
  range: (_ranges, _types, attrs) => [number(attrs, "least"), number(attrs, "most")],
  doc: "The same int32 numbers, which must be from `least` to `most`, such as the lengths of sequences. The running program checks them, with `what` in its messages; with `of` they tell whether other numbers have left int32.",
  arity: 1,
  attributes: {
    least: INDEX,
    most: INDEX,
    what: TEXT,
    of: { kind: "text", among: ["overflow"], isOptional: true },
  },
  pattern: "elementwise",
  indices: (_inputs, attrs) => [
    {
      input: 0,
      of: attrs.of === undefined ? "length" : "overflow",
      least: number(attrs, "least"),
      below: number(attrs, "most") + 1,
      op: text(attrs, "what"),
    },
  ],
  infer([x], attrs) {
    if (x.dtype !== "int32")
      throw new KilnError(`${text(attrs, "what")} must be int32 but are ${describe(x)}`);
    return { dtype: "int32", shape: x.shape };
  },
  vjp: () => [undefined],
  backward: { name: "BoundedBackward" },
  lower:
    ([x]) =>
    (indices) =>
      x.at(indices),
  reference: ([x]) => x,
  samples: () => [
    { inputs: [drawn([5], 4)], attrs: { least: 0, most: 3, what: "lengths" } },
    { inputs: [drawn([2, 3], 6)], attrs: { least: 0, most: 7, what: "lengths" } },
    { inputs: [drawn([0], 2)], attrs: { least: 0, most: 1, what: "lengths" } },
    { inputs: [drawn([3], 1)], attrs: { least: 0, most: 0, what: "a sum", of: "overflow" } },
  ],
};

export const POSITIONS = { flat_index: flatIndex, last_position: lastPosition, bounded };
