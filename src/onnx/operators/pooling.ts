/** Pools over windows and over whole planes. */

import { sizeOf } from "../../core/shape.ts";
import * as F from "../../nn/functional/index.ts";
import { tensor } from "../../tensor/creation.ts";
import { pad } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";
import { isEven, padding, reachAfter, type Windows, windowsOf } from "./windows.ts";

/** Kiln's functions for one, two and three axes, adapted to take lists. */
type Pool<Result> = (x: Tensor, kernel: readonly number[], options: object) => Result;
type Convolution = (x: Tensor, weight: Tensor, bias: undefined, options: object) => Tensor;
const MAXIMA = [F.maxPool1d, F.maxPool2d, F.maxPool3d] as unknown as readonly Pool<Tensor>[];
const WITH_INDICES = MAXIMA as unknown as readonly Pool<[Tensor, Tensor]>[];
const MEANS = [F.avgPool1d, F.avgPool2d, F.avgPool3d] as unknown as readonly Pool<Tensor>[];
const SUMS = [F.conv1d, F.conv2d, F.conv3d] as unknown as readonly Convolution[];

const forRank = <T>(call: Call, functions: readonly T[], rank: number): T =>
  functions[rank - 1] ?? call.lacks(`it pools ${rank} axes, where Kiln has 1, 2 and 3`);

/** Whether Kiln's own padding suffices: equal on both sides, at most half a window, and all windows within it. */
const isPlain = (windows: Windows, extents: readonly number[]): boolean =>
  isEven(windows) &&
  windows.before.every((side, k) => 2 * side <= windows.kernel[k]) &&
  reachAfter(windows, extents).every((reach, k) => reach <= windows.after[k]);

function maxPool(call: Call): Tensor | [Tensor, Tensor] {
  const given = call.tensor(0);
  // Integers that floats can hold: Kiln pools only floats.
  const x = given.to("float32");
  const [, , ...extents] = x.shape;
  const windows = windowsOf(call, extents);
  const { kernel, stride, dilation, before } = windows;
  const plain = isPlain(windows, extents);
  const after = reachAfter(windows, extents).map((reach) => Math.max(0, reach));
  const padded = plain ? x : pad(x, padding(before, after), "constant", Number.NEGATIVE_INFINITY);
  const options = { stride, dilation, padding: plain ? before : before.map(() => 0) };
  if (!call.wants(1)) {
    return forRank(call, MAXIMA, extents.length)(padded, kernel, options).to(given.dtype);
  }
  const [maxima, found] = forRank(call, WITH_INDICES, extents.length)(padded, kernel, {
    ...options,
    returnIndices: true,
  });
  const inPlane = plain ? found : withoutPadding(found, padded.shape.slice(2), before, extents);
  return [maxima.to(given.dtype), indicesOf(call, inPlane, x.shape)];
}

/** Positions in a padded plane as those in the plane itself. */
function withoutPadding(
  found: Tensor,
  padded: readonly number[],
  before: readonly number[],
  extents: readonly number[],
): Tensor {
  let rest = found;
  let position: Tensor | undefined;
  let stride = 1;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    const place = rest.remainder(padded[axis]).sub(before[axis]).mul(stride);
    position = position === undefined ? place : position.add(place);
    rest = rest.div(padded[axis], { roundingMode: "floor" });
    stride *= extents[axis];
  }
  return position!;
}

/** Positions in the whole tensor, as ONNX counts them, of those in each plane; with `storage_order` by columns. */
function indicesOf(call: Call, inPlane: Tensor, shape: readonly number[]): Tensor {
  const [samples, channels, ...extents] = shape;
  const size = sizeOf(extents);
  const planes = tensor(Int32Array.from({ length: samples * channels }, (_, k) => k * size)).reshape([
    samples,
    channels,
    ...extents.map(() => 1),
  ]);
  if (!call.flag("storage_order")) return inPlane.add(planes);
  let rest = inPlane;
  let strides = size;
  let position = planes.expand(inPlane.shape);
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    strides /= extents[axis];
    position = position.add(rest.remainder(extents[axis]).mul(strides));
    rest = rest.div(extents[axis], { roundingMode: "floor" });
  }
  return position;
}

