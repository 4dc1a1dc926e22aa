/** A comparison of backends in the page. */

import { type Comparison, compareBackends, F, nn, type Tensor } from "kiln-js";

class Small extends nn.Module {
  conv = new nn.Conv2d(1, 3, 3);
  fc = new nn.Linear(27, 4);

  forward(x: Tensor): Tensor {
    return this.fc.forward(F.maxPool2d(F.relu(this.conv.forward(x)), 2).flatten(1));
  }
}

/** A training step on every backend that there is, and whether the parameters are as they were. */
export async function compareHere(): Promise<{ readonly comparison: Comparison; readonly isSame: boolean }> {
  const model = new Small();
  const before = await model.fc.weight.array();
  const comparison = await compareBackends(model, {
    inputs: [[4, 1, 8, 8]],
    loss: new nn.CrossEntropyLoss(),
    backends: ["wasm", "js", "gpujs:webgl2"],
    milliseconds: 20,
  });
  const isSame = JSON.stringify(await model.fc.weight.array()) === JSON.stringify(before);
  return { comparison, isSame };
}
