/** Selecting parts of tensors, and joining tensors. */

import { sizeOf, stridesOf } from "../../core/shape.ts";
import { arange, tensor } from "../../tensor/creation.ts";
import { tril, triu } from "../../tensor/diagonals.ts";
import { slice as wholeAxis } from "../../tensor/indexing.ts";
import { constant } from "../../tensor/operation.ts";
import { cat, narrow, pad, slice, split, where } from "../../tensor/rearrange.ts";
import { tile } from "../../tensor/repetition.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { concatenated, gathered, strided } from "../known-arrays.ts";
import type { Operator } from "../operator.ts";
import { axesOf, axisOf } from "./define.ts";

/** A slice of an axis: its start, step and number of elements. */
interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** The cuts of Slice, whose bounds may be beyond the ends of axes. */
function cutsOf(call: Call): readonly Cut[] {
  const { shape } = call.value(0);
  const starts = call.intsFrom(1, "starts") ?? call.fail("it does not say where it starts");
  const ends = call.intsFrom(2, "ends") ?? call.fail("it does not say where it ends");
  const axes = axesOf(call.intsFrom(3, "axes") ?? starts.map((_, k) => k), shape.length);
  const steps = call.has(4) ? call.numbers(4) : starts.map(() => 1);
  return axes.map((axis, k) => {
    const [extent, step] = [shape[axis], steps[k]];
    if (step === 0) call.fail(`its step along axis ${axis} is 0`);
    const [least, most] = step > 0 ? [0, extent] : [-1, extent - 1];
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + extent : at, least), most);
    const [start, end] = [bound(starts[k]), bound(ends[k])];
    return { axis, start, count: Math.max(0, Math.ceil((end - start) / step)), step };
  });
}

function cut(x: Tensor, { axis, start, count, step }: Cut): Tensor {
  if (count === 0) return narrow(x, axis, 0, 0);
  if (step > 0) return slice(x, axis, start, start + (count - 1) * step + 1, step);
  // A negative step: the same elements in reverse order.
  const last = start + (count - 1) * step;
  return slice(x, axis, last, start + 1, -step).flip(axis);
}

/** Negative positions count from the end. */
const fromFront = (index: Tensor, extent: number): Tensor => index.add(index.lt(0).int().mul(extent));

function gather(call: Call): Tensor {
  const x = call.tensor(0);
  const axis = axisOf(call, x.ndim, "axis", 0);
  const { known, shape } = call.value(1);
  if (known !== undefined && shape.length === 0) {
    const at = known.data[0];
    return x.select(axis, at < 0 ? at + x.shape[axis] : at);
  }
  return x.index(...x.shape.slice(0, axis).map(() => wholeAxis()), call.tensor(1));
}

/** The parts' extents along the axis: as listed, or equal ones, except that the last may be smaller. */
function partsOf(call: Call, extent: number): readonly number[] {
  const listed = call.intsFrom(1, "split");
  if (listed !== undefined) return listed;
  const count = call.int("num_outputs", call.outputCount);
  const each = Math.ceil(extent / count);
  return Array.from({ length: count }, (_, k) => Math.min(each, extent - k * each));
}

