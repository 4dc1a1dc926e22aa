/** Labels in every form that users have them in, wherever they go in, and what is said of those that name no class. */

import { compile, compileStep, compileTraining, data, F, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it, test } from "vitest";

const scores = tensor([
  [1, 2, 0],
  [0, 1, 3],
]);

/** Classes 1 and 2, in all forms. */
const FORMS = [
  ["a list", [1, 2]],
  ["Int8Array", Int8Array.of(1, 2)],
  ["Uint8Array", Uint8Array.of(1, 2)],
  ["Uint8ClampedArray", Uint8ClampedArray.of(1, 2)],
  ["Int16Array", Int16Array.of(1, 2)],
  ["Uint16Array", Uint16Array.of(1, 2)],
  ["Int32Array", Int32Array.of(1, 2)],
  ["Uint32Array", Uint32Array.of(1, 2)],
  ["BigInt64Array", BigInt64Array.of(1n, 2n)],
  ["BigUint64Array", BigUint64Array.of(1n, 2n)],
] as const;

/** What is refused where two classes of three are wanted, and what is said of it after its name. */
const MISTAKES: readonly (readonly [never, string])[] = [
  [[1, 1.5] as never, "must be whole numbers that int32 holds, but has the number 1.5 at position 1"],
  [[Number.NaN, 1] as never, "has the number NaN at position 0"],
  [[1, 2 ** 31] as never, "has the number 2147483648 at position 1"],
  [BigInt64Array.of(2n ** 40n, 1n) as never, "has the bigint 1099511627776 at position 0"],
  [
    Float32Array.of(1, 2) as never,
    "must be whole numbers, as a list or an Int32Array has them, not a Float32Array",
  ],
  [[[1], [1, 2]] as never, "needs nested arrays of equal lengths"],
];

describe("losses", () => {
  const logp = scores.logSoftmax(1);
  const known = tensor(Int32Array.of(1, 2));

  it.each(FORMS)("take classes as %s", async (_, labels) => {
    const expected = await F.crossEntropy(scores, known).item();
    expect(await F.crossEntropy(scores, labels).item()).toBe(expected);
    expect(await new nn.CrossEntropyLoss().forward(scores, labels).item()).toBe(expected);
    expect(await F.nllLoss(logp, labels).item()).toBe(expected);
    expect(await new nn.NLLLoss().forward(logp, labels).item()).toBe(expected);
    expect(await F.multiMarginLoss(scores, labels).item()).toBe(
      await F.multiMarginLoss(scores, known).item(),
    );
  });

  it.each(MISTAKES)("refuse what names no class (%#)", (labels, message) => {
    expect(() => F.crossEntropy(scores, labels)).toThrow(
      `crossEntropy's target ${message}`.slice(-message.length),
    );
    expect(() => F.nllLoss(logp, labels)).toThrow(/^nllLoss's target/);
    expect(() => F.multiMarginLoss(scores, labels)).toThrow(message);
  });

  it("name the label that is no class, and where it stands", () => {
    expect(() => F.crossEntropy(scores, [0, 3])).toThrow(
      "the label 3 at position 1 of the target [2] is outside of the 3 classes 0..2",
    );
    expect(() => F.crossEntropy(scores, [0, 1, 2])).toThrow(/int32\[2\].*int32\[3\]/);
  });

  it("take the classes of pixels, of one sample and of several labels", async () => {
    const pixels = scores.reshape(1, 3, 1, 2);
    const expected = await F.crossEntropy(pixels, tensor([[[2, 0]]], { dtype: "int32" })).item();
    expect(await F.crossEntropy(pixels, [[[2, 0]]]).item()).toBe(expected);
    expect(await F.crossEntropy(pixels, Uint8Array.of(2, 0)).item()).toBe(expected);
    expect(await F.crossEntropy(scores.select(0, 0), 1).shape).toEqual([]);
    const several = [
      [0, -1, 0],
      [2, 1, -1],
    ];
    const wanted = await F.multilabelMarginLoss(scores, tensor(several, { dtype: "int32" })).item();
    expect(await F.multilabelMarginLoss(scores, several).item()).toBe(wanted);
    const frames = scores.logSoftmax(1).unsqueeze(1);
    const spelled = await F.ctcLoss(frames, tensor([[1]], { dtype: "int32" }), [2], [1]).item();
    expect(await F.ctcLoss(frames, [[1]], [2], [1]).item()).toBe(spelled);
  });
});

describe("programs", () => {
  const x = tensor([
    [0.5, -1],
    [2, 1],
  ]);
  const trainerOf = () => {
    const net = new nn.Linear(2, 3);
    nn.init.constant_(net.weight, 0.25);
    nn.init.zeros_(net.bias!);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0 });
    return compileTraining(net, {
      inputs: [[2, 2]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
      backend: "js",
    });
  };

  test("take steps on labels in every form", async () => {
    const trainer = await trainerOf();
    const expected = await trainer.step(x, tensor([1, 2]).int());
    for (const [, labels] of FORMS) expect(await trainer.step(x, labels)).toBe(expected);
    expect((await trainer.step(x, [1, 2], { outputs: true })).loss).toBe(expected);
    expect((await trainer.gradients(x, [1, 2])).loss).toBe(expected);
    await expect(trainer.step(x, [1, 3])).rejects.toThrow("the label 3 at position 1 of the target [2]");
    await expect(trainer.step(x, [1, 0.5])).rejects.toThrow("input 1 must be whole numbers that int32 holds");
    for (const [labels] of MISTAKES)
      await expect(trainer.step(x, labels)).rejects.toThrow(/^input 1 (must|needs)/);
    await expect(trainer.step([1, 2], [1, 2])).rejects.toThrow("input 0 is an array, not a tensor");
    expect(await trainer.step(tensor([[0.5, -1]]), [1])).toBeGreaterThan(0);
  });

  test("run on rows of a table, alone and in records", async () => {
    class Words extends nn.Module {
      readonly rows = new nn.Embedding(5, 2);
      override forward({ words }: { words: Tensor }): Tensor {
        return this.rows.forward(words);
      }
    }
    const table = new nn.Embedding(5, 2);
    const words = [
      [0, 4],
      [1, 1],
      [2, 3],
    ];
    const indices = tensor(words, { dtype: "int32" });
    const spec = { shape: [3, 2], dtype: "int32" } as const;
    const program = await compile(table, { inputs: [spec], backend: "js" });
    const expected = await (await program.run(indices)).array();
    expect(await (await program.run(words)).array()).toEqual(expected);
    expect(await (await program.run(Uint8Array.from(words.flat()))).array()).toEqual(expected);
    await expect(program.run([[0, 5]])).rejects.toThrow("the index 5 at position 1");
    const named = await compile(new Words(), { inputs: [{ words: spec }], backend: "js" });
    const [rows, given] = [await named.run({ words }), await named.run({ words: indices })];
    expect(await rows.array()).toEqual(await given.array());
    await expect(named.run({ words: [[0.5]] })).rejects.toThrow("input 0.words must be whole numbers");
  });

  test("take them in a whole step", async () => {
    const net = new nn.Linear(2, 3);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0 });
    const step = await compileStep(
      (images: Tensor, labels: Tensor) => {
        optimizer.zeroGrad();
        const loss = F.crossEntropy(net.forward(images), labels);
        loss.backward();
        optimizer.step();
        return loss;
      },
      { modules: { net }, inputs: [[2, 2], { shape: [2], dtype: "int32" }], backend: "js" },
    );
    const expected = await (await step.run(x, tensor([1, 2]).int())).item();
    expect(await (await step.run(x, BigInt64Array.of(1n, 2n))).item()).toBe(expected);
  });
});

