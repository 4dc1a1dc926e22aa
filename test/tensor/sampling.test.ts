/** Drawing by given distributions, outside of traces and in them: frequencies, what is impossible, and what each run draws. */

import {
  bernoulli,
  compile,
  full,
  manualSeed,
  multinomial,
  normal,
  ones,
  randintLike,
  randperm,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { describe, expect, test } from "vitest";
import { FunctionModule } from "../support/function-module.ts";

/** What `draw` gives by itself, and in the first two runs of a compiled model. */
async function drawn(draw: () => Tensor): Promise<readonly (readonly number[])[]> {
  manualSeed(3);
  const alone = Array.from(await draw().data());
  const program = await compile(new FunctionModule(draw), { inputs: [[1]], backend: "wasm" });
  const runs = [alone];
  for (let run = 0; run < 2; run++) runs.push(Array.from(await (await program.run(ones(1))).data()));
  return runs;
}

const share = (values: readonly number[], of: number): number =>
  values.filter((value) => value === of).length / values.length;

const N = 4000;
/** Standard errors that a share exceeds once in 16 000 times; the seeds are fixed. */
const SIGMAS = 4;
const near = (p: number): number => SIGMAS * Math.sqrt((p * (1 - p)) / N);

describe("multinomial", () => {
  const weights = [2, 0, 5, 3, 0];

  test.each([true, false])("draws by the weights, with replacement: %s", async (replacement) => {
    const draw = (): Tensor => {
      const rows = tensor(weights).expand(replacement ? 1 : N, 5);
      return multinomial(rows, replacement ? N : 1, replacement).reshape(-1);
    };
    const runs = await drawn(draw);
    for (const values of runs) {
      for (const [k, weight] of weights.entries())
        expect(Math.abs(share(values, k) - weight / 10), `${k}`).toBeLessThanOrEqual(near(weight / 10));
    }
    expect(new Set(runs.map(String)).size).toBe(3);
  });

  test("draws none twice without replacement, the first by the weights", async () => {
    for (const values of await drawn(() => multinomial(tensor(weights).expand(N, 5), 3).int())) {
      const rows = Array.from({ length: N }, (_, k) => values.slice(3 * k, 3 * k + 3));
      for (const row of rows) expect([...row].sort()).toEqual([0, 2, 3]);
      const firsts = rows.map(([first]) => first);
      expect(Math.abs(share(firsts, 2) - 0.5)).toBeLessThan(near(0.5));
    }
  });

  test("gives int32 of the shape that PyTorch has", () => {
    expect(multinomial(tensor(weights), 2)).toMatchObject({ shape: [2], dtype: "int32" });
    expect(multinomial(ones(4, 3), 7, true).shape).toEqual([4, 7]);
  });

  test("refuses what cannot be drawn", async () => {
    expect(() => multinomial(ones(3), 4)).toThrow("cannot draw 4 of 3 weights: with replacement it can");
    expect(() => multinomial(ones(3), 0)).toThrow("needs a number of samples from 1 on, not 0");
    expect(() => multinomial(ones(2, 3, 4), 1)).toThrow("needs a list of weights or a matrix");
    for (const bad of [
      [1, -1],
      [0, 0],
      [1, Number.NaN],
      [1, Number.POSITIVE_INFINITY],
    ])
      await expect(multinomial(tensor(bad), 1, true).data(), `${bad}`).rejects.toThrow(
        "multinomial of weights that are negative, not finite or too few above 0",
      );
    await expect(multinomial(tensor([1, 0, 0]), 2).data()).rejects.toThrow("too few above 0");
  });
});

describe("bernoulli", () => {
  test("is 1 with the probability of each element, or with one for all", async () => {
    for (const values of await drawn(() => bernoulli(tensor([0, 0.3, 1]).reshape(3, 1).expand(3, N)))) {
      expect([0, 2].map((row) => share(values.slice(row * N, (row + 1) * N), 1))).toEqual([0, 1]);
      expect(Math.abs(share(values.slice(N, 2 * N), 1) - 0.3)).toBeLessThan(near(0.3));
    }
    const values = Array.from(await zeros(N).bernoulli(0.7).data());
    expect(Math.abs(share(values, 1) - 0.7)).toBeLessThan(near(0.7));
  });

  test("has no gradient, and is NaN where the element is no probability", async () => {
    const p = tensor([-0.1, 1.1, Number.NaN]).requiresGrad_();
    expect(bernoulli(p).requiresGrad).toBe(false);
    expect(await bernoulli(p).array()).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(() => bernoulli(p, 2)).toThrow("p must lie between 0 and 1, and 2 does not");
  });
});

test("normal draws around means, as far as deviations say", async () => {
  const draws = [
    (): Tensor => normal(3, 2, [N]),
    (): Tensor => normal(full([N], 3), 2),
    (): Tensor => normal(3, full([N], 2)),
    (): Tensor => normal(full([N, 1], 3), full([1], 2)),
  ];
  for (const draw of draws) {
    for (const values of await drawn(draw)) {
      const mean = values.reduce((sum, v) => sum + v, 0) / N;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / N;
      expect(Math.abs(mean - 3)).toBeLessThan((SIGMAS * 2) / Math.sqrt(N));
      expect(Math.abs(variance / 4 - 1)).toBeLessThan(SIGMAS * Math.sqrt(2 / N));
    }
  }
  expect(normal(ones(2).requiresGrad_()).requiresGrad).toBe(false);
  expect(await normal(0, tensor([-1])).item()).toBe(Number.NaN);
  expect(() => normal(0, -1, [2])).toThrow("must not be negative, and it is -1");
  expect(() => normal(0, 1, undefined as never)).toThrow("two numbers and a size");
});

test("randperm gives all numbers below n in random orders, each as likely to come first", async () => {
  for (const values of await drawn(() => randperm(50)))
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, k) => k));
  expect(new Set((await drawn(() => randperm(50))).map(String)).size).toBe(3);
  const firsts: number[] = [];
  for (let k = 0; k < N; k++) firsts.push(Number((await randperm(4).data())[0]));
  for (let k = 0; k < 4; k++) expect(Math.abs(share(firsts, k) - 0.25)).toBeLessThan(near(0.25));
  expect(randperm(0)).toMatchObject({ shape: [0], dtype: "int32" });
  expect(() => randperm(-1)).toThrow("needs a whole number from 0 on, not the number -1");
});

test("randintLike has the shape and dtype of its tensor", async () => {
  expect(randintLike(zeros(2, 3), 5)).toMatchObject({ shape: [2, 3], dtype: "float32" });
  expect(randintLike(zeros(2), 5, { dtype: "int32" }).dtype).toBe("int32");
  for (const values of await drawn(() => randintLike(zeros(N), 2, 4)))
    expect(Math.abs(share(values, 3) - 0.5)).toBeLessThan(near(0.5));
});
