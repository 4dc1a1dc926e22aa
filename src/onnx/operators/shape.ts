/** Shapes, and the same elements in other shapes. */

import { inferReshape, normalizeAxis, type Shape, sizeOf, stridesOf } from "../../core/shape.ts";
import type { Call } from "../call.ts";
import { constant, integers } from "../constant.ts";
import { expanded, reshaped, strided } from "../known-arrays.ts";
import type { Operator } from "../operator.ts";
import { axesOf } from "./define.ts";

/** Changes only the shape: known numbers stay known. */
const reshaping = (name: string, shapeOf: (call: Call) => Shape, known?: readonly number[]): Operator => ({
  name,
  moves: true,
  ...(known && { known }),
  run: (call) => {
    const shape = shapeOf(call);
    return call.tensor(0).reshape(shape);
  },
  fold: (call) => reshaped(call.constant(0), shapeOf(call)),
});

/** 0 means the input's own extent, unless `allowzero` is set. */
function wantedShape(call: Call): Shape {
  const own = call.value(0).shape;
  const wanted = call.numbers(1).map((extent, axis) => {
    if (extent !== 0 || call.flag("allowzero")) return extent;
    return own[axis] ?? call.fail(`its shape has a 0 at ${axis}, where its input has no axis`);
  });
  return inferReshape(own, wanted);
}

function squeezed(call: Call): Shape {
  const { shape } = call.value(0);
  const axes = call.intsFrom(1, "axes");
  const dropped = axes === undefined ? undefined : axesOf(axes, shape.length);
  return shape.filter((extent, axis) => {
    if (dropped === undefined) return extent !== 1;
    if (dropped.includes(axis) && extent !== 1)
      call.fail(`it squeezes axis ${axis}, whose extent is ${extent}`);
    return !dropped.includes(axis);
  });
}

function unsqueezed(call: Call): Shape {
  const { shape } = call.value(0);
  const axes = call.intsFrom(1, "axes") ?? call.fail("it does not say which axes there are to be");
  const added = axesOf(axes, shape.length + axes.length);
  const rest = [...shape];
  return Array.from({ length: shape.length + axes.length }, (_, axis) =>
    added.includes(axis) ? 1 : rest.shift()!,
  );
}

function flattened(call: Call): Shape {
  const { shape } = call.value(0);
  const axis = call.int("axis", 1);
  const at = axis < 0 ? axis + shape.length : axis;
  return [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))];
}

export const SHAPE: readonly Operator[] = [
  {
    name: "Shape",
    unsigned: "bits",
    run: (call) => {
      const { shape } = call.value(0);
      const clamped = (at: number): number =>
        Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
      const [start, end] = [clamped(call.int("start", 0)), clamped(call.int("end", shape.length))];
      return integers(shape.slice(start, Math.max(start, end)));
    },
  },
  { name: "Size", unsigned: "bits", run: (call) => constant("int64", [], [sizeOf(call.value(0).shape)]) },
  reshaping("Reshape", wantedShape, [1]),
  reshaping("Flatten", flattened),
  reshaping("Squeeze", squeezed, [1]),
  reshaping("Unsqueeze", unsqueezed, [1]),
  { name: "Identity", moves: true, run: (call) => call.value(0) },
  {
    name: "Transpose",
    moves: true,
    run: (call) => call.tensor(0).permute(...order(call)),
    fold: (call) => {
      const source = call.constant(0);
      const axes = order(call);
      const own = stridesOf(source.shape);
      return strided(
        source,
        axes.map((axis) => source.shape[axis]),
        axes.map((axis) => own[axis]),
      );
    },
  },
  {
    name: "Expand",
    moves: true,
    known: [1],
    run: (call) => call.tensor(0).expand(...spread(call)),
    fold: (call) => expanded(call.constant(0), spread(call)),
  },
];

function order(call: Call): readonly number[] {
  const rank = call.value(0).shape.length;
  return (
    call.ints("perm")?.map((axis) => normalizeAxis(axis, rank)) ??
    Array.from({ length: rank }, (_, k) => rank - 1 - k)
  );
}

/** The requested shape may be the smaller one, as broadcasting goes both ways. */
function spread(call: Call): Shape {
  const { shape } = call.value(0);
  const wanted = call.numbers(1);
  const rank = Math.max(shape.length, wanted.length);
  return Array.from({ length: rank }, (_, axis) => {
    const own = shape[axis - rank + shape.length] ?? 1;
    const other = wanted[axis - rank + wanted.length] ?? 1;
    return own === 1 ? other : own;
  });
}
