/** Convolutions and pooling of volumes, transposed convolutions of signals, unfold and fold against PyTorch. */

import { F, nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases(
  "modules_volumes",
  {
    Conv3d: () => new nn.Conv3d(2, 3, 2),
    "Conv3d of other geometry": () =>
      new nn.Conv3d(2, 4, [2, 3, 1], [1, 2, 1], [1, 1, 0], [2, 1, 1], 2, false),
    "Conv3d same": () => new nn.Conv3d(2, 1, [2, 3, 2], { padding: "same" }),
    "Conv3d reflecting": () => new nn.Conv3d(1, 2, 2, { padding: 1, paddingMode: "reflect" }),
    conv3d: () => (x, w) => F.conv3d(x, w, undefined, { stride: 2 }),
    ConvTranspose3d: () => new nn.ConvTranspose3d(2, 3, 2, { stride: 2 }),
    "ConvTranspose3d of other geometry": () =>
      new nn.ConvTranspose3d(2, 4, [3, 2, 2], [2, 1, 2], [1, 0, 1], [1, 0, 0], 2, false, [1, 2, 1]),
    ConvTranspose1d: () => new nn.ConvTranspose1d(2, 3, 3),
    "ConvTranspose1d of other geometry": () => new nn.ConvTranspose1d(4, 2, 3, 2, 1, 1, 2, false, 2),
    MaxPool3d: () => new nn.MaxPool3d(2),
    "MaxPool3d of other geometry": () =>
      new nn.MaxPool3d([3, 2, 2], [1, 2, 1], [1, 0, 1], [1, 1, 2], { ceilMode: true }),
    AvgPool3d: () => new nn.AvgPool3d([2, 1, 2]),
    "AvgPool3d of other geometry": () => new nn.AvgPool3d([3, 2, 2], 2, [1, 1, 0], true, false),
    avg_pool3d: () => (x) => F.avgPool3d(x, 2, 1, { divisorOverride: 3 }),
    AdaptiveAvgPool3d: () => new nn.AdaptiveAvgPool3d([2, null, 3]),
    AdaptiveMaxPool3d: () => new nn.AdaptiveMaxPool3d({ outputSize: 2 }),
    AdaptiveAvgPool1d: () => new nn.AdaptiveAvgPool1d(3),
    AdaptiveMaxPool1d: () => new nn.AdaptiveMaxPool1d([2]),
    Unfold: () => new nn.Unfold(2),
    "Unfold of other geometry": () => new nn.Unfold([2, 3], [2, 1], { padding: [1, 1], stride: 2 }),
    "unfold in patches": () => (x) => F.unfold(x, 2, { stride: 2 }),
    Fold: () => new nn.Fold([4, 5], [2, 2], { stride: 2 }),
    "Fold of other geometry": () =>
      new nn.Fold({
        outputSize: [4, 5],
        kernelSize: [2, 3],
        dilation: [2, 1],
        padding: [1, 1],
        stride: [2, 1],
      }),
  },
  ["wasm"],
);
