/**
 * Ops that move elements without computing: permute, flip, slice and its gradient. Each reads its input where the
 * result needs it, so that gradients are rearrangements too. Their pattern is `sparse`, the one that lets
 * pointwise users join without treating them as pointwise themselves: a step that updates a parameter
 * in place must not read other elements of it, and a reshape or broadcast must not move through them.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import {
  add,
  and,
  compare,
  constant,
  div,
  float,
  inRange,
  int,
  mod,
  mul,
  select,
  sub,
} from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { PER_AXIS, SHAPE_LIST } from "./declaration.ts";
import {
  describe,
  f32,
  ints,
  moves,
  type OpDef,
  type Operand,
  type Rewrite,
  requireFloat,
} from "./definition.ts";
import { at, generate, type NdArray } from "./ndarray.ts";

const inverse = (dims: readonly number[]): number[] => dims.map((_, axis) => dims.indexOf(axis));

const permute: OpDef = {
  name: "permute",
  doc: "The axes in another order: axis k of the result is axis `dims[k]` of the input (torch.permute).",
  arity: 1,
  attributes: { dims: PER_AXIS },
  pattern: "sparse",
  ...moves({
    source: (indices, _input, _output, attrs) => inverse(ints(attrs, "dims")).map((k) => indices[k]),
    keepsAll: true,
  }),
  infer([x], attrs) {
    const dims = ints(attrs, "dims");
    if (!x.shape.every((_, axis) => dims.includes(axis)))
      throw new KilnError(`permute needs every axis of ${describe(x)} once but dims is [${dims}]`);
    return { dtype: x.dtype, shape: dims.map((axis) => x.shape[axis]) };
  },
  vjp: (b, ct, _inputs, _out, attrs) => [b.node("permute", [ct], { dims: inverse(ints(attrs, "dims")) })],
  backward: { name: "PermuteBackward" },
  view: {
    strides: ({ strides }, _output, attrs) => ints(attrs, "dims").map((axis) => strides[axis]),
    put: (emit, _base, written, attrs) => emit("permute", [written], { dims: inverse(ints(attrs, "dims")) }),
  },
  reference([x], output, attrs) {
    const source = inverse(ints(attrs, "dims"));
    return generate(output.shape, (index) =>
      at(
        x,
        source.map((k) => index[k]),
      ),
    );
  },
  samples: () => [
    { inputs: [f32()], attrs: { dims: [] } },
    { inputs: [f32(1, 1)], attrs: { dims: [1, 0] } },
    { inputs: [f32(0, 3)], attrs: { dims: [1, 0] } },
    { inputs: [f32(2, 3)], attrs: { dims: [1, 0] } },
    { inputs: [f32(3, 3)], attrs: { dims: [1, 0] } },
    { inputs: [f32(2, 3, 4)], attrs: { dims: [2, 0, 1] } },
    { inputs: [f32(2, 1, 3, 2)], attrs: { dims: [0, 3, 1, 2] } },
    { inputs: [{ dtype: "int32", shape: [2, 3], below: 9 }], attrs: { dims: [1, 0] } },
  ],
};

const flip: OpDef = {
  name: "flip",
  doc: "The elements in reverse order along each of `axes` (torch.flip).",
  arity: 1,
  attributes: { axes: { kind: "axes", inAnyOrder: true } },
  pattern: "sparse",
  ...moves({
    source: (indices, input, _output, attrs) =>
      indices.map((i, axis) => (ints(attrs, "axes").includes(axis) ? sub(int(input[axis] - 1), i) : i)),
    keepsAll: true,
  }),
  infer: ([x]) => x,
  vjp: (b, ct, _inputs, _out, attrs) => [b.node("flip", [ct], attrs)],
  backward: { name: "FlipBackward" },
  reference: ([x], output, attrs) =>
    generate(output.shape, (index) =>
      at(
        x,
        index.map((i, axis) => (ints(attrs, "axes").includes(axis) ? x.shape[axis] - 1 - i : i)),
      ),
    ),
  samples: () => [
    { inputs: [f32()], attrs: { axes: [] } },
    { inputs: [f32(1)], attrs: { axes: [0] } },
    { inputs: [f32(4)], attrs: { axes: [0] } },
    { inputs: [f32(0, 3)], attrs: { axes: [0, 1] } },
    { inputs: [f32(2, 3, 4)], attrs: { axes: [0, 2] } },
  ],
};

/** How many elements `start`, `start + step`, … there are before `stop`, per axis. */
function slicedShape(op: string, type: TensorType, attrs: Attrs): number[] {
  const [starts, stops, steps] = ["starts", "stops", "steps"].map((name) => ints(attrs, name));
  return type.shape.map((extent, axis) => {
    const [start, stop, step] = [starts[axis], stops[axis], steps[axis]];
    if (start < 0 || stop > extent || start > stop || step < 1) {
      throw new KilnError(
        `${op} of axis ${axis} of ${describe(type)} needs 0 <= start <= stop <= ${extent} and a positive step ` +
          `but is given ${start}:${stop}:${step}`,
      );
    }
    return Math.ceil((stop - start) / step);
  });
}

