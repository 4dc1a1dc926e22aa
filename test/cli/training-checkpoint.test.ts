/** A checkpoint of `kiln train` of which a part is missing or odd is refused in one line, wherever the part stands. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KilnError, nn, optim, tensor } from "kiln-js";
import { afterAll, expect, test } from "vitest";
import { readCheckpoint, restore } from "../../src/cli/train/training-checkpoint.ts";
import { checkpointBytes } from "../../src/runtime/files/checkpoint.ts";
import { generatorState } from "../../src/tensor/random.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "checkpoint.safetensors");

const net = new nn.Sequential(new nn.Linear(2, 1), new nn.BatchNorm1d(1));
const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
const generator = generatorState();
const CHECKPOINT = {
  version: "kiln train 2",
  settings: {
    ...{ data: "synthetic", epochs: 3, batchSize: 2, optimizer: "sgd" },
    ...{ lr: 0.1, decay: 1, momentum: 0.9, weightDecay: 0, seed: 0, own: [] },
  },
  position: { epoch: 1, batch: 0, samples: 0, lossSum: 0 },
  history: {
    epochs: [{ epoch: 1, loss: 1, metrics: { accuracy: 0.5 } }],
    curve: { stepsPerPoint: 1, stepsInLast: 0, losses: [1, 2] },
  },
  generator,
  model: net.stateDict(),
  optimizer: optimizer.stateDict(),
};

const ODD = [undefined, null, -1, 0.5, Number.NaN, "x", [], {}, [null], tensor([1, 2, 3])];

/** `value` with what stands at each of its places, down to any depth, replaced by each odd value. */
function* specializations(value: unknown, path: string): Generator<readonly [place: string, value: unknown]> {
  for (const odd of ODD) yield [path, odd];
  const isPlain =
    typeof value === "object" &&
    value !== null &&
    [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value));
  if (!isPlain) return;
  for (const [key, inner] of Object.entries(value as object)) {
    for (const [place, other] of specializations(inner, `${path}.${key}`)) {
      const copy: Record<string, unknown> = Array.isArray(value)
        ? ([...value] as unknown as Record<string, unknown>)
        : { ...(value as object) };
      copy[key] = other;
      yield [place, copy];
    }
  }
}

async function resume(value: object): Promise<void> {
  writeFileSync(file, await checkpointBytes(value));
  await restore(await readCheckpoint(file), net, { optimizer });
}

test("a whole one is taken", async () => {
  await resume(CHECKPOINT);
  expect(generatorState()).toEqual(generator);
});

test("a part that is missing or odd is one line, or does no harm", async () => {
  let refused = 0;
  for (const [place, value] of specializations(CHECKPOINT, "")) {
    if (place === "" || typeof value !== "object" || value === null) continue;
    const bytes = await checkpointBytes(value).catch((error: unknown) => error);
    // What `save` has no form for cannot come out of a file.
    if (bytes instanceof KilnError) continue;
    const error = await resume(value).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) continue;
    refused++;
    expect(error, `${place}: ${String((error as Error).stack)}`).toBeInstanceOf(KilnError);
    expect((error as KilnError).message).toMatch(/^[^\n]+$/);
  }
  expect(refused).toBeGreaterThan(150);
});