describe("data", () => {
  it.each(FORMS)("goes into a TensorDataset with labels as %s", async (_, labels) => {
    const dataset = new data.TensorDataset(scores, labels);
    const loader = new data.DataLoader(dataset, { batchSize: 2 });
    for await (const [, y] of loader) {
      expect(y.dtype).toBe("int32");
      expect(await y.array()).toEqual([1, 2]);
    }
    expect(dataset.getItem(1)[1].dtype).toBe("int32");
  });

  it("is batched from arrays of 64-bit integers", async () => {
    const batch = await data.defaultCollate([BigInt64Array.of(1n, 2n), BigInt64Array.of(3n, -4n)]);
    expect(batch.dtype).toBe("int32");
    expect(await batch.array()).toEqual([
      [1, 2],
      [3, -4],
    ]);
  });

  it("refuses labels that are none", () => {
    expect(() => new data.TensorDataset(scores, [0, 0.5])).toThrow(
      "TensorDataset's part 1 must be whole numbers that int32 holds, but has the number 0.5 at position 1",
    );
    expect(() => new data.TensorDataset(scores, [0, 1, 2])).toThrow("same number of samples");
  });
});

test("numbers in lists are float32, those of integer arrays int32, of any width", async () => {
  expect(tensor([0, 1]).dtype).toBe("float32");
  expect(tensor(BigInt64Array.of(-3n)).dtype).toBe("int32");
  expect(await tensor(BigUint64Array.of(7n)).array()).toEqual([7]);
  expect(() => tensor(BigInt64Array.of(2n ** 31n))).toThrow(
    "tensor() cannot make 2147483648 a number of the dtype int32",
  );
  // Rounded once: halfway between two float32, and just above.
  const halfway = 2n ** 60n + 2n ** 36n;
  const rounded = tensor(BigInt64Array.of(halfway, halfway + 1n, -halfway - 1n), { dtype: "float32" });
  expect(await rounded.array()).toEqual([2 ** 60, 2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37]);
});
