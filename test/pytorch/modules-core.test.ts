/** The layers of the tutorials' nets against PyTorch, with options that the nets do not use. */

import { nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases("modules_core", {
  Linear: () => new nn.Linear(4, 3),
  "Linear without bias, 3-D": () => new nn.Linear(4, 3, { bias: false }),
  "Linear of a vector": () => new nn.Linear(4, 3),
  Conv2d: () => new nn.Conv2d(2, 3, 3),
  "Conv2d of groups": () => new nn.Conv2d(4, 6, [3, 2], { stride: 2, padding: 1, groups: 2, bias: false }),
  MaxPool2d: () => new nn.MaxPool2d(2),
  "MaxPool2d overlapping": () => new nn.MaxPool2d(3, { stride: 2, padding: 1, ceilMode: true }),
  Flatten: () => new nn.Flatten(),
  "Flatten 0, 1": () => new nn.Flatten(0, 1),
  Identity: () => new nn.Identity(),
  Sequential: () =>
    new nn.Sequential(new nn.Linear(4, 6), new nn.Tanh(), new nn.Sequential(new nn.Linear(6, 2))),
});
