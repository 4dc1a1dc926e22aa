/** Indices that name nothing are errors on every backend, fed or computed, compiled or interactive, and change nothing. */

import { compile, compileTraining, F, nn, ones, optim, randint, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import { withIndexChecks } from "../../passes/graph/index-checks.ts";
import { isIndexFault } from "../../src/core/index-limit.ts";
import { traceModel } from "../../src/trace/trace.ts";
import { FunctionModule } from "../support/function-module.ts";

const int32 = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "int32" });
const zero = int32([0]);

/** What reads at positions: three of them, along axis 1 or 0. */
const READERS: Readonly<Record<string, (x: Tensor, index: Tensor) => Tensor>> = {
  gather: (x, index) => x.gather(1, index.reshape(2, 1)),
  indexSelect: (x, index) => x.indexSelect(1, index),
  scatter: (x, index) => x.scatter(1, index.reshape(2, 1), 5),
  indexAdd: (x, index) => x.indexAdd(1, index, ones(2, 2)),
  indexCopy: (x, index) => x.indexCopy(1, index, ones(2, 2)),
  oneHot: (_x, index) => F.oneHot(index, 3),
  embedding: (x, index) => F.embedding(index, x.t()),
  nllLoss: (x, index) => F.nllLoss(x, index, { ignoreIndex: -7 }),
  "cross-entropy": (x, index) => F.crossEntropy(x, index),
  "smoothed cross-entropy": (x, index) => F.crossEntropy(x, index, { labelSmoothing: 0.1 }),
};
const MESSAGE =
  /(gather|indexSelect|scatter|indexAdd|indexCopy|oneHot) is given the index|the label|the index .* is outside of the embedding's/;

describe.each(Object.entries(READERS))("%s", (_name, read) => {
  it("refuses interactive indices, known or computed", async () => {
    const x = ones(2, 3);
    for (const wrong of [3, -1]) {
      expect(() => read(x, int32([0, wrong]))).toThrow(MESSAGE);
      await expect(read(x, int32([0, wrong]).add(zero)).data()).rejects.toThrow(MESSAGE);
      await expect(read(x, int32([0, wrong]).add(zero)).data()).rejects.toThrow("indices.test.ts:");
    }
    await read(x, int32([0, 2]).add(zero)).data();
  });

  it.each(["interpret", "js", "wasm"] as const)(
    "refuses what a program on %s is fed or computes",
    async (backend) => {
      const x = ones(2, 3);
      const index = { shape: [2], dtype: "int32" } as const;
      for (const model of [
        new FunctionModule((x, i) => read(x, i)),
        new FunctionModule((x, i) => read(x, i.add(zero))),
      ]) {
        const program = await compile(model, { inputs: [[2, 3], index], backend });
        for (const wrong of [3, -1]) {
          await expect(program.run(x, int32([0, wrong]))).rejects.toThrow(MESSAGE);
          await expect(program.run(x, int32([0, wrong]))).rejects.toThrow("indices.test.ts:");
        }
        expect(Array.isArray(await program.run(x, int32([0, 2])))).toBe(false);
      }
    },
  );
});

class Table extends nn.Module {
  table = new nn.Parameter(ones(3, 2));

  forward(index: Tensor): Tensor {
    return F.embedding(index.add(zero), this.table);
  }
}

describe("a training step", () => {
  it("that meets such an index changes nothing", async () => {
    const model = new Table();
    const trainer = await compileTraining(model, {
      inputs: [{ shape: [2], dtype: "int32" }],
      targets: [[2, 2]],
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.5 }),
      backend: "js",
    });
    await expect(trainer.step(int32([0, 3]), zeros(2, 2))).rejects.toThrow("embedding's 3 rows 0..2");
    expect(await model.table.array()).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    await trainer.step(int32([0, 2]), zeros(2, 2));
    const { gradients } = await trainer.gradients(int32([0, 2]), zeros(2, 2));
    expect(Object.keys(gradients)).toEqual(["table"]);
  });
});

describe("nothing is checked", () => {
  const checksOf = (f: (x: Tensor) => Tensor): number => {
    const { graph } = traceModel(new FunctionModule(f), [{ dtype: "float32", shape: [4, 3] }]);
    return withIndexChecks(graph).graph.outputs.filter(isIndexFault).length;
  };

  it("that is proved to lie within", () => {
    expect(checksOf((x) => x.gather(1, x.argmax(1, true)))).toBe(0);
    expect(checksOf((x) => F.crossEntropy(x, x.argmax(1)))).toBe(0);
    expect(checksOf((x) => F.embedding(randint(4, [7]), x))).toBe(0);
    expect(checksOf((x) => x.gather(1, x.int().clamp(0, 2)))).toBe(0);
  });

  it("twice for a gradient, and all else is", () => {
    expect(checksOf((x) => x.gather(1, x.int()))).toBe(1);
    expect(checksOf((x) => x.gather(1, x.argmax(0, true).reshape(3, 1)))).toBe(1);
    expect(checksOf((x) => x.gather(1, x.int()).add(x.gather(1, x.int().t().t())))).toBe(1);
  });
});
