/**
 * Windows along one axis as an axis of their own, and its gradient, the sum over the windows that read each element.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import type { Attrs } from "../ir/types.ts";
import {
  add,
  and,
  binary,
  compare,
  div,
  float,
  inRange,
  int,
  mod,
  mul,
  reduce,
  select,
  sub,
} from "../loop/build.ts";
import { AXIS, COUNT, SHAPE_LIST } from "./declaration.ts";
import { describe, f32, ints, moves, number, type OpDef, requireFloat, withIndex } from "./definition.ts";
import { at, generate, sumOver } from "./ndarray.ts";

const POSITIVE = { kind: "int", least: 1 } as const;

/** The shape of the windows: their number in place of the axis, and their elements at the end. */
function windowsOf(op: string, shape: Shape, attrs: Attrs): number[] {
  const [axis, size, step] = ["axis", "size", "step"].map((name) => number(attrs, name));
  const extent = shape[axis];
  if (!(size <= extent))
    throw new KilnError(`${op} cannot take windows of ${size} along axis ${axis} of ${formatShape(shape)}`);
  return [...withIndex(shape, axis, Math.floor((extent - size) / step) + 1), size];
}

const unfold: OpDef = {
  name: "unfold",
  doc: "Windows of `size` elements, one every `step` elements along `axis`: the axis counts the windows, and a new last axis holds their elements (torch.Tensor.unfold).",
  arity: 1,
  attributes: { axis: AXIS, size: COUNT, step: POSITIVE },
  pattern: "sparse",
  ...moves({
    source(indices, _input, _output, attrs) {
      const axis = number(attrs, "axis");
      const first = mul(indices[axis], int(number(attrs, "step")));
      return withIndex(indices.slice(0, -1), axis, add(first, indices[indices.length - 1]));
    },
  }),
  infer: ([x], attrs) => ({ dtype: x.dtype, shape: windowsOf("unfold", x.shape, attrs) }),
  vjp: (b, ct, [x], _out, attrs) => [b.node("unfold_grad", [ct], { ...attrs, shape: x.type.shape })],
  backward: { name: "UnfoldBackward" },
  reference([x], output, attrs) {
    const axis = number(attrs, "axis");
    return generate(output.shape, (index) => {
      const position = index[axis] * number(attrs, "step") + index[index.length - 1];
      return at(x, withIndex(index.slice(0, -1), axis, position));
    });
  },
  samples: () => [
    ...CASES.map(({ shape, attrs }) => ({ inputs: [f32(...shape)], attrs })),
    { inputs: [{ dtype: "int32", shape: [5], below: 9 }], attrs: { axis: 0, size: 2, step: 1 } },
  ],
};

const CASES: readonly { readonly shape: Shape; readonly attrs: Attrs }[] = [
  { shape: [7], attrs: { axis: 0, size: 3, step: 1 } },
  { shape: [2, 8, 3], attrs: { axis: 1, size: 3, step: 2 } },
  { shape: [2, 7], attrs: { axis: 1, size: 2, step: 3 } },
  { shape: [3, 4], attrs: { axis: 0, size: 3, step: 5 } },
  { shape: [1], attrs: { axis: 0, size: 1, step: 1 } },
  { shape: [0, 3], attrs: { axis: 1, size: 2, step: 1 } },
];

const unfoldGrad: OpDef = {
  name: "unfold_grad",
  doc: "The gradient of unfold: for each element of `shape` the sum over the windows that read it.",
  arity: 1,
  attributes: { axis: COUNT, size: COUNT, step: POSITIVE, shape: SHAPE_LIST },
  pattern: "contraction",
  infer([ct], attrs) {
    requireFloat("unfold_grad", [ct]);
    const shape = ints(attrs, "shape");
    if (!(number(attrs, "axis") in shape))
      throw new KilnError(`unfold_grad has no axis ${number(attrs, "axis")} in ${formatShape(shape)}`);
    const windows = windowsOf("unfold_grad", shape, attrs);
    if (!sameShape(ct.shape, windows))
      throw new KilnError(`unfold_grad expects ${formatShape(windows)} but got ${describe(ct)}`);
    return { dtype: "float32", shape };
  },
  vjp(b, ct, _inputs, _out, { shape: _, ...window }) {
    return [b.node("unfold", [ct], window)];
  },
  backward: { name: "UnfoldBackwardBackward" },
  lower([ct], _output, attrs) {
    const axis = number(attrs, "axis");
    const step = int(number(attrs, "step"));
    const extent = number(attrs, "size");
    return (indices) =>
      reduce("sum", [{ name: "k", extent }], ([k]) => {
        const first = sub(indices[axis], k);
        const window = div(first, step);
        const isRead = and(compare("eq", mod(first, step), int(0)), inRange(window, ct.type.shape[axis]));
        // Clamped although guarded: window and tap together are proved to stay inside only if each is by itself.
        const last = int(ct.type.shape[axis] - 1);
        const clamped = binary("min", binary("max", window, int(0)), last);
        return select(isRead, ct.at([...withIndex(indices, axis, clamped), k]), float(0));
      });
  },
  reference([ct], output, attrs) {
    const axis = number(attrs, "axis");
    const step = number(attrs, "step");
    return generate(output.shape, (index) =>
      sumOver([number(attrs, "size")], ([k]) => {
        const window = (index[axis] - k) / step;
        const isRead = Number.isInteger(window) && window >= 0 && window < ct.shape[axis];
        return isRead ? at(ct, [...withIndex(index, axis, window), k]) : 0;
      }),
    );
  },
  samples: () =>
    CASES.map(({ shape, attrs }) => ({
      inputs: [f32(...windowsOf("unfold", shape, attrs))],
      attrs: { ...attrs, shape },
    })),
};

export const UNFOLD = { unfold, unfold_grad: unfoldGrad };
