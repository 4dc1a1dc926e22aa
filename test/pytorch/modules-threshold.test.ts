/** Activation layers that cut against PyTorch. */

import { F, nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases(
  "modules_threshold",
  {
    GLU: () => new nn.GLU(),
    "GLU of axis 1": () => new nn.GLU(1),
    LogSigmoid: () => new nn.LogSigmoid(),
    Hardtanh: () => new nn.Hardtanh(),
    "Hardtanh of other bounds": () => new nn.Hardtanh(-0.25, { maxVal: 1.5 }),
    Threshold: () => new nn.Threshold(0.1, 20),
    threshold: () => (x) => F.threshold(x, -0.5, -1),
    Hardshrink: () => new nn.Hardshrink(),
    "Hardshrink 1.2": () => new nn.Hardshrink(1.2),
    Softshrink: () => new nn.Softshrink(),
    "Softshrink 1.2": () => new nn.Softshrink({ lambd: 1.2 }),
    Tanhshrink: () => new nn.Tanhshrink(),
    Softmin: () => new nn.Softmin(1),
    "softmin of axis 0": () => (x) => F.softmin(x, 0),
    Softmax2d: () => new nn.Softmax2d(),
    "Softmax2d of one image": () => new nn.Softmax2d(),
  },
  ["wasm"],
);
