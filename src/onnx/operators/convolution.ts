/** Convolutions of signals, images and volumes. */

import * as F from "../../nn/functional/index.ts";
import { narrow, pad } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";
import { isEven, padding, windowsOf } from "./windows.ts";

/** Kiln's functions for one, two and three axes, as those that take lists. */
type Convolution = (x: Tensor, weight: Tensor, bias: Tensor | undefined, options: object) => Tensor;
const CONVOLUTIONS = [F.conv1d, F.conv2d, F.conv3d] as unknown as readonly Convolution[];
const TRANSPOSED = [
  F.convTranspose1d,
  F.convTranspose2d,
  F.convTranspose3d,
] as unknown as readonly Convolution[];

const forRank = (call: Call, functions: readonly Convolution[], rank: number): Convolution =>
  functions[rank - 1] ?? call.lacks(`it convolves ${rank} axes, where Kiln has 1, 2 and 3`);

export function convolve(call: Call, x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [, , ...kernel] = weight.shape;
  const [, , ...extents] = x.shape;
  const windows = windowsOf(call, extents, kernel);
  const { stride, dilation, before, after } = windows;
  const even = isEven(windows);
  const padded = even ? x : pad(x, padding(before, after));
  const options = {
    ...{ stride, dilation, groups: call.int("group", 1) },
    padding: even ? before : before.map(() => 0),
  };
  return forRank(call, CONVOLUTIONS, extents.length)(padded, weight, bias, options);
}

/** Computes all outputs that the kernel reaches, cuts off `pads`, and fills a larger output with zeros. */
function transposed(call: Call): Tensor {
  const [x, weight, bias] = [call.tensor(0), call.tensor(1), call.optional(2)];
  const [, , ...kernel] = weight.shape;
  const [, , ...extents] = x.shape;
  const rank = extents.length;
  const stride = call.ints("strides") ?? kernel.map(() => 1);
  const dilation = call.ints("dilations") ?? kernel.map(() => 1);
  const added = call.ints("output_padding") ?? kernel.map(() => 0);
  const groups = call.int("group", 1);
  const whole = extents.map((extent, k) => (extent - 1) * stride[k] + (kernel[k] - 1) * dilation[k] + 1);
  const sides = sidesOf(call, extents, stride, whole, added);
  const even = sides.every(
    ([before, after], k) => before === after && before >= 0 && added[k] < Math.max(stride[k], dilation[k]),
  );
  const compute = forRank(call, TRANSPOSED, rank);
  if (even) {
    const padded = { padding: sides.map(([before]) => before), outputPadding: added };
    return compute(x, weight, bias, { stride, dilation, groups, ...padded });
  }
  const all = pad(
    compute(x, weight, undefined, { stride, dilation, groups }),
    padding(
      sides.map(([before]) => Math.max(0, -before)),
      sides.map(([, after], k) => added[k] + Math.max(0, -after)),
    ),
  );
  const cut = sides.reduce((part, [before, after], k) => {
    const [start, end] = [Math.max(0, before), Math.max(0, after)];
    return narrow(part, k + 2, start, part.shape[k + 2] - start - end);
  }, all);
  return bias === undefined ? cut : cut.add(bias.reshape([-1, ...extents.map(() => 1)]));
}

/** How much is cut off before and after along each axis. */
function sidesOf(
  call: Call,
  extents: readonly number[],
  stride: readonly number[],
  whole: readonly number[],
  added: readonly number[],
): readonly (readonly [before: number, after: number])[] {
  const mode = call.string("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"], "NOTSET");
  const isSame = mode === "SAME_UPPER" || mode === "SAME_LOWER";
  const wanted =
    call.ints("output_shape")?.slice(-extents.length) ??
    (isSame ? extents.map((extent, k) => extent * stride[k]) : undefined);
  const pads = call.ints("pads") ?? new Array<number>(2 * extents.length).fill(0);
  return extents.map((_, k) => {
    if (wanted === undefined) return [pads[k], pads[k + extents.length]];
    const total = whole[k] + added[k] - wanted[k];
    const less = Math.floor(total / 2);
    return mode === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  });
}

export const CONVOLUTION: readonly Operator[] = [
  {
    name: "Conv",
    weights: [1, 2],
    limits: "one to three axes",
    run: (call) => convolve(call, call.tensor(0), call.tensor(1), call.optional(2)),
  },
  { name: "ConvTranspose", weights: [1, 2], limits: "one to three axes", run: transposed },
];
