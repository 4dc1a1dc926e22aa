/** Normalisation of samples, volumes in batches, and bilinear maps against PyTorch. */

import { F, nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases("modules_normalization", {
  LayerNorm: () => new nn.LayerNorm(5),
  "LayerNorm of two axes": () => new nn.LayerNorm([3, 4], { eps: 1e-3, bias: false }),
  "LayerNorm without affine": () => new nn.LayerNorm({ normalizedShape: [4], elementwiseAffine: false }),
  "LayerNorm evaluated": () => new nn.LayerNorm(4),
  GroupNorm: () => new nn.GroupNorm(2, 4),
  "GroupNorm of one group": () => new nn.GroupNorm(1, 3, 0.1),
  "GroupNorm of single channels": () => new nn.GroupNorm({ numGroups: 3, numChannels: 3, bias: false }),
  "GroupNorm without affine": () => new nn.GroupNorm(2, 6, { affine: false }),
  layer_norm: () => (x, w, b) => F.layerNorm(x, [4], w, b, 0.01),
  group_norm: () => (x, b) => F.groupNorm(x, 2, undefined, b),
  InstanceNorm1d: () => new nn.InstanceNorm1d(3),
  "InstanceNorm1d of one sample": () => new nn.InstanceNorm1d(2, 0.1, { affine: true }),
  "InstanceNorm2d with statistics": () =>
    new nn.InstanceNorm2d({ numFeatures: 2, momentum: 0.3, affine: true, trackRunningStats: true }),
  "InstanceNorm2d evaluated": () => new nn.InstanceNorm2d(2, { trackRunningStats: true }),
  InstanceNorm3d: () => new nn.InstanceNorm3d(2, { affine: true, bias: false }),
  instance_norm: () => (x, weight) => F.instanceNorm(x, undefined, undefined, { weight, eps: 0.1 }),
  RMSNorm: () => new nn.RMSNorm(5),
  "RMSNorm of two axes": () => new nn.RMSNorm([3, 2], 0.1, { elementwiseAffine: false }),
  LocalResponseNorm: () => new nn.LocalResponseNorm(2),
  "LocalResponseNorm of images": () => new nn.LocalResponseNorm(3, 0.5, 0.6, 2),
  BatchNorm3d: () => new nn.BatchNorm3d(2),
  "BatchNorm3d without affine": () => new nn.BatchNorm3d(2, 0.1, 0.5, false),
  Bilinear: () => new nn.Bilinear(2, 3, 4),
  "Bilinear without bias": () => new nn.Bilinear(3, 1, 2, { bias: false }),
  "between layers": () => new nn.Sequential(new nn.Linear(4, 6), new nn.LayerNorm(6), new nn.Linear(6, 2)),
});
