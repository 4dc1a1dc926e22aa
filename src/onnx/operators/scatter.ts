/** Writing at positions. */

import { sizeOf } from "../../core/shape.ts";
import { tensor } from "../../tensor/creation.ts";
import { where } from "../../tensor/rearrange.ts";
import { scatter } from "../../tensor/scatter.ts";
import { scatterReduce } from "../../tensor/scatter-reduce.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";
import { checked, inverted } from "../whole-numbers.ts";
import { axisOf } from "./define.ts";

const REDUCTIONS = { add: "sum", mul: "prod", max: "amax", min: "amin" } as const;

/** Writes along an axis, with the reduction that the node names. */
function written(call: Call, x: Tensor, axis: number, index: Tensor, updates: Tensor): Tensor {
  const reduction = call.string("reduction", ["none", "add", "mul", "max", "min"], "none");
  const places = index.add(index.lt(0).int().mul(x.shape[axis]));
  if (reduction === "none") return scatter(x, axis, places, updates);
  const combined = (a: Tensor, b: Tensor): Tensor => scatterReduce(a, axis, places, b, REDUCTIONS[reduction]);
  if (x.dtype === "float32") return combined(x, updates);
  if (x.dtype === "bool") return combined(x.int(), updates.int()).bool();
  const isOrder = reduction === "max" || reduction === "min";
  if (call.type === "uint32" && isOrder) return inverted(combined(inverted(x), inverted(updates)));
  const whole = combined(x, updates);
  if (isOrder || (call.type !== "int64" && call.type !== "uint64")) return whole;
  return checked(call, whole, combined(x.float(), updates.float()), call.type);
}

const scatterElements = (name: string): Operator => ({
  name,
  unsigned: "type",
  wraps: true,
  run: (call) => {
    const [x, index, updates] = call.tensors();
    return written(call, x, axisOf(call, x.ndim, "axis", 0), index, updates);
  },
});

/** The rows of the last axis of `indices`, positions in the first axes, as flat positions. */
function scatterNd(call: Call): Tensor {
  const [x, indices, updates] = call.tensors();
  const depth = indices.shape.at(-1)!;
  const [outer, inner] = [x.shape.slice(0, depth), x.shape.slice(depth)];
  const count = sizeOf(indices.shape.slice(0, -1));
  const flat = indices.reshape([count, depth]);
  const row = outer.reduce<Tensor | undefined>((sum, extent, axis) => {
    const place = flat.select(1, axis);
    const front = place.add(place.lt(0).int().mul(extent));
    return sum === undefined ? front : sum.mul(extent).add(front);
  }, undefined);
  const rows = x.reshape([sizeOf(outer), sizeOf(inner)]);
  const places = (row ?? tensor(new Int32Array(count))).reshape([count, 1]).expand(count, sizeOf(inner));
  return written(call, rows, 0, places, updates.reshape([count, sizeOf(inner)])).reshape(x.shape);
}

/** A cache, [batch, …, length, width], into which each sample writes from its own position on. */
function tensorScatter(call: Call): Tensor {
  const [past, update] = [call.tensor(0), call.tensor(1)];
  const axis = axisOf(call, past.ndim, "axis", -2);
  const circular = call.string("mode", ["linear", "circular"], "linear") === "circular";
  const length = past.shape[axis];
  const alongAxis = (numbers: Tensor): Tensor =>
    numbers.reshape(past.shape.map((_, k) => (k === axis ? -1 : 1)));
  const steps = alongAxis(tensor(Int32Array.from({ length: update.shape[axis] }, (_, k) => k)));
  const start = call.optional(2) ?? tensor(new Int32Array(past.shape[0]));
  const place = steps.add(start.reshape(past.shape.map((_, k) => (k === 0 ? -1 : 1))));
  const wrapped = circular ? place.remainder(length) : place;
  return scatter(past, axis, wrapped.expand(update.shape), update);
}

export const SCATTER: readonly Operator[] = [
  scatterElements("ScatterElements"),
  scatterElements("Scatter"),
  {
    name: "ScatterND",
    unsigned: "type",
    wraps: true,
    run: scatterNd,
  },
  { name: "TensorScatter", unsigned: "bits", run: tensorScatter },
  {
    name: "OneHot",
    known: [1],
    unsigned: "type",
    run: (call) => {
      if (call.type === "uint32") call.lacks("its indices are of uint32: cast them to int32 in front of it");
      const indices = call.tensor(0);
      const depth = call.number(1);
      const [off, on] = [0, 1].map((k) => call.tensor(2).select(0, k));
      const axis = call.int("axis", -1);
      const at = axis < 0 ? axis + indices.ndim + 1 : axis;
      const front = indices.lt(0).to(indices.dtype).mul(depth).add(indices).unsqueeze(at);
      const classes = tensor(Int32Array.from({ length: depth }, (_, k) => k));
      const shape = front.shape.map((_, k) => (k === at ? depth : 1));
      return where(front.eq(classes.reshape(shape)), on, off);
    },
  },
];
