/**
 * Integers that count along an axis, to be compared with in masks and one-hot codes, so that neither is ever stored.
 */

import { isInt32 } from "../core/conversion.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { Attrs } from "../ir/types.ts";
import { add, int, mul } from "../loop/build.ts";
import { COUNT, INDEX, SHAPE_LIST } from "./declaration.ts";
import { ints, number, type OpDef } from "./definition.ts";
import { generate } from "./ndarray.ts";

/** The number at position `k` along the axis. */
const numberAt = (attrs: Attrs, k: number): number => number(attrs, "start") + k * number(attrs, "step");

/** The first and the last number. */
function endsOf(attrs: Attrs): readonly [number, number] {
  const extent = ints(attrs, "shape")[number(attrs, "axis")];
  return [numberAt(attrs, 0), numberAt(attrs, Math.max(0, extent - 1))];
}

const iota: OpDef = {
  name: "iota",
  isFree: () => true,
  range: (_inputs, _types, attrs) => {
    const ends = endsOf(attrs);
    return [Math.min(...ends), Math.max(...ends)];
  },
  doc: "`start`, `start + step`, … along axis `axis` of `shape`, repeated along all others; int32 (torch.arange, broadcast).",
  arity: 0,
  attributes: { shape: SHAPE_LIST, axis: COUNT, start: INDEX, step: INDEX },
  pattern: "elementwise",
  shapedByAttributes: true,
  infer(_inputs, attrs) {
    const shape = ints(attrs, "shape");
    if (!(number(attrs, "axis") in shape))
      throw new KilnError(`iota has no axis ${number(attrs, "axis")} in the shape ${formatShape(shape)}`);
    const last = endsOf(attrs)[1];
    if (!isInt32(last)) throw new KilnError(`iota cannot count to ${last} in int32`);
    return { dtype: "int32", shape };
  },
  vjp: () => [],
  backward: { name: "ArangeBackward" },
  lower: (_operands, _output, attrs) => (indices) =>
    add(mul(indices[number(attrs, "axis")], int(number(attrs, "step"))), int(number(attrs, "start"))),
  reference: (_inputs, output, attrs) =>
    generate(output.shape, (index) => numberAt(attrs, index[number(attrs, "axis")])),
  samples: () => [
    { inputs: [], attrs: { shape: [7], axis: 0, start: 0, step: 1 } },
    { inputs: [], attrs: { shape: [2, 3, 5], axis: 1, start: -4, step: 3 } },
    { inputs: [], attrs: { shape: [4, 1], axis: 0, start: 5, step: -2 } },
    { inputs: [], attrs: { shape: [0, 3], axis: 1, start: 0, step: 1 } },
  ],
};

export const IOTA = { iota };
