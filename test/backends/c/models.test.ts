/** Whole models trained on the `c` backend: random ones against the interpreter, loops, and bits that threads do not change. */

import * as fc from "fast-check";
import { compileTraining, manualSeed, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../../backends/registry.ts";
import { randomModel } from "../../support/random-model.ts";
import { differenceBetween, isIllConditioned, trainRandom } from "../../support/random-training.ts";
import { relativeError } from "../../support/run-graph.ts";
import { isHere, title } from "./toolchain.ts";

const wanted = process.env.KILN_RANDOM_MODELS;
const RUNS = { numRuns: Number(wanted ?? 3), seed: Number(process.env.KILN_RANDOM_SEED ?? 7) };

describe.skipIf(!isHere)(title("models"), () => {
  test("random ones train as on the interpreter, on one thread and on two", async () => {
    for (const [k, spec] of fc.sample(randomModel, RUNS).entries()) {
      const expected = await trainRandom(spec, { backend: "interpret" });
      const found = differenceBetween(
        await trainRandom(spec, { backend: "c", threads: 1 + (k % 2) }),
        expected,
      );
      if (found !== undefined && !(await isIllConditioned(spec))) throw new Error(found);
    }
  }, 3_600_000);

  test("have the same bits on one, two and three threads", async () => {
    const [one, ...others] = await Promise.all([1, 2, 3].map((threads) => trained("c", threads)));
    for (const other of others) expect(other).toEqual(one);
  });

  test("with loops within loops train as on the interpreter", async () => {
    const [actual, expected] = [await trained("c", 2, "loops"), await trained("interpret", 1, "loops")];
    // Three steps in float32 beside double.
    for (const [name, numbers] of expected)
      expect(relativeError(actual.get(name)!, numbers)).toBeLessThan(2e-5);
  });
});

/** A convolutional net large enough for its kernels to be divided, or one whose loop reads the results of another. */
async function trained(
  backend: BackendName,
  threads: number,
  kind: "convolution" | "loops" = "convolution",
): Promise<ReadonlyMap<string, ArrayLike<number>>> {
  manualSeed(5);
  const net: nn.Module & { forward(x: Tensor): Tensor } = kind === "loops" ? new Loops() : new Convolution();
  const shape = kind === "loops" ? [2, 5, 4] : [32, 3, 20, 20];
  const trainer = await compileTraining(net, {
    inputs: [{ shape }],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.Adam(net.parameters()),
    backend,
    threads,
  });
  if (kind === "convolution" && threads > 1) expect(trainer.compilation.plan.threads).toBe(threads);
  const size = shape.reduce((product, n) => product * n, 1);
  const x = tensor(
    Float32Array.from({ length: size }, (_, k) => Math.sin(k * k)),
    { shape },
  );
  const y = tensor(
    Int32Array.from({ length: shape[0] }, (_, k) => k % 3),
    { shape: [shape[0]], dtype: "int32" },
  );
  const losses: number[] = [];
  for (let k = 0; k < 3; k++) losses.push(await trainer.step(x, y));
  const values = new Map<string, ArrayLike<number>>([["losses", losses]]);
  for (const [name, value] of Object.entries(net.stateDict())) values.set(name, await value.data());
  await trainer.dispose();
  return values;
}

class Convolution extends nn.Module {
  body = new nn.Sequential(
    ...[new nn.Conv2d(3, 16, 5), new nn.ReLU(), new nn.MaxPool2d(2), new nn.BatchNorm2d(16)],
    ...[new nn.Flatten(), new nn.Linear(16 * 8 * 8, 3)],
  );

  forward(x: Tensor): Tensor {
    return this.body.forward(x);
  }
}

class Loops extends nn.Module {
  first = new nn.LSTM(4, 6, { batchFirst: true });
  second = new nn.GRU(6, 5, { batchFirst: true });
  last = new nn.Linear(5, 3);

  forward(x: Tensor): Tensor {
    const [h] = this.first.forward(x);
    const [g] = this.second.forward(h);
    return this.last.forward(g.select(1, -1));
  }
}