const SLICE = "`starts`, `stops` (exclusive) and positive `steps` hold one number per axis.";

const SLICE_ATTRIBUTES = { starts: PER_AXIS, stops: PER_AXIS, steps: PER_AXIS };

/** If it takes every element, a slice is its input, and so is its gradient. */
const wholeOf: Rewrite = (_to, [x], attrs) => {
  const shape = attrs.shape === undefined ? x.type.shape : ints(attrs, "shape");
  const isWhole = shape.every(
    (extent, axis) =>
      ints(attrs, "starts")[axis] === 0 &&
      ints(attrs, "stops")[axis] === extent &&
      ints(attrs, "steps")[axis] === 1,
  );
  return isWhole ? x : undefined;
};

const slice: OpDef = {
  name: "slice",
  doc: `The elements \`start\`, \`start + step\`, … before \`stop\` along every axis (basic slicing). ${SLICE}`,
  arity: 1,
  attributes: SLICE_ATTRIBUTES,
  pattern: "sparse",
  ...moves({
    source(indices, _input, _output, attrs) {
      const [starts, steps] = [ints(attrs, "starts"), ints(attrs, "steps")];
      return indices.map((i, axis) => add(mul(i, int(steps[axis])), int(starts[axis])));
    },
  }),
  rewrites: [wholeOf],
  infer: ([x], attrs) => ({ dtype: x.dtype, shape: slicedShape("slice", x, attrs) }),
  vjp: (b, ct, [x], _out, attrs) => [b.node("slice_grad", [ct], { ...attrs, shape: x.type.shape })],
  backward: { name: "SliceBackward" },
  view: {
    strides: ({ strides }, _output, attrs) =>
      strides.map((stride, axis) => stride * ints(attrs, "steps")[axis]),
    put: (emit, base, written, attrs) => emit("slice_scatter", [base, written], attrs),
  },
  reference([x], output, attrs) {
    const [starts, steps] = [ints(attrs, "starts"), ints(attrs, "steps")];
    return generate(output.shape, (index) =>
      at(
        x,
        index.map((i, axis) => starts[axis] + i * steps[axis]),
      ),
    );
  },
  samples: () => [
    ...SLICES.map(({ shape, attrs }) => ({ inputs: [f32(...shape)], attrs })),
    { inputs: [{ dtype: "int32", shape: [5], below: 9 }], attrs: { starts: [1], stops: [4], steps: [2] } },
  ],
};

const SLICES: readonly { readonly shape: Shape; readonly attrs: Attrs }[] = [
  { shape: [], attrs: { starts: [], stops: [], steps: [] } },
  { shape: [1, 2], attrs: { starts: [0, 1], stops: [1, 2], steps: [1, 3] } },
  { shape: [3], attrs: { starts: [2], stops: [2], steps: [1] } },
  { shape: [0, 3], attrs: { starts: [0, 1], stops: [0, 3], steps: [1, 2] } },
  { shape: [6], attrs: { starts: [1], stops: [6], steps: [2] } },
  { shape: [7], attrs: { starts: [0], stops: [7], steps: [3] } },
  { shape: [3, 5], attrs: { starts: [1, 0], stops: [2, 5], steps: [1, 1] } },
  { shape: [4, 2, 5], attrs: { starts: [0, 1, 1], stops: [4, 2, 4], steps: [2, 1, 2] } },
];