export const SELECTION: readonly Operator[] = [
  {
    name: "Slice",
    moves: true,
    known: [1, 2, 3, 4],
    run: (call) => cutsOf(call).reduce(cut, call.tensor(0)),
    fold: (call) => {
      const source = call.constant(0);
      const strides = stridesOf(source.shape);
      const shape = [...source.shape];
      let offset = 0;
      for (const { axis, start, count, step } of cutsOf(call)) {
        offset += start * strides[axis];
        strides[axis] *= step;
        shape[axis] = count;
      }
      return strided(source, shape, strides, offset);
    },
  },
  {
    name: "Gather",
    unsigned: "bits",
    weights: [0],
    run: gather,
    fold: (call) => {
      const source = call.constant(0);
      return gathered(source, axisOf(call, source.shape.length, "axis", 0), call.constant(1));
    },
  },
  {
    name: "GatherElements",
    unsigned: "bits",
    run: (call) => {
      const x = call.tensor(0);
      const axis = axisOf(call, x.ndim, "axis", 0);
      return x.gather(axis, fromFront(call.tensor(1), x.shape[axis]));
    },
  },
  {
    name: "GatherND",
    unsigned: "bits",
    run: (call) => {
      const [x, indices] = call.tensors();
      const batch = call.int("batch_dims", 0);
      const [outer, depth] = [x.shape.slice(0, batch), indices.shape.at(-1)!];
      const rows = sizeOf(outer);
      const places = indices.reshape([rows, ...indices.shape.slice(batch)]);
      const columns = Array.from({ length: depth }, (_, k) => places.select(-1, k));
      if (batch === 0) return x.index(...columns.map((column) => column.select(0, 0)));
      const flat = x.reshape([rows, ...x.shape.slice(batch)]);
      const found = flat.index(counted(rows, columns[0].shape), ...columns);
      return found.reshape([...outer, ...found.shape.slice(1)]);
    },
  },
  {
    name: "Concat",
    unsigned: "bits",
    weights: [0, 1],
    run: (call) => {
      const parts = call.tensors();
      return cat(parts, axisOf(call, parts[0].ndim));
    },
    fold: (call) => {
      const parts = call.values().map((_, k) => call.constant(k));
      return concatenated(parts, axisOf(call, parts[0].shape.length));
    },
  },
  {
    name: "Split",
    moves: true,
    known: [1],
    run: (call) => {
      const x = call.tensor(0);
      const axis = axisOf(call, x.ndim, "axis", 0);
      return split(x, partsOf(call, x.shape[axis]), axis);
    },
    fold: (call) => {
      const source = call.constant(0);
      const axis = axisOf(call, source.shape.length, "axis", 0);
      const strides = stridesOf(source.shape);
      let start = 0;
      return partsOf(call, source.shape[axis]).map((count) => {
        const part = strided(source, source.shape.with(axis, count), strides, start * strides[axis]);
        start += count;
        return part;
      });
    },
  },
  {
    name: "Tile",
    unsigned: "bits",
    known: [1],
    run: (call) => tile(call.tensor(0), call.numbers(1)),
    fold: (call) => {
      const repeats = call.numbers(1);
      return repeats.reduce(
        (part, times, axis) =>
          times === 0
            ? strided(part, part.shape.with(axis, 0), stridesOf(part.shape))
            : concatenated(
                Array.from({ length: times }, () => part),
                axis,
              ),
        call.constant(0),
      );
    },
  },
  {
    name: "Pad",
    unsigned: "bits",
    known: [1, 3],
    run: (call) => {
      const x = call.tensor(0);
      const sides = call.intsFrom(1, "pads") ?? call.fail("it does not say how much to pad");
      const axes = call.has(3) ? axesOf(call.numbers(3), x.ndim) : x.shape.map((_, axis) => axis);
      const listed = new Array<number>(2 * x.ndim).fill(0);
      for (const [k, axis] of axes.entries()) {
        const at = 2 * (x.ndim - 1 - axis);
        listed[at] = sides[k];
        listed[at + 1] = sides[k + axes.length];
      }
      const mode = call.string("mode", ["constant", "reflect", "edge", "wrap"], "constant");
      switch (mode) {
        case "constant":
          return padded(call, x, listed);
        case "reflect":
          return pad(x, listed, "reflect");
        case "edge":
          return pad(x, listed, "replicate");
        case "wrap":
          return pad(x, listed, "circular");
        default:
          return mode satisfies never;
      }
    },
  },
  {
    name: "Compress",
    unsigned: "bits",
    known: [1],
    run: (call) => {
      const x = call.hasAttribute("axis") ? call.tensor(0) : call.tensor(0).flatten();
      const kept = call.numbers(1).flatMap((flag, k) => (flag === 0 ? [] : [k]));
      return x.indexSelect(axisOf(call, x.ndim, "axis", 0), tensor(Int32Array.from(kept)));
    },
  },
  {
    name: "Trilu",
    unsigned: "bits",
    known: [1],
    run: (call) => {
      const [x, k] = [call.tensor(0), call.has(1) ? call.number(1) : 0];
      return call.flag("upper", true) ? triu(x, k) : tril(x, k);
    },
  },
  {
    name: "CenterCropPad",
    unsigned: "bits",
    known: [1],
    run: (call) => {
      const x = call.tensor(0);
      const wanted = call.numbers(1);
      const axes = axesOf(call.ints("axes") ?? x.shape.map((_, axis) => axis), x.ndim);
      return axes.reduce((part, axis, k) => {
        const [extent, target] = [part.shape[axis], wanted[k]];
        if (target <= extent) return narrow(part, axis, Math.floor((extent - target) / 2), target);
        const before = Math.floor((target - extent) / 2);
        const listed = new Array<number>(2 * (part.ndim - axis)).fill(0);
        listed.splice(-2, 2, before, target - extent - before);
        return pad(part, listed);
      }, x);
    },
  },
  {
    name: "ReverseSequence",
    unsigned: "bits",
    run: (call) => {
      const [x, lengths] = call.tensors();
      const [batch, time] = [axisOf(call, x.ndim, "batch_axis", 1), axisOf(call, x.ndim, "time_axis", 0)];
      const rows = x.movedim([batch, time], [0, 1]);
      const [count, steps] = rows.shape;
      const step = arange(steps, { dtype: "int32" }).expand(count, steps);
      const length = lengths.unsqueeze(1);
      const from = where(step.lt(length), length.sub(step).sub(1), step);
      return rows.index(counted(count, [count, steps]), from).movedim([0, 1], [batch, time]);
    },
  },
];

/** Padding is a number of the input's type, 0 by default; if a program computes it, it replaces a padding of 0. */
function padded(call: Call, x: Tensor, listed: readonly number[]): Tensor {
  const filling = call.inputs[2];
  if (filling === undefined || filling.known !== undefined) {
    const value = filling?.known?.data[0] ?? (call.hasAttribute("value") ? call.float("value") : 0);
    // uint32 has the same bits in int32.
    return pad(x, listed, "constant", call.type === "uint32" ? value | 0 : value);
  }
  const isInside = pad(constant(1, "bool").expand(x.shape), listed, "constant", 0);
  return where(isInside, pad(x, listed), filling.tensor.reshape([]));
}

/** The row number at each position of a shape [rows, …]. */
const counted = (rows: number, shape: readonly number[]): Tensor =>
  arange(rows, { dtype: "int32" })
    .reshape(shape.map((_, axis) => (axis === 0 ? rows : 1)))
    .expand(shape);
