/** Ops whose result is larger than each input: pad and cat. Their gradients are slices; `sparse` as in rearrange.ts. */

import { KilnError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { constant, inRange, int, select, sub } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, NUMBER, PER_AXIS_FROM_0 } from "./declaration.ts";
import {
  describe,
  f32,
  ints,
  isNodeOf,
  number,
  type OpDef,
  type Rewrite,
  type Rewriter,
  requireElement,
  unionOf,
  withIndex,
} from "./definition.ts";
import { at, generate } from "./ndarray.ts";
import { all } from "./rearrange.ts";

const pad: OpDef = {
  name: "pad",
  doc: "The input padded with `value`: `before[k]` elements before it and `after[k]` after it along axis k (torch.nn.functional.pad).",
  arity: 1,
  attributes: { before: PER_AXIS_FROM_0, after: PER_AXIS_FROM_0, value: NUMBER },
  pattern: "sparse",
  range: ([x], _types, attrs) => unionOf([x, [number(attrs, "value"), number(attrs, "value")]]),
  infer([x], attrs) {
    requireElement("pad", "value", number(attrs, "value"), x.dtype);
    const [before, after] = [ints(attrs, "before"), ints(attrs, "after")];
    return { dtype: x.dtype, shape: x.shape.map((extent, axis) => before[axis] + extent + after[axis]) };
  },
  vjp(b, ct, [x], _out, attrs) {
    const starts = ints(attrs, "before");
    const stops = x.type.shape.map((extent, axis) => starts[axis] + extent);
    return [b.node("slice", [ct], { starts, stops, steps: starts.map(() => 1) })];
  },
  backward: { name: "ConstantPadNdBackward" },
  lower([x], output, attrs) {
    const before = ints(attrs, "before");
    return (indices) => {
      const source = indices.map((i, axis) => sub(i, int(before[axis])));
      const inside = all(source.map((i, axis) => inRange(i, x.type.shape[axis])));
      return select(inside, x.at(source), constant(number(attrs, "value"), output.dtype));
    };
  },
  reference([x], output, attrs) {
    const before = ints(attrs, "before");
    return generate(output.shape, (index) => {
      const source = index.map((i, axis) => i - before[axis]);
      return source.every((i, axis) => i >= 0 && i < x.shape[axis]) ? at(x, source) : number(attrs, "value");
    });
  },
  samples: () => [
    { inputs: [f32()], attrs: { before: [], after: [], value: 0 } },
    { inputs: [f32(1)], attrs: { before: [1], after: [0], value: 2 } },
    { inputs: [f32(3)], attrs: { before: [2], after: [1], value: 0 } },
    { inputs: [f32(2, 3)], attrs: { before: [0, 1], after: [1, 2], value: -1.5 } },
    { inputs: [f32(0, 2)], attrs: { before: [1, 0], after: [1, 1], value: 3 } },
    { inputs: [f32(0, 2)], attrs: { before: [0, 1], after: [0, 1], value: 3 } },
    { inputs: [f32(1, 2, 3)], attrs: { before: [1, 0, 0], after: [0, 0, 2], value: 0 } },
    { inputs: [{ dtype: "int32", shape: [2], below: 9 }], attrs: { before: [1], after: [1], value: 7 } },
  ],
};

/** The number of buffers that a kernel reads is bounded: more are joined by several ops, as a tree. */
export const MOST_JOINED = 16;

/** The offset of each input of cat along the axis. */
const offsetsOf = (shapes: readonly Shape[], axis: number): number[] =>
  shapes.map((_, k) => shapes.slice(0, k).reduce((sum, shape) => sum + shape[axis], 0));

const dropSingle: Rewrite = (_to, [x, ...others]) => (others.length === 0 ? x : undefined);

const before = (shape: Shape, axis: number): number => sizeOf(shape.slice(0, axis));
const behind = (shape: Shape, axis: number): number => sizeOf(shape.slice(axis + 1));

/**
 * The tensors that were joined along `axis` to make `x`, also
 * as the rules below write it: then merged with axes after it.
 */
function partsOf(to: Rewriter, x: Value, axis: number): readonly Value[] {
  if (isNodeOf(x, "cat") && x.attrs.axis === axis) return x.inputs;
  if (!isNodeOf(x, "reshape") || !isNodeOf(x.inputs[0], "cat")) return [x];
  const [{ type, inputs, attrs }] = x.inputs;
  const own = number(attrs, "axis");
  const inner = behind(type.shape, own) / behind(x.type.shape, axis);
  if (before(type.shape, own) !== before(x.type.shape, axis) || !Number.isInteger(inner)) return [x];
  return inputs.map((part) =>
    to.node("reshape", [part], { shape: withIndex(x.type.shape, axis, part.type.shape[own] * inner) }),
  );
}

/** A join of joins becomes one, as long as the tensors are few. */
const joinFlat: Rewrite = (to, inputs, attrs) => {
  const parts = inputs.flatMap((x) => partsOf(to, x, number(attrs, "axis")));
  const isFewer = parts.length > inputs.length && parts.length <= MOST_JOINED;
  return isFewer ? to.node("cat", parts, attrs) : undefined;
};

