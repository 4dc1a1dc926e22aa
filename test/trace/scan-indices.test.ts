/** Indices in the body of a `scan`: rows of embeddings, read at positions that are fed, carried or computed. */

import { compile, compileTraining, manualSeed, nn, optim, scan, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";
import { plainScan } from "../support/plain-scan.ts";
import { relativeError } from "../support/run-graph.ts";

const BACKENDS = ["interpret", "js", "wasm", "gpujs:cpu"] as const;

/** Reads the rows of words that are fed, and those of `start`, `start` + 1, … which it counts by itself. */
class Reading extends nn.Module {
  words = new nn.Embedding(6, 3);
  places = new nn.Embedding(7, 3);
  mix = new nn.Linear(3, 3);
  readonly #loop: typeof scan;
  readonly #isNested: boolean;

  constructor(loop: typeof scan, isNested = false) {
    super();
    this.#loop = loop;
    this.#isNested = isNested;
  }

  forward(words: Tensor, start: Tensor): Tensor {
    const read = (words: Tensor, start: Tensor): [Tensor, Tensor] => {
      const [{ h }, all] = this.#loop(
        ({ place, h }: { place: Tensor; h: Tensor }, word: Tensor) => {
          const next = this.mix
            .forward(h)
            .tanh()
            .add(this.words.forward(word))
            .add(this.places.forward(place));
          return [{ place: place.add(1), h: next }, next.mul(2)];
        },
        { place: start, h: zeros(2, 3) },
        words,
      );
      return [h, all.sum(0)];
    };
    if (!this.#isNested) {
      const [h, all] = read(words, start);
      return h.add(all);
    }
    const step = (h: Tensor, words: Tensor): [Tensor, null] => {
      const [last, all] = read(words, start);
      return [h.add(last).add(all), null];
    };
    return this.#loop(step, zeros(2, 3), words.unsqueeze(0).expand(2, 4, 2))[0];
  }
}

const WORDS = tensor(
  [
    [0, 5],
    [2, 3],
    [5, 5],
    [1, 0],
  ],
  { dtype: "int32" },
);
const START = tensor([1, 3], { dtype: "int32" });
const BAD_WORDS = tensor(
  [
    [0, 5],
    [2, 3],
    [6, 5],
    [1, 0],
  ],
  { dtype: "int32" },
);
/** The fourth place of the second sequence is 7, and there are seven of them. */
const BAD_START = tensor([1, 4], { dtype: "int32" });

function made(loop: typeof scan, isNested: boolean): Reading {
  manualSeed(6);
  return new Reading(loop, isNested);
}

const INPUTS = [
  { shape: [4, 2], dtype: "int32" as const },
  { shape: [2], dtype: "int32" as const },
];

describe.each([
  ["a loop", false],
  ["a loop within another", true],
])("in %s", (_, isNested) => {
  test.each(BACKENDS)("rows and their gradients are right on %s", async (backend) => {
    const plain = made(plainScan, isNested);
    const output = plain.forward(WORDS, START);
    new nn.MSELoss().forward(output, zeros(2, 3)).backward();
    const model = made(scan, isNested);
    const program = await compile(model, { inputs: INPUTS, backend });
    const actual = await (await program.run(WORDS, START)).data();
    // Some thirty roundings to float32 (6e-8), forward and back.
    expect(relativeError(actual, await output.data())).toBeLessThan(2e-6);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const options = { inputs: INPUTS, targets: [[2, 3]], loss: new nn.MSELoss(), optimizer, backend };
    const trainer = await compileTraining(model, options);
    const { gradients } = await trainer.gradients(WORDS, START, zeros(2, 3));
    for (const [name, { grad }] of plain.namedParameters())
      expect(relativeError(await gradients[name].data(), await grad!.data()), name).toBeLessThan(2e-6);
    await program.dispose();
    await trainer.dispose();
  });

  test.each(["js", "wasm"] as const)("positions that are none are errors on %s", async (backend) => {
    const model = made(scan, isNested);
    const program = await compile(model, { inputs: INPUTS, backend });
    await expect(program.run(BAD_WORDS, START)).rejects.toThrow(
      /the index 6 .*is outside of the embedding's 6 rows 0\.\.5.*scan-indices\.test\.ts:\d+ words/,
    );
    await expect(program.run(WORDS, BAD_START)).rejects.toThrow(
      /the index 7, computed for the input, is outside of the embedding's 7 rows 0\.\.6 .*scan-indices\.test\.ts:\d+ places/,
    );
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const options = { inputs: INPUTS, targets: [[2, 3]], loss: new nn.MSELoss(), optimizer, backend };
    const trainer = await compileTraining(model, options);
    const before = await model.mix.weight.data();
    await expect(trainer.step(WORDS, BAD_START, zeros(2, 3))).rejects.toThrow("the index 7");
    expect(await model.mix.weight.data()).toEqual(before);
    await program.dispose();
    await trainer.dispose();
  });

  test("interactively too", async () => {
    const model = made(scan, isNested);
    expect(
      relativeError(
        await model.forward(WORDS, START).data(),
        await made(plainScan, isNested).forward(WORDS, START).data(),
      ),
    ).toBeLessThan(2e-6);
    await expect(model.forward(WORDS, BAD_START).data()).rejects.toThrow("the index 7");
    await expect(model.forward(BAD_WORDS, START).data()).rejects.toThrow("the index 6");
  });
});
