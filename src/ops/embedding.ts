/** Looking up rows of a table: the forward pass of an embedding, whose gradient adds rows up in order. */

import { KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, TensorType, Value } from "../ir/types.ts";
import { binary, float, inRange, int, select } from "../loop/build.ts";
import { BOOLEAN, INDEX } from "./declaration.ts";
import { describe, f32, type OpDef, requireFloat } from "./definition.ts";
import { at, generate } from "./ndarray.ts";

const INT32_FORM = 'tensor(values, { dtype: "int32" })';

function infer([weight, indices]: readonly TensorType[]): TensorType {
  requireFloat("embedding", [weight]);
  if (weight.shape.length !== 2)
    throw new KilnError(`embedding expects a table [rows, columns] but got ${describe(weight)}`);
  if (indices.dtype !== "int32") {
    throw new KilnError(
      `embedding expects int32 indices but got ${describe(indices)}: make them with ${INT32_FORM}`,
    );
  }
  return f32(...indices.shape, weight.shape[1]);
}

/**
 * The cotangent of each looked-up row, [count, columns]: zero at `paddingIdx`, and with `scaleGradByFreq` divided by
 * how often the row was looked up.
 */
function rowCotangents(b: GraphBuilder, ct: Value, indices: Value, rows: number, attrs: Attrs): Value {
  const [count] = indices.type.shape;
  const perRow = (value: Value): Value => b.node("reshape", [value], { shape: [count, 1] });
  let share = ct;
  if (typeof attrs.paddingIdx === "number") {
    const padding = b.node("constant", [], { value: attrs.paddingIdx, dtype: "int32" });
    const isPadding = b.node("compare", [perRow(indices), padding], { relation: "eq" });
    share = b.node("where", [isPadding, b.constant(0), share]);
  }
  if (attrs.scaleGradByFreq === true) {
    const ones = b.node("broadcast_to", [b.constant(1)], { shape: [count] });
    const lookups = b.node("scatter_add", [ones, indices], { axis: 0, shape: [rows] });
    share = b.node("div", [share, perRow(b.node("gather", [lookups, indices], { axis: 0 }))]);
  }
  return share;
}

const embedding: OpDef = {
  name: "embedding",
  doc: "The rows of weight[V,D] at int32 indices: [...] → [...,D] (torch.nn.functional.embedding). The running program checks the indices; the kernel itself reads zeros outside of the table. The row `paddingIdx`, if given, gets no gradient; `scaleGradByFreq` divides a row's gradient by the number of its lookups.",
  arity: 2,
  attributes: {
    paddingIdx: { ...INDEX, isOptional: true },
    scaleGradByFreq: { ...BOOLEAN, isOptional: true },
  },
  pattern: "sparse",
  indices: ([weight]) => [{ input: 1, of: "row", below: weight.shape[0] }],
  infer,
  vjp(b, ct, [weight, indices], _out, attrs) {
    const [rows, columns] = weight.type.shape;
    const count = sizeOf(indices.type.shape);
    const flat = b.node("reshape", [indices], { shape: [count] });
    const cotangents = b.node("reshape", [ct], { shape: [count, columns] });
    const share = rowCotangents(b, cotangents, flat, rows, attrs);
    const column = b.node("reshape", [flat], { shape: [count, 1] });
    const everywhere = b.node("broadcast_to", [column], { shape: [count, columns] });
    return [b.node("scatter_add", [share, everywhere], { axis: 0, shape: [rows, columns] }), undefined];
  },
  backward: { name: "EmbeddingBackward" },
  lower([weight, indices]) {
    const [rows] = weight.type.shape;
    return (own) => {
      const row = indices.at(own.slice(0, -1));
      // Clamped although guarded: this makes a load at indices from a buffer provably stay inside.
      const clamped = binary("min", binary("max", row, int(0)), int(rows - 1));
      return select(inRange(row, rows), weight.at([clamped, own[own.length - 1]]), float(0));
    };
  },
  reference: ([weight, indices], output) =>
    generate(output.shape, (own) => {
      const row = at(indices, own.slice(0, -1));
      return row < 0 || row >= weight.shape[0] ? 0 : at(weight, [row, own[own.length - 1]]);
    }),
  // No index is `paddingIdx`, and none occurs twice if frequency counts: there the gradient differs on purpose.
  samples: () => [
    { inputs: [f32(5, 3), { dtype: "int32", shape: [4], below: 5 }], attrs: {} },
    { inputs: [f32(5, 4), { dtype: "int32", shape: [2, 3], below: 7 }], attrs: {} },
    { inputs: [f32(5, 2), { dtype: "int32", shape: [2, 3], below: 4 }], attrs: { paddingIdx: 4 } },
    { inputs: [f32(5, 2), { dtype: "int32", shape: [1], below: 5 }], attrs: { scaleGradByFreq: true } },
    { inputs: [f32(3, 2), { dtype: "int32", shape: [], below: 3 }], attrs: {} },
    { inputs: [f32(3, 2), { dtype: "int32", shape: [0], below: 3 }], attrs: {} },
    { inputs: [f32(3, 2), { dtype: "int32", shape: [2, 0], below: 3 }], attrs: { scaleGradByFreq: true } },
  ],
};

export const EMBEDDING = { embedding };
