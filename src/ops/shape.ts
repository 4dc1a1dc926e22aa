/** Ops that only rearrange: reshape keeps the row-major order of elements, broadcast_to repeats them. */

import { KilnError } from "../core/errors.ts";
import {
  broadcastShapes,
  formatShape,
  inferReshape,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from "../core/shape.ts";
import { div, dot, int, mod } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { SHAPE_LIST } from "./declaration.ts";
import { f32, ints, isNodeOf, moves, type OpDef, type Strided } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";

/** The indices of the element at row-major position `linear` in `shape`. */
export function unravel(linear: Expr, shape: Shape): Expr[] {
  const strides = stridesOf(shape);
  return shape.map((extent, axis) => {
    const position = div(linear, int(strides[axis]));
    return axis === 0 ? position : mod(position, int(extent));
  });
}

/**
 * The strides with which `shape` shows the elements of `input` in their row-major order; `undefined` if there are none,
 * because axes are joined that are not contiguous (ATen's computeStride).
 */
function stridesUnder(input: Strided, shape: Shape): readonly number[] | undefined {
  if (shape.includes(0)) return stridesOf(shape);
  const axes = input.shape
    .map((extent, k) => ({ extent, stride: input.strides[k] }))
    .filter(({ extent }) => extent !== 1);
  const strides = new Array<number>(shape.length);
  let axis = axes.length - 1;
  let [left, stride] = axis < 0 ? [1, 1] : [axes[axis].extent, axes[axis].stride];
  for (let k = shape.length - 1; k >= 0; k--) {
    if (shape[k] === 1) {
      strides[k] = 1;
      continue;
    }
    // Contiguous axes of the input count as one.
    while (left % shape[k] !== 0) {
      const outer = axes[axis - 1];
      if (outer === undefined || outer.stride !== axes[axis].stride * axes[axis].extent) return undefined;
      left *= outer.extent;
      axis--;
    }
    strides[k] = stride;
    left /= shape[k];
    stride *= shape[k];
    if (left === 1 && axis > 0) {
      axis--;
      [left, stride] = [axes[axis].extent, axes[axis].stride];
    }
  }
  return strides;
}

const reshape: OpDef = {
  name: "reshape",
  doc: "The same elements in row-major order with another shape; one extent may be -1 (torch.reshape).",
  arity: 1,
  attributes: { shape: { kind: "ints", least: -1 } },
  pattern: "view",
  canonicalAttrs: (attrs, { shape }) => ({ ...attrs, shape }),
  rewrites: [
    // To the same shape it does nothing.
    (_to, [x], attrs) => (sameShape(x.type.shape, ints(attrs, "shape")) ? x : undefined),
    // A reshape of a reshape is one of the original input.
    (to, [x], attrs) => (isNodeOf(x, "reshape") ? to.node("reshape", x.inputs, attrs) : undefined),
  ],
  ...moves({
    source: (indices, input, output) => unravel(dot(indices, stridesOf(output)), input),
    keepsAll: true,
  }),
  infer: ([x], attrs) => ({ dtype: x.dtype, shape: inferReshape(x.shape, ints(attrs, "shape")) }),
  vjp: (b, ct, [x]) => [b.node("reshape", [ct], { shape: x.type.shape })],
  backward: { name: "ViewBackward" },
  view: {
    strides: (input, output) => stridesUnder(input, output.shape),
    put: (emit, base, written) => emit("reshape", [written], { shape: base.shape }),
  },
  reference: ([x], output) => ({ shape: output.shape, data: x.data }),
  samples: () => [
    { inputs: [f32(2, 6)], attrs: { shape: [3, 4] } },
    { inputs: [f32(2, 3, 4)], attrs: { shape: [2, 12] } },
    { inputs: [f32(4)], attrs: { shape: [1, 4, 1] } },
    { inputs: [f32()], attrs: { shape: [1, 1] } },
    { inputs: [f32(1)], attrs: { shape: [] } },
    { inputs: [f32(0, 3)], attrs: { shape: [-1, 2] } },
    { inputs: [f32(2, 0)], attrs: { shape: [0, 5, 1] } },
  ],
};

const broadcastTo: OpDef = {
  name: "broadcast_to",
  doc: "The input repeated along new axes and axes of extent 1 (torch.expand); its gradient is the sum over them.",
  arity: 1,
  attributes: { shape: SHAPE_LIST },
  pattern: "elementwise",
  shapedByAttributes: true,
  isFree: ([x]) => sizeOf(x.shape) === 1,
  rewrites: [
    // A single number is broadcast from any shape it has.
    (to, [x], attrs) =>
      isNodeOf(x, "reshape") && x.inputs[0].type.shape.length === 0
        ? to.node("broadcast_to", x.inputs, attrs)
        : undefined,
  ],
  ...moves({
    source: (indices, input) =>
      input.map((extent, axis) => (extent === 1 ? int(0) : indices[axis + indices.length - input.length])),
    keepsAll: true,
    isBroadcast: true,
  }),
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
  view: {
    strides(input, output) {
      const added = output.shape.length - input.shape.length;
      return output.shape.map((extent, axis) =>
        axis < added || (input.shape[axis - added] === 1 && extent !== 1) ? 0 : input.strides[axis - added],
      );
    },
    // Only one value can be written to elements that are one in memory, so the first is as good as any.
    put(emit, base, written) {
      const added = written.shape.length - base.shape.length;
      const stops = written.shape.map((_, axis) => base.shape[axis - added] ?? 1);
      const starts = stops.map(() => 0);
      const first = emit("slice", [written], { starts, stops, steps: stops.map(() => 1) });
      return emit("reshape", [first], { shape: base.shape });
    },
  },
  reference: ([x], output) => generate(output.shape, (index) => broadcastAt(x, index)),
  samples: () => [
    { inputs: [f32(3)], attrs: { shape: [2, 3] } },
    { inputs: [f32(2, 1, 3)], attrs: { shape: [2, 4, 3] } },
    { inputs: [f32()], attrs: { shape: [] } },
    { inputs: [f32()], attrs: { shape: [1, 3] } },
    { inputs: [f32(1)], attrs: { shape: [1] } },
    { inputs: [f32(1, 3)], attrs: { shape: [0, 3] } },
    { inputs: [f32(0, 1)], attrs: { shape: [2, 0, 4] } },
  ],
};

export const SHAPE = { reshape, broadcast_to: broadcastTo };
