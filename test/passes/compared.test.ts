/** What an op compares is one number wherever it is read: ties of a maximum are found again by its gradient. */

import { arange, compileTraining, F, manualSeed, nn, optim, rand, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import { relativeError } from "../support/run-graph.ts";

type Function = (x: Tensor) => Tensor;

/** Values that are computed in rows: what is computed again instead of being kept. */
const ROWS: Readonly<Record<string, Function>> = {
  softmax: (x) => x.softmax(1),
  "softmax along columns": (x) => x.softmax(0),
  logSoftmax: (x) => x.logSoftmax(1),
  layerNorm: (x) => F.layerNorm(x, [7]),
  "scale of rows": (x) => x.mul(x.softmax(1).sum(1, true).exp()),
};

/** What compares them, exactly. */
const COMPARISONS: Readonly<Record<string, Function>> = {
  amax: (x) => x.amax(1),
  "amax along columns": (x) => x.amax(0),
  "the distance to amax": (x) => x.sub(x.amax(-1, true)).square(),
  "amax in its own row": (x) => x.amax(-1, true).mul(x),
  "maximum with itself": (x) => x.maximum(x.mul(1)).mul(x),
  minimum: (x) => x.minimum(x.amin(1, true).mul(0.5)),
  abs: (x) => x.sub(0.1).abs(),
  relu: (x) => x.sub(0.1).relu(),
};

class Compared extends nn.Module {
  w = new nn.Parameter(rand(5, 7));
  readonly #f: Function;

  constructor(f: Function) {
    super();
    this.#f = f;
  }

  forward(x: Tensor): Tensor {
    const y = this.#f(this.w.mul(x));
    // Each element counts differently, for the elements of a softmax have one sum whatever its gradient.
    return y.mul(arange(1, y.numel() + 1).reshape(y.shape)).sum();
  }
}

/** Adds its target: the model gives the loss itself. */
class Itself extends nn.Module {
  targetType() {
    return { dtype: "float32", shape: [] } as const;
  }

  forward(loss: Tensor, zero: Tensor): Tensor {
    return loss.add(zero);
  }
}

async function gradientOf(f: Function, backend: BackendName): Promise<ArrayLike<number>> {
  manualSeed(7);
  const model = new Compared(f);
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
  const trainer = await compileTraining(model, { inputs: [[5, 7]], loss: new Itself(), optimizer, backend });
  const { gradients } = await trainer.gradients(rand(5, 7), tensor(0));
  const result = await gradients.w.data();
  await trainer.dispose();
  return result;
}

const CASES = Object.entries(ROWS).flatMap(([row, f]) =>
  Object.entries(COMPARISONS).map(([name, g]) => ({ name: `${name} of ${row}`, f: (x: Tensor) => g(f(x)) })),
);

describe.each(["js", "wasm", "gpujs:cpu"] as const)("%s", (backend) => {
  test.each(CASES)("has the right gradient of $name", async ({ f }) => {
    const expected = await gradientOf(f, "interpret");
    expect(Array.from(expected).every(Number.isFinite)).toBe(true);
    // Some twenty roundings of float32, of which softmax's gradient cancels all but a tenth.
    expect(relativeError(await gradientOf(f, backend), expected)).toBeLessThan(2e-5);
  });
});
