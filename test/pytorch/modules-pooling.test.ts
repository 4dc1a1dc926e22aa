/** Max, average and adaptive pooling against PyTorch, along one axis and two, with all their options. */

import { F, nn, type Tensor } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const placed = ([values, indices]: readonly [Tensor, Tensor]): Tensor => values.mul(indices.float().add(1));

testModuleCases("modules_pooling", {
  MaxPool1d: () => new nn.MaxPool1d(2),
  "MaxPool1d overlapping": () => new nn.MaxPool1d(3, 2, 1, 2, { ceilMode: true }),
  "MaxPool1d of a list": () => new nn.MaxPool1d([3], [1]),
  "MaxPool2d dilated": () => new nn.MaxPool2d(3, { stride: 1, padding: 1, dilation: 2 }),
  "MaxPool2d unbatched": () => new nn.MaxPool2d({ kernelSize: [2, 3], ceilMode: true }),
  AvgPool1d: () => new nn.AvgPool1d(2),
  "AvgPool1d overlapping": () => new nn.AvgPool1d(3, 2, 1, true, false),
  AvgPool2d: () => new nn.AvgPool2d(2),
  "AvgPool2d ceil": () => new nn.AvgPool2d([3, 2], { stride: 2, padding: 1, ceilMode: true }),
  "AvgPool2d without pad": () => new nn.AvgPool2d(3, [2, 1], [1, 0], true, { countIncludePad: false }),
  "AvgPool2d override": () => new nn.AvgPool2d({ kernelSize: 2, stride: 1, padding: 1, divisorOverride: 3 }),
  AdaptiveAvgPool2d: () => new nn.AdaptiveAvgPool2d([3, 2]),
  "AdaptiveAvgPool2d even": () => new nn.AdaptiveAvgPool2d(1),
  "AdaptiveAvgPool2d open": () => new nn.AdaptiveAvgPool2d([null, 7]),
  AdaptiveMaxPool2d: () => new nn.AdaptiveMaxPool2d({ outputSize: [3, 4] }),
  "AdaptiveMaxPool2d even": () => new nn.AdaptiveMaxPool2d(2),
  "AdaptiveMaxPool2d larger": () => new nn.AdaptiveMaxPool2d([5, null]),
  max_pool1d: () => (x) => F.maxPool1d(x, 2, 1),
  "max_pool1d with indices": () => (x) =>
    placed(F.maxPool1d(x, 3, { stride: 2, padding: 1, returnIndices: true })),
  "max_pool2d with indices": () => (x) => placed(F.maxPool2d(x, 2, { returnIndices: true })),
  "max_pool2d dilated with indices": () => (x) =>
    placed(F.maxPool2d(x, [3, 2], 2, [1, 0], [2, 1], true, true)),
  "max_pool2d unbatched with indices": () => (x) => placed(F.maxPool2d(x, 3, 1, { returnIndices: true })),
  "adaptive_max_pool2d with indices": () => (x) => placed(F.adaptiveMaxPool2d(x, [3, 2], true)),
  "adaptive_max_pool2d even with indices": () => (x) =>
    placed(F.adaptiveMaxPool2d(x, 2, { returnIndices: true })),
  avg_pool1d: () => (x) => F.avgPool1d(x, 3, { stride: 1, padding: 1 }),
  avg_pool2d: () => (x) => F.avgPool2d(x, 2, { divisorOverride: -3 }),
  adaptive_avg_pool2d: () => (x) => F.adaptiveAvgPool2d(x, [2, null]),
  adaptive_max_pool2d: () => (x) => F.adaptiveMaxPool2d(x, 2),
});
