/** Arithmetic of known numbers, such as shapes: element by element, and rearranged. */

import { KilnError } from "../core/errors.ts";
import { broadcastShapes, formatShape, type Shape, sizeOf, stridesOf } from "../core/shape.ts";
import { type Constant, constant } from "./constant.ts";
import { infoOf } from "./element-types.ts";
import type { ElementType } from "./port.ts";

/** `f` of the elements of several constants, with broadcasting. */
export function combined(
  type: ElementType,
  inputs: readonly Constant[],
  f: (...numbers: readonly number[]) => number,
): Constant {
  const shape = inputs.reduce<Shape>((all, input) => {
    const both = broadcastShapes(all, input.shape);
    if (both === undefined)
      throw new KilnError(
        `the shapes ${formatShape(all)} and ${formatShape(input.shape)} do not fit together`,
      );
    return both;
  }, []);
  const spread = inputs.map((input) => expanded(input, shape).data);
  const data = new (infoOf(type).array)(sizeOf(shape));
  for (let k = 0; k < data.length; k++) data[k] = f(...spread.map((numbers) => numbers[k]));
  return constant(type, shape, data);
}

/** The elements of `source` in a shape with `strides` along its axes, from `offset` on. */
export function strided(source: Constant, shape: Shape, strides: readonly number[], offset = 0): Constant {
  const data = new (infoOf(source.type).array)(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let position = offset;
  for (let k = 0; k < data.length; k++) {
    data[k] = source.data[position];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis];
      if (++index[axis] < shape[axis]) break;
      position -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return constant(source.type, shape, data);
}

/** The constant broadcast to a shape. */
export function expanded(source: Constant, shape: Shape): Constant {
  if (source.shape.length === shape.length && source.shape.every((extent, axis) => extent === shape[axis]))
    return source;
  const own = stridesOf(source.shape);
  const strides = shape.map((_, axis) => {
    const from = axis - shape.length + source.shape.length;
    return from < 0 || source.shape[from] === 1 ? 0 : own[from];
  });
  return strided(source, shape, strides);
}

/** The same elements in another shape. */
export const reshaped = (source: Constant, shape: Shape): Constant =>
  constant(source.type, shape, source.data);

/** Constants concatenated along an axis. */
export function concatenated(parts: readonly Constant[], axis: number): Constant {
  const [first] = parts;
  const outer = sizeOf(first.shape.slice(0, axis));
  const widths = parts.map(({ shape }) => sizeOf(shape.slice(axis)));
  const extent = parts.reduce((sum, { shape }) => sum + shape[axis], 0);
  const width = widths.reduce((a, b) => a + b, 0);
  const data = new (infoOf(first.type).array)(outer * width);
  let at = 0;
  for (let row = 0; row < outer; row++) {
    for (const [k, part] of parts.entries()) {
      data.set(part.data.subarray(row * widths[k], (row + 1) * widths[k]), at);
      at += widths[k];
    }
  }
  return constant(first.type, first.shape.with(axis, extent), data);
}

/** The elements at `indices` along an axis, which the axes of `indices` replace. */
export function gathered(source: Constant, axis: number, indices: Constant): Constant {
  const { shape } = source;
  const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
  const count = indices.data.length;
  const data = new (infoOf(source.type).array)(outer * count * inner);
  for (let row = 0; row < outer; row++) {
    for (let k = 0; k < count; k++) {
      const at = indices.data[k] < 0 ? indices.data[k] + shape[axis] : indices.data[k];
      if (at < 0 || at >= shape[axis])
        throw new KilnError(`the index ${indices.data[k]} lies outside of an axis of ${shape[axis]}`);
      const from = (row * shape[axis] + at) * inner;
      data.set(source.data.subarray(from, from + inner), (row * count + k) * inner);
    }
  }
  return constant(source.type, [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)], data);
}

/** `f` over all elements along some axes, which are removed or kept with extent 1. */
export function reduced(
  source: Constant,
  axes: readonly number[],
  keepsAxes: boolean,
  f: (numbers: readonly number[]) => number,
): Constant {
  const kept = source.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const order = [...kept, ...axes];
  const own = stridesOf(source.shape);
  const moved = strided(
    source,
    order.map((axis) => source.shape[axis]),
    order.map((axis) => own[axis]),
  );
  const count = sizeOf(axes.map((axis) => source.shape[axis]));
  const shape = source.shape.flatMap((extent, axis) =>
    !axes.includes(axis) ? [extent] : keepsAxes ? [1] : [],
  );
  const numbers = Array.from({ length: sizeOf(shape) }, (_, k) =>
    f([...moved.data.subarray(k * count, (k + 1) * count)]),
  );
  return constant(source.type, shape, numbers);
}
