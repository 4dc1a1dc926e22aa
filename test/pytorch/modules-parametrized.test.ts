/** Weight norm and spectral norm, trained for three steps, against PyTorch. */

import { F, nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const { weightNorm, spectralNorm } = nn.utils.parametrizations;

testModuleCases(
  "modules_parametrized",
  {
    "weight norm": () => weightNorm(new nn.Linear(4, 3)),
    "weight norm of axis 1": () => weightNorm(new nn.Conv1d(2, 3, 2), { dim: 1 }),
    "weight norm of one length": () => weightNorm(new nn.Linear(4, 2, false), "weight", null),
    "spectral norm": () => spectralNorm(new nn.Linear(4, 3)),
    "spectral norm evaluated": () => spectralNorm(new nn.Linear(4, 3)),
    "spectral norm of a transposed convolution": () =>
      spectralNorm(new nn.ConvTranspose1d(2, 3, 2), { nPowerIterations: 2, eps: 1e-3 }),
    "both in a net": () =>
      new nn.Sequential(weightNorm(new nn.Linear(4, 3)), new nn.Tanh(), spectralNorm(new nn.Linear(3, 2))),
    normalize: () => (x) => F.normalize(x),
    "normalize by sums of axis 0": () => (x) => F.normalize(x, { p: 1, dim: 0, eps: 3 }),
  },
  ["wasm"],
);
