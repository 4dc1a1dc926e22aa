/** Layer norm and group norm against PyTorch. */

import { F, nn } from "kiln";
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
  "between layers": () => new nn.Sequential(new nn.Linear(4, 6), new nn.LayerNorm(6), new nn.Linear(6, 2)),
});
