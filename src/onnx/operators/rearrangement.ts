/** Rearranges channels into pixels and back, and patches into images. */

import { foldAxis } from "../../nn/functional/fold.ts";
import * as F from "../../nn/functional/index.ts";
import type { Operator } from "../operator.ts";

export const REARRANGEMENT: readonly Operator[] = [
  {
    name: "DepthToSpace",
    unsigned: "bits",
    run: (call) => {
      const x = call.tensor(0);
      const size = call.int("blocksize");
      const [samples, channels, rows, columns] = x.shape;
      const depth = channels / size ** 2;
      if (call.string("mode", ["DCR", "CRD"], "DCR") === "CRD") return F.pixelShuffle(x, size);
      return x
        .reshape([samples, size, size, depth, rows, columns])
        .permute(0, 3, 4, 1, 5, 2)
        .reshape([samples, depth, rows * size, columns * size]);
    },
  },
  {
    name: "SpaceToDepth",
    unsigned: "bits",
    run: (call) => {
      const x = call.tensor(0);
      const size = call.int("blocksize");
      const [samples, channels, rows, columns] = x.shape;
      const blocks = x.reshape([samples, channels, rows / size, size, columns / size, size]);
      const shape = [samples, channels * size ** 2, rows / size, columns / size];
      const isDcr = call.string("mode", ["DCR", "CRD"], "DCR") === "DCR";
      return (isDcr ? blocks.permute(0, 3, 5, 1, 2, 4) : blocks.permute(0, 1, 3, 5, 2, 4)).reshape(shape);
    },
  },
  {
    name: "Col2Im",
    known: [1, 2],
    run: (call) => {
      const x = call.tensor(0);
      const [extents, kernel] = [call.numbers(1), call.numbers(2)];
      const rank = extents.length;
      const dilation = call.ints("dilations") ?? kernel.map(() => 1);
      const stride = call.ints("strides") ?? kernel.map(() => 1);
      const pads = call.ints("pads") ?? new Array<number>(2 * rank).fill(0);
      const counts = extents.map(
        (extent, k) =>
          Math.floor((extent + pads[k] + pads[k + rank] - dilation[k] * (kernel[k] - 1) - 1) / stride[k]) + 1,
      );
      const size = kernel.reduce((a, b) => a * b, 1);
      // [N, C, taps…, windows…]: each axis has its taps before its windows, and becomes one axis of the image.
      const taps = x.reshape([x.shape[0], x.shape[1] / size, ...kernel, ...counts]);
      const order = [0, 1, ...kernel.flatMap((_, k) => [2 + k, 2 + rank + k])];
      return extents.reduce(
        (image, extent, k) => {
          const [before, after] = [pads[k], pads[k + rank]];
          const windows = { kernel: kernel[k], dilation: dilation[k], padding: 0, stride: stride[k] };
          const padded = foldAxis(image, 2 + k, extent + before + after, windows);
          return padded.narrow(2 + k, before, extent);
        },
        taps.permute(...order),
      );
    },
  },
];
