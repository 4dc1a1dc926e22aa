/** Layers for signals [N,C,L] that random models are made of. */

import { F, nn } from "kiln-js";
import { called, type LayerTable, small } from "./entry.ts";
import { EPS, PADDING_MODES, sides, UPSAMPLING } from "./options.ts";

export const SIGNAL_LAYERS: LayerTable = {
  Conv1d: ([, channels], { a, b, c }) =>
    new nn.Conv1d(channels, small(a, 5), small(b, 3), {
      stride: small(c, 2),
      padding: (a >> 3) % 3,
      dilation: small(c >> 2, 2),
      bias: b % 4 > 0,
    }),
  "Conv1d same": ([, channels], { a, b, c }) =>
    new nn.Conv1d(channels, small(a >> 2, 5), small(b, 3), {
      padding: "same",
      paddingMode: PADDING_MODES[a % 4],
      dilation: small(c, 2),
    }),
  "Conv1d weightNorm": ([, channels], { a, b }) =>
    nn.utils.parametrizations.weightNorm(new nn.Conv1d(channels, small(a, 4), small(b, 3), { padding: 1 })),
  ConvTranspose1d: ([, channels], { a, b, c }) =>
    new nn.ConvTranspose1d(channels, small(a, 4), small(b, 3), {
      stride: small(c, 3),
      padding: b % 2,
      dilation: small(a >> 2, 2),
      groups: 1,
      outputPadding: c % 3 === 2 ? 1 : 0,
    }),
  MaxPool1d: (_shape, { a, b }) => new nn.MaxPool1d(small(a, 3), { stride: small(b, 3) }),
  AvgPool1d: (_shape, { a, b }) => new nn.AvgPool1d(small(a, 3), { stride: small(b, 2) }),
  AdaptiveAvgPool1d: (_shape, { a }) => new nn.AdaptiveAvgPool1d(small(a, 5)),
  AdaptiveMaxPool1d: (_shape, { a }) => new nn.AdaptiveMaxPool1d(small(a, 5)),
  // A root of nothing but zeros has no gradient.
  LPPool1d: called(
    ([, , length], { a, b }) => new nn.LPPool1d(small(a, 3), small(b, Math.min(length, 3))),
    (layer, x) => layer.forward(x.square().add(0.3)),
  ),
  MaxUnpool1d: called(
    ([, , length], { a }) => new nn.MaxUnpool1d(small(a, Math.min(length, 3))),
    (layer, x) => {
      const [values, indices] = F.maxPool1d(x, layer.kernelSize, { returnIndices: true });
      return layer.forward(values.tanh(), indices, x.shape);
    },
  ),
  BatchNorm1d: ([, channels]) => new nn.BatchNorm1d(channels, { eps: EPS }),
  InstanceNorm1d: ([, channels], { a, b }) =>
    new nn.InstanceNorm1d(channels, { eps: EPS, affine: a % 2 > 0, trackRunningStats: b % 2 > 0 }),
  Dropout1d: (_shape, { a }) => new nn.Dropout1d((a % 8) / 10),
  ZeroPad1d: (shape, draws) => new nn.ZeroPad1d(sides(shape, draws, 1)),
  ConstantPad1d: (shape, draws) => new nn.ConstantPad1d(sides(shape, draws, 1), (draws.c % 5) / 4),
  ReflectionPad1d: (shape, draws) => new nn.ReflectionPad1d(sides(shape, draws, 1)),
  ReplicationPad1d: (shape, draws) => new nn.ReplicationPad1d(sides(shape, draws, 1)),
  CircularPad1d: (shape, draws) => new nn.CircularPad1d(sides(shape, draws, 1)),
  "Upsample signal": ([, , length], { a, b, c }) => {
    const { modes, options } = UPSAMPLING;
    const size = b % 2 === 0 ? { size: small(c, 2 * length) } : { scaleFactor: small(c, 2) };
    return new nn.Upsample({ ...size, ...options(modes.signal[a % modes.signal.length], b >> 1) });
  },
};
