/** Layers for volumes [N,C,D,H,W] that random models are made of. */

import { F, nn } from "kiln-js";
import { called, type LayerTable, small } from "./entry.ts";
import { EPS, PADDING_MODES, sides, UPSAMPLING } from "./options.ts";

/** A window of up to two elements along each axis. */
const triple = ([depth, height, width]: readonly number[], n: number): [number, number, number] => [
  small(n, Math.min(depth, 2)),
  small(n >> 1, Math.min(height, 2)),
  small(n >> 2, Math.min(width, 2)),
];

export const VOLUME_LAYERS: LayerTable = {
  Conv3d: ([, channels], { a, b, c }) =>
    new nn.Conv3d(channels, small(a, 3), [small(a, 2), small(b, 3), small(c, 2)], {
      stride: [1, small(a >> 3, 2), small(b >> 2, 2)],
      padding: [a % 2, b % 2, c % 3],
      dilation: [1, 1, small(c >> 2, 2)],
      bias: c % 3 > 0,
    }),
  "Conv3d same": ([, channels], { a, b, c }) =>
    new nn.Conv3d(channels, small(a, 3), [small(b, 2), small(c, 2), small(a >> 1, 3)], {
      padding: "same",
      paddingMode: PADDING_MODES[b % 4],
    }),
  ConvTranspose3d: ([, channels], { a, b, c }) =>
    new nn.ConvTranspose3d(channels, small(a, 3), [small(a, 2), small(b, 2), small(c, 2)], {
      stride: [1, small(b, 2), 1],
      bias: c % 2 === 0,
    }),
  MaxPool3d: (_shape, { a, b, c }) =>
    new nn.MaxPool3d([small(a, 2), small(b, 2), small(c, 2)], { stride: small(a >> 1, 2) }),
  AvgPool3d: (_shape, { a, b, c }) =>
    new nn.AvgPool3d([small(a, 2), small(b, 2), small(c, 2)], {
      stride: small(a >> 1, 2),
      countIncludePad: b % 2 === 0,
    }),
  AdaptiveAvgPool3d: (_shape, { a, b, c }) =>
    new nn.AdaptiveAvgPool3d([small(a, 2), small(b, 3), small(c, 2)]),
  AdaptiveMaxPool3d: (_shape, { a, b, c }) =>
    new nn.AdaptiveMaxPool3d([small(a, 2), small(b, 3), small(c, 2)]),
  // A root of nothing but zeros has no gradient.
  LPPool3d: called(
    ([, , ...extents], { a, b }) =>
      new nn.LPPool3d(small(a, 3), triple(extents, b), { stride: small(b >> 1, 2) }),
    (layer, x) => layer.forward(x.square().add(0.3)),
  ),
  MaxUnpool3d: called(
    ([, , ...extents], { a }) => new nn.MaxUnpool3d(triple(extents, a)),
    (layer, x) => {
      const [values, indices] = F.maxPool3d(x, layer.kernelSize, { returnIndices: true });
      return layer.forward(values.tanh(), indices, x.shape);
    },
  ),
  FractionalMaxPool3d: ([, , ...extents], { a, b, c }) => {
    const kernel = triple(extents, a);
    const [depth, height, width] = kernel.map((own, k) => small([a, b, c][k], extents[k] - own + 1));
    return new nn.FractionalMaxPool3d(kernel, { outputSize: [depth, height, width] });
  },
  BatchNorm3d: ([, channels], { a }) => new nn.BatchNorm3d(channels, { eps: EPS, affine: a % 2 > 0 }),
  InstanceNorm3d: ([, channels], { a }) => new nn.InstanceNorm3d(channels, { eps: EPS, affine: a % 2 > 0 }),
  Dropout3d: (_shape, { a }) => new nn.Dropout3d((a % 8) / 10),
  ZeroPad3d: (shape, draws) => new nn.ZeroPad3d(sides(shape, draws, 3)),
  ConstantPad3d: (shape, draws) => new nn.ConstantPad3d(sides(shape, draws, 3), (draws.c % 5) / 4),
  ReflectionPad3d: (shape, draws) => new nn.ReflectionPad3d(sides(shape, draws, 3)),
  ReplicationPad3d: (shape, draws) => new nn.ReplicationPad3d(sides(shape, draws, 3)),
  CircularPad3d: (shape, draws) => new nn.CircularPad3d(sides(shape, draws, 3)),
  "Upsample volume": ([, , ...extents], { a, b, c }) => {
    const { modes, options } = UPSAMPLING;
    const size = { size: extents.map((extent, k) => small([a, b, c][k], extent + 1)) };
    return new nn.Upsample({ ...size, ...options(modes.volume[a % modes.volume.length], c) });
  },
};