/** The tensors `parts` joined along `axis`, in the shape of `inputs` joined along `number(attrs, "axis")`. */
function joinedAs(
  to: Rewriter,
  inputs: readonly Value[],
  attrs: Attrs,
  parts: readonly Value[],
  axis: number,
): Value {
  const own = number(attrs, "axis");
  const total = inputs.reduce((sum, { type }) => sum + type.shape[own], 0);
  const shape = withIndex(inputs[0].type.shape, own, total);
  return to.node("reshape", [to.node("cat", parts, { axis })], { shape });
}

/**
 * If permuted axes are merged into the joined axis, the tensors are joined before merging: element by element the
 * permutations can then be read from their source.
 */
const joinBeforeMerge: Rewrite = (to, inputs, attrs) => {
  const merged = inputs.flatMap((x) =>
    isNodeOf(x, "reshape") && isNodeOf(x.inputs[0], "permute") ? x.inputs : [],
  );
  if (merged.length < inputs.length || sizeOf(inputs[0].type.shape) === 0) return undefined;
  const outer = before(inputs[0].type.shape, number(attrs, "axis"));
  const [{ shape }] = merged.map(({ type }) => type);
  const axis = shape.findIndex((extent, k) => extent > 1 && before(shape, k) === outer);
  const fits = merged.every(
    ({ type }) =>
      type.shape.length === shape.length &&
      type.shape.every((extent, k) => k === axis || extent === shape[k]),
  );
  // If nothing follows the axis, it was not merged.
  return axis >= 0 && behind(shape, axis) > 1 && fits ? joinedAs(to, inputs, attrs, merged, axis) : undefined;
};

/** Equal rows are joined along an axis before theirs: along it the result consists of whole rows. */
const stackRows: Rewrite = (to, inputs, attrs) => {
  const axis = number(attrs, "axis");
  const { shape } = inputs[0].type;
  const extent = shape[axis];
  if (axis < shape.length - 1 || extent < 2 || inputs.some(({ type }) => type.shape[axis] !== extent))
    return undefined;
  const row = [...shape.slice(0, axis), 1, extent];
  const rows = inputs.map((x) => to.node("reshape", [x], { shape: row }));
  return joinedAs(to, inputs, attrs, rows, axis);
};

const cat: OpDef = {
  name: "cat",
  doc: "Any number of tensors concatenated along `axis`; their other extents are equal (torch.cat).",
  arity: [1, Number.POSITIVE_INFINITY],
  attributes: { axis: AXIS },
  pattern: "sparse",
  joinsInParts: true,
  rearranges: true,
  rewrites: [dropSingle, joinFlat, joinBeforeMerge, stackRows],
  range: unionOf,
  infer(inputs, attrs) {
    const axis = number(attrs, "axis");
    const [first] = inputs;
    for (const type of inputs) {
      const fits = type.shape.every((extent, k) => k === axis || extent === first.shape[k]);
      if (type.dtype !== first.dtype || type.shape.length !== first.shape.length || !fits) {
        throw new KilnError(
          `cat along axis ${axis} cannot join ${describe(first)} and ${describe(type)}: ` +
            "dtypes and all other extents must be equal",
        );
      }
    }
    const joined = inputs.reduce((sum, { shape }) => sum + shape[axis], 0);
    return { dtype: first.dtype, shape: first.shape.map((extent, k) => (k === axis ? joined : extent)) };
  },
  vjp(b, ct, inputs, _out, attrs) {
    const axis = number(attrs, "axis");
    const shapes = inputs.map(({ type }) => type.shape);
    return offsetsOf(shapes, axis).map((offset, k) => {
      const starts = shapes[k].map((_, own) => (own === axis ? offset : 0));
      const stops = shapes[k].map((extent, own) => starts[own] + extent);
      return b.node("slice", [ct], { starts, stops, steps: starts.map(() => 1) });
    });
  },
  backward: { name: "CatBackward" },
  lower(operands, output, attrs) {
    const axis = number(attrs, "axis");
    const shapes = operands.map(({ type }) => type.shape);
    const offsets = offsetsOf(shapes, axis);
    return (indices) =>
      operands.reduceRight<Expr>(
        (rest, x, k) => {
          if (shapes[k][axis] === 0) return rest;
          const own = sub(indices[axis], int(offsets[k]));
          const element = x.at(indices.map((i, other) => (other === axis ? own : i)));
          return select(inRange(own, shapes[k][axis]), element, rest);
        },
        constant(0, output.dtype),
      );
  },
  reference(inputs, output, attrs) {
    const axis = number(attrs, "axis");
    const offsets = offsetsOf(
      inputs.map(({ shape }) => shape),
      axis,
    );
    return generate(output.shape, (index) => {
      const k = offsets.findLastIndex((offset) => offset <= index[axis]);
      return at(
        inputs[k],
        index.map((i, other) => (other === axis ? i - offsets[k] : i)),
      );
    });
  },
  samples: () => [
    { inputs: [f32(2, 3), f32(1, 3)], attrs: { axis: 0 } },
    { inputs: [f32(2, 1, 2), f32(2, 3, 2), f32(2, 2, 2)], attrs: { axis: 1 } },
    { inputs: [f32(4)], attrs: { axis: 0 } },
    { inputs: [f32(2, 3), f32(0, 3), f32(1, 3)], attrs: { axis: 0 } },
    { inputs: [f32(0, 3), f32(0, 3)], attrs: { axis: 0 } },
    { inputs: [f32(0, 3), f32(0, 2)], attrs: { axis: 1 } },
    { inputs: [f32(1), f32(1), f32(1), f32(2)], attrs: { axis: 0 } },
  ],
};

export const JOIN = { pad, cat };
