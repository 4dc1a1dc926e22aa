/** Random tensors of a model that is traced: their distributions, what tells them apart, and the same bits everywhere. */

import {
  compile,
  erfinv,
  F,
  manualSeed,
  noGrad,
  ones,
  rand,
  randint,
  randn,
  type Tensor,
  tensor,
} from "kiln-js";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import { randomTruths } from "../../src/tensor/random.ts";
import { traceModel } from "../../src/trace/trace.ts";
import { FunctionModule } from "../support/function-module.ts";
import { exactErfinv, kolmogorovSmirnov, normalShareBelow } from "../support/normal-distribution.ts";

const BACKENDS = ["js", "wasm", "interpret", "gpujs:cpu", "gpujs:webasm"] as const;

/** What a model that draws gives in its first run. */
async function drawn(seed: number, draw: () => Tensor, backend: BackendName = "js"): Promise<number[]> {
  manualSeed(seed);
  const program = await compile(new FunctionModule(draw), { inputs: [[1]], backend });
  return Array.from(await (await program.run(ones(1))).data());
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const moment = (values: readonly number[], power: number): number => mean(values.map((v) => v ** power));

/** Numbers in each statistic. */
const N = 100_000;
/** Standard errors that a statistic of independent draws exceeds once in 16 000 times; the seeds are fixed. */
const SIGMAS = 4;
/** The distribution of Kolmogorov's √n·D has 0.1 % beyond this. */
const KOLMOGOROV = 1.95;

describe("rand inside forward", () => {
  it("spreads numbers of 24 bits evenly over [0, 1)", async () => {
    const values = await drawn(1, () => rand(10, N / 10));
    expect(values.every((v) => v >= 0 && v < 1 && Number.isInteger(v * 2 ** 24))).toBe(true);
    expect(kolmogorovSmirnov(values, (x) => x) * Math.sqrt(N)).toBeLessThan(KOLMOGOROV);
  });

  it("takes the upper bits of the words that bernoulli compares with its probability", async () => {
    const uniform = await drawn(5, () => rand(1000));
    const kept = await drawn(5, () => randomTruths([1000], 0.3).float());
    expect(kept).toEqual(uniform.map((u) => (u < Math.round(0.3 * 2 ** 24) / 2 ** 24 ? 1 : 0)));
  });
});

describe("randn inside forward", () => {
  it("has the normal distribution, its moments and its tails", async () => {
    const values = await drawn(1, () => randn(N));
    // Of n normal numbers the k-th power's mean has the variance (E x^2k - (E x^k)²)/n.
    expect(Math.abs(moment(values, 1))).toBeLessThan(SIGMAS * Math.sqrt(1 / N));
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(SIGMAS * Math.sqrt(2 / N));
    expect(Math.abs(moment(values, 3))).toBeLessThan(SIGMAS * Math.sqrt(15 / N));
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(SIGMAS * Math.sqrt(96 / N));
    for (const edge of [2, 3]) {
      const expected = 2 * normalShareBelow(-edge) * N;
      const beyond = values.filter((v) => Math.abs(v) > edge).length;
      expect(Math.abs(beyond - expected)).toBeLessThan(SIGMAS * Math.sqrt(expected));
    }
    expect(kolmogorovSmirnov(values, normalShareBelow) * Math.sqrt(N)).toBeLessThan(KOLMOGOROV);
  });

  it("correlates no neighbours", async () => {
    const values = await drawn(2, () => randn(N));
    for (const distance of [1, 2, 3, 4, 64]) {
      const products = values.slice(distance).map((v, i) => v * values[i]);
      expect(Math.abs(mean(products))).toBeLessThan(SIGMAS / Math.sqrt(products.length));
    }
  });

  it("gives a scalar for no extents, and no numbers for an extent of 0", async () => {
    expect(await drawn(3, () => randn())).toHaveLength(1);
    expect(await drawn(3, () => randn(0, 3))).toHaveLength(0);
  });
});

describe("erfinv", () => {
  // Every operation is rounded to float32: measured over these points up to 3.8e-7 (the formula alone is good for double
  // precision).
  const bound = 5e-7;

  it.each(["js", "gpujs:cpu", "wasm", "gpujs:webasm"] as const)(
    "is as exact as its formula on %s, from one end to the other",
    async (backend) => {
      const count = 4001;
      const even = Array.from({ length: count }, (_, k) => (2 * k - count + 1) / count);
      // 2^-24 from the ends: the outermost numbers that randn uses; and its two next to 0.
      const steps = Array.from({ length: 24 }, (_, k) => 1 - 2 ** (-k - 1));
      const points = [...even, ...steps, ...steps.map((x) => -x), 2 ** -24, -(2 ** -24)].filter(
        (x) => x !== 0,
      );
      const x = Float32Array.from(points);
      const program = await compile(new FunctionModule(erfinv), { inputs: [[x.length]], backend });
      const actual = await (await program.run(tensor(x))).data();
      const errors = Array.from(x, (value, i) => Math.abs(actual[i] / exactErfinv(value) - 1));
      expect(Math.max(...errors)).toBeLessThan(bound);
    },
  );
});

describe("randint inside forward", () => {
  it.each([
    [0, 10],
    [-3, 4],
  ])("draws every number from %s to below %s about equally often", async (low, high) => {
    const values = await drawn(1, () => randint(low, high, [N]));
    const expected = N / (high - low);
    for (let value = low; value < high; value++) {
      const count = values.filter((v) => v === value).length;
      expect(Math.abs(count - expected)).toBeLessThan(SIGMAS * Math.sqrt(expected));
    }
    expect(values.every((v) => v >= low && v < high)).toBe(true);
  });

  it("is int32, and chooses rows", async () => {
    const table = tensor([[10], [20], [30]]);
    const rows = (): Tensor => F.embedding(randint(3, [400]), table);
    for (const backend of BACKENDS)
      expect(new Set(await drawn(1, rows, backend))).toEqual(new Set([10, 20, 30]));
    const one = new FunctionModule(() => randint(5, [2]));
    expect(traceModel(one, [{ dtype: "float32", shape: [1] }]).graph.outputs[0].value.type.dtype).toBe(
      "int32",
    );
  });

  it.each([
    [0, 2 ** 24 + 1],
    [-(2 ** 23), 2 ** 23 + 1],
    [2 ** 25, 2 ** 25 + 3],
  ])("refuses what not every backend holds: %s to %s", async (low, high) => {
    await expect(drawn(1, () => randint(low, high, [1]))).rejects.toThrow(
      `which every backend holds exactly, but low is ${low} and high is ${high} (test/tensor/traced-random.test.ts:`,
    );
  });
});

describe("all backends", () => {
  const wide = 2 ** 24;
  it.each([
    ["rand", () => rand(3, 7)],
    ["randint", () => randint(12_345_677, [50])],
    ["randint over the widest range", () => randint(-wide / 2, wide / 2, [50])],
    ["rand without gradients", () => noGrad(() => rand(9))],
  ])("draw the same bits for %s", async (_what, draw) => {
    // A seed of 32 bits, of which float32 would lose some.
    const expected = await drawn(2 ** 31 + 12_345, draw);
    for (const backend of BACKENDS)
      expect(await drawn(2 ** 31 + 12_345, draw, backend), backend).toEqual(expected);
  });

  it("draw normal numbers that differ by rounding alone, and threads by nothing", async () => {
    const expected = await drawn(7, () => randn(5000));
    for (const backend of BACKENDS) {
      const actual = await drawn(7, () => randn(5000), backend);
      // Twice the bound of erfinv above.
      const errors = actual.map((v, i) => Math.abs(v / expected[i] - 1));
      expect(Math.max(...errors), backend).toBeLessThan(1e-6);
    }
    const onThreads = async (threads: number): Promise<number[]> => {
      manualSeed(7);
      const model = new FunctionModule(() => randn(100_000));
      const program = await compile(model, { inputs: [[1]], backend: "wasm", threads });
      return Array.from(await (await program.run(ones(1))).data());
    };
    expect(await onThreads(2)).toEqual(await onThreads(1));
  });
});
