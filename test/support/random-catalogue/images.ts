/** Layers for images [N,C,H,W] that random models are made of. */

import { cat, F, nn } from "kiln-js";
import type { Shape } from "../../../src/core/shape.ts";
import { called, type Draws, type LayerTable, small } from "./entry.ts";
import { EPS, PADDING_MODES, sides, UPSAMPLING } from "./options.ts";

/** Windows of up to 20×20, as large as the image: more taps than a byte can count. */
const wholeImage = ([, , height, width]: Shape, { a, b }: Draws): [number, number] => [
  Math.min(height, 20 - (a % 3)),
  Math.min(width, 20 - (b % 3)),
];

/** A window inside the image, and twice its rows and columns to fold back into. */
const window = ([, , height, width]: Shape, { a, b }: Pick<Draws, "a" | "b">): [number, number] => [
  small(a, Math.min(height, 3)),
  small(b, Math.min(width, 3)),
];

export const IMAGE_LAYERS: LayerTable = {
  Conv2d: ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a, 5), [small(b, 3), small(c, 3)], {
      stride: small(a >> 3, 2),
      padding: a % 3,
      dilation: [small(b >> 2, 3), small(c >> 2, 2)],
      bias: c % 3 > 0,
    }),
  "Conv2d same": ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a >> 2, 5), [small(b, 3), small(c, 3)], {
      padding: "same",
      paddingMode: PADDING_MODES[a % 4],
      dilation: small(b >> 2, 2),
      bias: c % 4 > 0,
    }),
  "Conv2d padded": ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, small(a >> 2, 4), small(b, 3), {
      padding: [c % 3, (c >> 2) % 3],
      paddingMode: PADDING_MODES[a % 4],
      stride: small(b >> 3, 2),
    }),
  "Conv2d groups": ([, channels], { a, b, c }) =>
    new nn.Conv2d(channels, channels * small(b, 2), small(c, 3), { groups: channels, padding: a % 2 }),
  "Conv2d spectralNorm": ([, channels], { a, b }) =>
    nn.utils.parametrizations.spectralNorm(new nn.Conv2d(channels, small(a, 4), small(b, 2))),
  ConvTranspose2d: ([, channels], { a, b, c }) =>
    new nn.ConvTranspose2d(channels, small(a, 4), small(b, 3), {
      stride: small(c, 2),
      padding: b % 2,
      dilation: small(c >> 2, 2),
      outputPadding: (c >> 3) % 2,
    }),
  MaxPool2d: (_shape, { a, b, c }) =>
    new nn.MaxPool2d([small(a, 3), small(c, 3)], { stride: small(b, 3), ceilMode: b % 3 === 0 }),
  "MaxPool2d large": (shape, draws) => new nn.MaxPool2d(wholeImage(shape, draws)),
  AvgPool2d: (_shape, { a, b }) =>
    new nn.AvgPool2d(small(a, 3), {
      stride: small(b, 2),
      countIncludePad: a % 2 === 0,
      ceilMode: b % 3 === 0,
    }),
  AdaptiveAvgPool2d: (_shape, { a, b }) => new nn.AdaptiveAvgPool2d([small(a, 4), small(b, 3)]),
  AdaptiveMaxPool2d: (_shape, { a, b }) => new nn.AdaptiveMaxPool2d([small(a, 4), small(b, 3)]),
  // A root of nothing but zeros has no gradient.
  LPPool2d: called(
    (shape, { a, b, c }) =>
      new nn.LPPool2d(small(a, 3), window(shape, { a: b, b: c }), { ceilMode: c % 3 === 0 }),
    (layer, x) => layer.forward(x.square().add(0.3)),
  ),
  MaxUnpool2d: called(
    (shape, draws) => new nn.MaxUnpool2d(window(shape, draws)),
    (layer, x) => {
      const [values, indices] = F.maxPool2d(x, layer.kernelSize, { returnIndices: true });
      return layer.forward(values.tanh(), indices, x.shape);
    },
  ),
  FractionalMaxPool2d: ([, , height, width], { a, b, c }) => {
    const kernel = [small(a, Math.min(height, 2)), small(a >> 1, Math.min(width, 2))] as const;
    return new nn.FractionalMaxPool2d(kernel, {
      outputSize: [small(b, height - kernel[0] + 1), small(c, width - kernel[1] + 1)],
    });
  },
  BatchNorm2d: ([, channels], { a, b }) =>
    new nn.BatchNorm2d(channels, { eps: EPS, affine: a % 3 > 0, momentum: b % 3 === 0 ? null : 0.1 }),
  InstanceNorm2d: ([, channels], { a, b }) =>
    new nn.InstanceNorm2d(channels, { eps: EPS, affine: a % 2 > 0, trackRunningStats: b % 2 > 0 }),
  Dropout2d: (_shape, { a }) => new nn.Dropout2d((a % 8) / 10),
  Softmax2d: () => new nn.Softmax2d(),
  ZeroPad2d: (shape, draws) => new nn.ZeroPad2d(sides(shape, draws, 2)),
  ConstantPad2d: (shape, draws) => new nn.ConstantPad2d(sides(shape, draws, 2), (draws.c % 5) / 4),
  ReflectionPad2d: (shape, draws) => new nn.ReflectionPad2d(sides(shape, draws, 2)),
  ReplicationPad2d: (shape, draws) => new nn.ReplicationPad2d(sides(shape, draws, 2)),
  CircularPad2d: (shape, draws) => new nn.CircularPad2d(sides(shape, draws, 2)),
  Upsample: ([, , height, width], { a, b, c }) => {
    const { modes, options } = UPSAMPLING;
    const size = a % 2 === 0 ? { size: [small(b, 2 * height), small(c, 2 * width)] } : { scaleFactor: 1.5 };
    return new nn.Upsample({ ...size, ...options(modes.image[(a >> 1) % modes.image.length], c) });
  },
  UpsamplingNearest2d: (_shape, { a }) => new nn.UpsamplingNearest2d({ scaleFactor: small(a, 2) }),
  UpsamplingBilinear2d: ([, , height, width], { a, b }) =>
    new nn.UpsamplingBilinear2d([small(a, height + 2), small(b, width + 2)]),
  Unfold: (shape, draws) =>
    new nn.Unfold(window(shape, draws), { stride: small(draws.c, 2), padding: draws.c % 2 }),
  Fold: called(
    (shape, draws) => new nn.Fold([shape[2], shape[3]], window(shape, draws), { padding: draws.c % 2 }),
    (layer, x) => layer.forward(F.unfold(x, layer.kernelSize, { padding: layer.padding }).tanh()),
  ),
  PixelShuffle: called(
    () => new nn.PixelShuffle(2),
    (layer, x, y) => layer.forward(x.shape[1] % 4 === 0 ? x : cat([x, y, x.neg(), y.neg()], 1)),
  ),
  PixelUnshuffle: called(
    () => new nn.PixelUnshuffle(2),
    (layer, x) => layer.forward(F.pad(x, [0, x.shape[3] % 2, 0, x.shape[2] % 2])),
  ),
};