const sliceGrad: OpDef = {
  name: "slice_grad",
  doc: `The gradient of slice: its elements at their places in zeros of \`shape\`. ${SLICE}`,
  arity: 1,
  attributes: { ...SLICE_ATTRIBUTES, shape: { ...SHAPE_LIST, count: "rank" } },
  pattern: "sparse",
  rewrites: [wholeOf],
  infer([ct], attrs) {
    requireFloat("slice_grad", [ct]);
    const type = f32(...ints(attrs, "shape"));
    const sliced = slicedShape("slice_grad", type, attrs);
    if (String(sliced) !== String(ct.shape))
      throw new KilnError(`slice_grad expects ${formatShape(sliced)} but got ${describe(ct)}`);
    return type;
  },
  vjp(b, ct, _inputs, _out, attrs) {
    const { shape: _, ...range } = attrs;
    return [b.node("slice", [ct], range)];
  },
  backward: { name: "SliceBackwardBackward" },
  lower: ([ct], _output, attrs) => inSlice(attrs, ct, () => float(0)),
  reference: ([ct], output, attrs) => referenceInSlice(attrs, ct, output.shape, () => 0),
  samples: () =>
    SLICES.map(({ shape, attrs }) => ({
      inputs: [f32(...slicedShape("slice", f32(...shape), attrs))],
      attrs: { ...attrs, shape },
    })),
};

const sliceScatter: OpDef = {
  name: "slice_scatter",
  doc: `The first input with the elements that slice takes replaced by those of the second (torch.slice_scatter). ${SLICE}`,
  arity: 2,
  attributes: SLICE_ATTRIBUTES,
  pattern: "sparse",
  infer([base, written], attrs) {
    const sliced = slicedShape("slice_scatter", base, attrs);
    if (String(sliced) !== String(written.shape) || written.dtype !== base.dtype)
      throw new KilnError(
        `slice_scatter into ${describe(base)} expects ${base.dtype}${formatShape(sliced)} but got ${describe(written)}`,
      );
    return base;
  },
  vjp: (b, ct, [, written], _out, attrs) => [
    b.node(
      "slice_scatter",
      [ct, b.node("broadcast_to", [b.constant(0)], { shape: written.type.shape })],
      attrs,
    ),
    b.node("slice", [ct], attrs),
  ],
  backward: { name: "SliceScatterBackward" },
  lower: ([base, written], _output, attrs) => inSlice(attrs, written, (indices) => base.at(indices)),
  reference: ([base, written], output, attrs) =>
    referenceInSlice(attrs, written, output.shape, (index) => at(base, index)),
  samples: () => [
    ...SLICES.map(({ shape, attrs }) => ({
      inputs: [f32(...shape), f32(...slicedShape("slice", f32(...shape), attrs))],
      attrs,
    })),
    {
      inputs: [
        { dtype: "int32", shape: [5], below: 9 },
        { dtype: "int32", shape: [2], below: 9 },
      ],
      attrs: { starts: [1], stops: [4], steps: [2] },
    },
  ],
};

/** What was written to a slice inside it, and `elsewhere` outside. */
function inSlice(
  attrs: Attrs,
  written: Operand,
  elsewhere: (indices: readonly Expr[]) => Expr,
): (indices: readonly Expr[]) => Expr {
  const [starts, steps] = [ints(attrs, "starts"), ints(attrs, "steps")];
  return (indices) => {
    const moved = indices.map((i, axis) => sub(i, int(starts[axis])));
    const source = moved.map((i, axis) => div(i, int(steps[axis])));
    const hit = moved.map((i, axis) =>
      and(compare("eq", mod(i, int(steps[axis])), int(0)), inRange(source[axis], written.type.shape[axis])),
    );
    return select(all(hit), written.at(source), elsewhere(indices));
  };
}

function referenceInSlice(
  attrs: Attrs,
  written: NdArray,
  shape: Shape,
  elsewhere: (index: readonly number[]) => number,
): NdArray {
  const [starts, steps] = [ints(attrs, "starts"), ints(attrs, "steps")];
  return generate(shape, (index) => {
    const source = index.map((i, axis) => (i - starts[axis]) / steps[axis]);
    const hit = source.every((i, axis) => Number.isInteger(i) && i >= 0 && i < written.shape[axis]);
    return hit ? at(written, source) : elsewhere(index);
  });
}

/** The conjunction of conditions. */
export const all = (conditions: readonly Expr[]): Expr => conditions.reduce(and, constant(1, "bool"));

export const REARRANGE = { permute, flip, slice, slice_grad: sliceGrad, slice_scatter: sliceScatter };
