/** Batch normalisation against PyTorch: outputs, gradients, parameters and running statistics after three steps. */

import { nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases("modules_batch_norm", {
  BatchNorm1d: () => new nn.BatchNorm1d(4),
  "BatchNorm1d of sequences": () => new nn.BatchNorm1d(3),
  "BatchNorm1d cumulative": () => new nn.BatchNorm1d(3, { momentum: null }),
  "BatchNorm1d plain": () => new nn.BatchNorm1d(3, { affine: false, eps: 0.01 }),
  "BatchNorm1d without statistics": () => new nn.BatchNorm1d(3, { trackRunningStats: false }),
  "BatchNorm1d eval": () => new nn.BatchNorm1d(4),
  "BatchNorm1d of sequences eval": () => new nn.BatchNorm1d({ numFeatures: 3, affine: false, eps: 0.1 }),
  "BatchNorm1d without statistics eval": () => new nn.BatchNorm1d(3, { trackRunningStats: false }),
  BatchNorm2d: () => new nn.BatchNorm2d(3),
  "BatchNorm2d with options": () => new nn.BatchNorm2d(2, 1e-3, 0.3),
  "BatchNorm2d cumulative": () => new nn.BatchNorm2d(2, { momentum: null, affine: false }),
  "BatchNorm2d without bias": () => new nn.BatchNorm2d(2, { bias: false }),
  "BatchNorm2d without statistics": () => new nn.BatchNorm2d(2, { trackRunningStats: false }),
  "BatchNorm2d eval": () => new nn.BatchNorm2d(3),
  "BatchNorm2d with options eval": () => new nn.BatchNorm2d(2, { eps: 0.1, affine: false }),
  "BatchNorm2d of one image eval": () => new nn.BatchNorm2d(2, 1e-5, null),
  "Conv2d, BatchNorm2d, ReLU": () =>
    new nn.Sequential(
      new nn.Conv2d(2, 3, 3, { bias: false }),
      new nn.BatchNorm2d(3),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
    ),
  "Linear, BatchNorm1d twice": () =>
    new nn.Sequential(
      new nn.Linear(4, 3),
      new nn.BatchNorm1d(3),
      new nn.Tanh(),
      new nn.BatchNorm1d(3, { eps: 0.1, momentum: null }),
    ),
});