/** How many elements of the input, or of its padding, are in each window. */
function counts(windows: Windows, extents: readonly number[], includesPadding: boolean): Tensor {
  const { kernel, stride, dilation, before, after, extents: number } = windows;
  const along = extents.map((extent, k) => {
    const [least, most] = includesPadding ? [-before[k], extent + after[k]] : [0, extent];
    return Array.from({ length: number[k] }, (_, at) => {
      const first = at * stride[k] - before[k];
      const taps = Array.from({ length: kernel[k] }, (_, tap) => first + tap * dilation[k]);
      return taps.filter((place) => place >= least && place < most).length;
    });
  });
  return along.reduce<Tensor>(
    (all, list, k) => all.mul(tensor(list).reshape(number.map((_, axis) => (axis === k ? -1 : 1)))),
    tensor(1),
  );
}

/** The sum over each window. */
function sums(call: Call, x: Tensor, windows: Windows): Tensor {
  const [samples, channels, ...extents] = x.shape;
  const { kernel, stride, dilation, before } = windows;
  const after = reachAfter(windows, extents).map((reach) => Math.max(0, reach));
  const padded = pad(x, padding(before, after));
  if (dilation.every((step) => step === 1))
    return forRank(call, MEANS, extents.length)(padded, kernel, { stride }).mul(sizeOf(kernel));
  const planes = padded.reshape([samples * channels, 1, ...padded.shape.slice(2)]);
  const ones = tensor(new Float32Array(sizeOf(kernel)).fill(1), { shape: [1, 1, ...kernel] });
  const found = forRank(call, SUMS, extents.length)(planes, ones, undefined, { stride, dilation });
  return found.reshape([samples, channels, ...windows.extents]);
}

function averagePool(call: Call): Tensor {
  const x = call.tensor(0);
  const [, , ...extents] = x.shape;
  const windows = windowsOf(call, extents);
  const { kernel, stride, dilation, before } = windows;
  const countIncludePad = call.flag("count_include_pad");
  if (isPlain(windows, extents) && dilation.every((step) => step === 1))
    return forRank(call, MEANS, extents.length)(x, kernel, { stride, padding: before, countIncludePad });
  return sums(call, x, windows).div(counts(windows, extents, countIncludePad));
}

function lpPool(call: Call): Tensor {
  const x = call.tensor(0);
  const p = call.int("p", 2);
  const windows = windowsOf(call, x.shape.slice(2));
  const powers = p === 2 ? x.mul(x) : x.abs().pow(p);
  const sum = sums(call, powers, windows);
  return p === 2 ? sum.sqrt() : sum.pow(1 / p);
}

const planes = (x: Tensor): number[] => x.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));

function maxUnpool(call: Call): Tensor {
  const [x, indices] = call.tensors();
  const [samples, channels, ...extents] = x.shape;
  const kernel = call.ints("kernel_shape") ?? call.fail("it has no attribute kernel_shape");
  const stride = call.ints("strides") ?? kernel.map(() => 1);
  const pads = call.ints("pads") ?? new Array<number>(2 * kernel.length).fill(0);
  const usual = extents.map(
    (extent, k) => (extent - 1) * stride[k] + kernel[k] - pads[k] - pads[k + kernel.length],
  );
  // Positions refer to the smallest tensor that the windows cover, whatever the output shape.
  const covered = sizeOf([samples, channels, ...usual]);
  const flat = tensor(new Float32Array(covered)).scatter(0, indices.reshape(-1), x.reshape(-1));
  const whole = flat.reshape([samples, channels, ...usual]);
  const wanted = call.has(2) ? call.numbers(2).slice(2) : usual;
  return pad(
    whole,
    padding(
      usual.map(() => 0),
      wanted.map((extent, k) => extent - usual[k]),
    ),
  );
}

export const POOLING: readonly Operator[] = [
  { name: "MaxPool", limits: "one to three axes; whole numbers up to 2²⁴", run: maxPool },
  { name: "AveragePool", limits: "one to three axes", run: averagePool },
  { name: "LpPool", limits: "one to three axes", run: lpPool },
  { name: "MaxUnpool", known: [2], run: maxUnpool },
  { name: "GlobalAveragePool", run: (call) => call.tensor(0).mean(planes(call.tensor(0)), true) },
  { name: "GlobalMaxPool", run: (call) => call.tensor(0).amax(planes(call.tensor(0)), true) },
  {
    name: "GlobalLpPool",
    run: (call) => {
      const [x, p] = [call.tensor(0), call.int("p", 2)];
      return x
        .abs()
        .pow(p)
        .sum(planes(x), true)
        .pow(1 / p);
    },
  },
];
