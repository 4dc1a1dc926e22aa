/** Every activation against PyTorch over three training steps, with inputs near its bend and far from it. */

import { nn } from "kiln-js";
import { ACTIVATIONS } from "../support/activations.ts";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases(
  "modules_activation",
  Object.fromEntries(
    Object.entries({ ReLU: () => new nn.ReLU(), ...ACTIVATIONS }).flatMap(([name, make]) => [
      [name, make],
      [`${name}, wide`, make],
    ]),
  ),
);
