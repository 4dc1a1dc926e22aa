/** Walking back from a result as the tutorials do: names, edges in PyTorch's order, leaves at the ends. */

import { F, nn, ones, type Tensor, tensor } from "kiln-js";
import { expect, test } from "vitest";
import type { GradFn } from "../../src/tensor/grad-fn.ts";

const names = (fn: GradFn | null): (string | null)[] => fn!.nextFunctions.map(([next]) => next?.name ?? null);

test("a linear layer leads to its bias, its input and its transposed weight", () => {
  const layer = new nn.Linear(3, 2);
  const y = layer.forward(F.relu(new nn.Linear(4, 3).forward(ones(1, 4))));
  expect(y.gradFn!.name).toBe("AddmmBackward");
  expect(names(y.gradFn)).toEqual(["AccumulateGrad", "ReluBackward", "TBackward"]);
  expect(names(y.gradFn!.nextFunctions[2][0])).toEqual(["AccumulateGrad"]);
  expect(names(y.gradFn!.nextFunctions[1][0])).toEqual(["AddmmBackward"]);
});

test("inputs without gradient are null, as PyTorch's None, and a vector's linear layer ends in an addition", () => {
  const loss = F.mseLoss(new nn.Linear(3, 2).forward(ones(3)), ones(2));
  expect(names(loss.gradFn)).toEqual(["AddBackward", null]);
  expect(names(tensor([1], { requiresGrad: true }).mul(2).gradFn)).toEqual(["AccumulateGrad", null]);
});

test("the accumulator of a leaf is one object and knows its leaf", () => {
  const x = tensor([1], { requiresGrad: true });
  const [[first], [second]] = x.mul(x).gradFn!.nextFunctions;
  expect(first).toBe(second);
  expect((first as unknown as { variable: Tensor }).variable).toBe(x);
});

test("prints as a function object", () => {
  const x = tensor([1], { requiresGrad: true });
  expect(String(x.exp().gradFn)).toBe("<ExpBackward object>");
});
