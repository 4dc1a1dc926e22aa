/** Diagonals of matrices: reading one, and its inverse, writing one into matrices. */

import type { DType } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Attrs } from "../ir/types.ts";
import { add, int } from "../loop/build.ts";
import { describe, f32, moves, number, type OpDef } from "./definition.ts";
import { at, generate } from "./ndarray.ts";

/** How many elements the diagonal `offset` of a matrix has. */
const lengthOf = (rows: number, columns: number, offset: number): number =>
  Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns));

/** Where the diagonal begins in a matrix: a positive offset moves it to the right, a negative one down. */
const originOf = (attrs: Attrs): readonly [row: number, column: number] => {
  const offset = number(attrs, "offset");
  return [Math.max(0, -offset), Math.max(0, offset)];
};

/**
 * `elsewhere`, except on the diagonal of the last two axes, which are `rows` and `columns` long, where it is the
 * elements of the last axis of `x`. It only selects for each position, so that it fuses with its readers.
 */
export function onDiagonal<T>(
  emit: (op: string, inputs: readonly T[], attrs: Attrs) => T,
  x: { readonly value: T; readonly shape: Shape; readonly dtype: DType },
  [rows, columns]: readonly [number, number],
  offset: number,
  elsewhere: T,
): T {
  const outer = x.shape.slice(0, -1);
  const length = x.shape[outer.length];
  // The elements are indexed by the rows that they belong to, or by the columns.
  const isBesideRows = offset >= 0;
  const extent = isBesideRows ? rows : columns;
  const zeros = outer.map(() => 0);
  const padding = { before: [...zeros, 0], after: [...zeros, extent - length], value: 0 };
  const line = length === extent ? x.value : emit("pad", [x.value], padding);
  const spread = emit("reshape", [line], {
    shape: [...outer, ...(isBesideRows ? [extent, 1] : [1, extent])],
  });
  const row = emit("iota", [], { shape: [rows, 1], axis: 0, start: offset, step: 1 });
  const column = emit("iota", [], { shape: [columns], axis: 0, start: 0, step: 1 });
  return emit("where", [emit("compare", [row, column], { relation: "eq" }), spread, elsewhere], {});
}

const diagonal: OpDef = {
  name: "diagonal",
  doc: "The diagonals of the matrices on the last two axes, [...,rows,columns] → [...,length]; a positive `offset` is to the right of the main one (torch.diagonal).",
  arity: 1,
  attributes: { offset: { kind: "int" } },
  pattern: "sparse",
  ...moves({
    source(indices, _input, _output, attrs) {
      const [row, column] = originOf(attrs);
      const along = indices[indices.length - 1];
      return [...indices.slice(0, -1), add(along, int(row)), add(along, int(column))];
    },
  }),
  infer([x], attrs) {
    if (x.shape.length < 2) throw new KilnError(`diagonal needs a tensor of matrices, not ${describe(x)}`);
    const [rows, columns] = x.shape.slice(-2);
    return {
      dtype: x.dtype,
      shape: [...x.shape.slice(0, -2), lengthOf(rows, columns, number(attrs, "offset"))],
    };
  },
  vjp(b, ct, [x], _out, attrs) {
    const [rows, columns] = x.type.shape.slice(-2);
    const own = { value: ct, shape: ct.type.shape, dtype: ct.type.dtype };
    return [
      onDiagonal(
        (op, inputs, given) => b.node(op, inputs, given),
        own,
        [rows, columns],
        number(attrs, "offset"),
        b.constant(0),
      ),
    ];
  },
  backward: { name: "DiagonalBackward" },
  view: {
    strides({ strides }) {
      return [...strides.slice(0, -2), strides[strides.length - 2] + strides[strides.length - 1]];
    },
    put(emit, base, written, attrs) {
      const [rows, columns] = base.shape.slice(-2);
      const own = { value: written, shape: written.shape, dtype: written.dtype };
      return onDiagonal(emit, own, [rows, columns], number(attrs, "offset"), base);
    },
  },
  reference([x], output, attrs) {
    const [row, column] = originOf(attrs);
    return generate(output.shape, (index) => {
      const along = index[index.length - 1];
      return at(x, [...index.slice(0, -1), along + row, along + column]);
    });
  },
  samples: () => [
    { inputs: [f32(3, 3)], attrs: { offset: 0 } },
    { inputs: [f32(2, 4)], attrs: { offset: 1 } },
    { inputs: [f32(2, 4)], attrs: { offset: 3 } },
    { inputs: [f32(2, 5, 3)], attrs: { offset: -1 } },
    { inputs: [f32(2, 5, 3)], attrs: { offset: -4 } },
    { inputs: [f32(1, 1)], attrs: { offset: 0 } },
    { inputs: [f32(3, 3)], attrs: { offset: 5 } },
    { inputs: [f32(0, 3)], attrs: { offset: 0 } },
    { inputs: [{ dtype: "int32", shape: [3, 2], below: 9 }], attrs: { offset: 0 } },
  ],
};

export const DIAGONAL = { diagonal };
