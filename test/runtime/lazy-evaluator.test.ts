/** Tensors outside of a model are lazy: reading compiles their graph once for each structure. */

import { F, nn, ones, rand, type Tensor, tensor } from "kiln-js";
import { expect, test } from "vitest";
import type { LazyEvaluator } from "../../src/runtime/programs/lazy-evaluator.ts";
import { currentEvaluator } from "../../src/tensor/context.ts";

const counts = (): { compiled: number; reused: number } => ({
  ...(currentEvaluator() as LazyEvaluator).counts,
});

test("operations outside of a model are computed when they are read", async () => {
  const x = tensor([
    [1, -2],
    [3, -4],
  ]);
  expect(await F.relu(x).array()).toEqual([
    [1, 0],
    [3, 0],
  ]);
  expect(await x.mul(2).add(ones(2)).sum().item()).toBe(0);
  expect(await x.matmul(x).array()).toEqual([
    [-5, 6],
    [-9, 10],
  ]);
  expect(await x.flatten().format()).toBe("tensor([ 1., -2.,  3., -4.])");
});

test("a loop that repeats its operations compiles once and then only runs", async () => {
  const step = (x: Tensor): Tensor => x.mul(0.5).sub(x.mean()).relu();
  const before = counts();
  for (let turn = 0; turn < 5; turn++) await step(rand(3, 4)).data();
  const after = counts();
  expect(after.compiled - before.compiled).toBe(1);
  expect(after.reused - before.reused).toBe(4);
});

test("a loop that carries a tensor which it never reads does not grow", async () => {
  const before = counts();
  let x = tensor([64, -64]);
  for (let turn = 1; turn <= 12; turn++) {
    x = x.mul(0.5).add(1);
    // Each turn halves the distance to the fixed point, 2.
    expect(await x.sum().item()).toBe(4 + (62 - 66) / 2 ** turn);
  }
  const after = counts();
  // The second turn keeps what the first has thrown away; the others begin with what the turn before has kept.
  expect(after.compiled - before.compiled).toBe(2);
  expect(after.reused - before.reused).toBe(10);
  expect(await x.array()).toEqual([2 + 62 / 2 ** 12, 2 - 66 / 2 ** 12]);
});

test("reads that overlap do not mix their numbers", async () => {
  const inputs = [1, 2, 3, 4].map((value) => tensor([value, -value]));
  const results = await Promise.all(inputs.map((x) => x.mul(10).relu().array()));
  expect(results).toEqual([
    [10, 0],
    [20, 0],
    [30, 0],
    [40, 0],
  ]);
});

test("of single numbers it matters on which side a constant stands", async () => {
  const x = tensor(-3);
  const [minus, same] = [x.rsub(0), x.sub(0)];
  expect([await minus.item(), await same.item()]).toEqual([3, -3]);
  const [half, double] = [x.div(2), tensor(2).div(x)];
  expect([await half.item(), await double.item()]).toEqual([-1.5, Math.fround(2 / -3)]);
});

test("a shape error is said at once", () => {
  expect(() => tensor([1, 2]).add(tensor([1, 2, 3]))).toThrow("add cannot combine shapes [2] and [3]");
});

test("indices are checked, and a failure reaches every reader", async () => {
  const table = new nn.Embedding(5, 3);
  const indices = tensor([1, 7], { dtype: "int32" });
  expect(() => table.forward(indices)).toThrow(
    "the index 7 at position 1 of the input [2] is outside of the embedding's 5 rows 0..4",
  );
  const scores = table.forward(indices.add(tensor([0], { dtype: "int32" })));
  const message = "the index 7, computed for the input, is outside of the embedding's 5 rows 0..4";
  await expect(scores.data()).rejects.toThrow(message);
  await expect(scores.sum().item()).rejects.toThrow(message);
});
