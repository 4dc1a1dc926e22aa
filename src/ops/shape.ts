/** Ops that only rearrange: reshape keeps the row-major order of elements, broadcast_to repeats them. */

import { KilnError } from "../core/errors.ts";
import {
  broadcastShapes,
  formatShape,
  inferReshape,
  type Shape,
  sameShape,
  stridesOf,
} from "../core/shape.ts";
import { div, dot, int, mod } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { f32, ints, type OpDef } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";

/** The indices of the element at row-major position `linear` in `shape`. */
export function unravel(linear: Expr, shape: Shape): Expr[] {
  const strides = stridesOf(shape);
  return shape.map((extent, axis) => {
    const position = div(linear, int(strides[axis]));
    return axis === 0 ? position : mod(position, int(extent));
  });
}

const reshape: OpDef = {
  name: "reshape",
  doc: "The same elements in row-major order under another shape; one extent may be -1 (torch.reshape).",
  pattern: "view",
  infer: ([x], attrs) => ({ dtype: x.dtype, shape: inferReshape(x.shape, ints(attrs, "shape")) }),
  vjp: (b, ct, [x]) => [b.node("reshape", [ct], { shape: x.type.shape })],
  backward: { name: "ViewBackward" },
  lower:
    ([x], output) =>
    (indices) =>
      x.at(unravel(dot(indices, stridesOf(output.shape)), x.type.shape)),
  reference: ([x], output) => ({ shape: output.shape, data: x.data }),
  samples: () => [
    { inputs: [f32(2, 6)], attrs: { shape: [3, 4] } },
    { inputs: [f32(2, 3, 4)], attrs: { shape: [2, 12] } },
    { inputs: [f32(4)], attrs: { shape: [1, 4, 1] } },
  ],
};

const broadcastTo: OpDef = {
  name: "broadcast_to",
  doc: "The input repeated along new axes and axes of extent 1 (torch.expand); its gradient is the sum over them.",
  pattern: "elementwise",
  infer([x], attrs) {
    const shape = ints(attrs, "shape");
    const common = broadcastShapes(x.shape, shape);
    if (common === undefined || !sameShape(common, shape)) {
      throw new KilnError(`cannot broadcast ${formatShape(x.shape)} to ${formatShape(shape)}`);
    }
    return { dtype: x.dtype, shape };
  },
  vjp: (_b, ct) => [ct],
  backward: { name: "ExpandBackward" },
  lower:
    ([x]) =>
    (indices) =>
      x.at(
        x.type.shape.map((extent, axis) =>
          extent === 1 ? int(0) : indices[axis + indices.length - x.type.shape.length],
        ),
      ),
  reference: ([x], output) => generate(output.shape, (index) => broadcastAt(x, index)),
  samples: () => [
    { inputs: [f32(3)], attrs: { shape: [2, 3] } },
    { inputs: [f32(2, 1, 3)], attrs: { shape: [2, 4, 3] } },
  ],
};

export const SHAPE = { reshape, broadcast_to: broadcastTo };
