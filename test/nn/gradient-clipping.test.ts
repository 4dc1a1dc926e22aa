/** Clipping the gradients of a loop written by hand: PyTorch's formulas, on numbers worked out on paper. */

import { nn, type Tensor, tensor } from "kiln-js";
import { expect, it, test } from "vitest";

function withGradients(...gradients: number[][]): Tensor[] {
  return gradients.map((values) => {
    const parameter = new nn.Parameter(tensor(values));
    parameter.grad = tensor(values);
    return parameter;
  });
}

const gradients = async (parameters: Tensor[]): Promise<number[]> =>
  (await Promise.all(parameters.map(async (p) => Array.from(await p.grad!.data())))).flat();

const closeTo = (expected: readonly number[]): unknown[] => expected.map((value) => expect.closeTo(value, 5));

test.each([
  ["2", {}, 5, [0.6, 0, 0.8]],
  ["1", { normType: 1 }, 7, [3 / 7, 0, 4 / 7]],
  ["infinite", { normType: Number.POSITIVE_INFINITY }, 4, [0.75, 0, 1]],
])("the %s norm of all gradients together", async (_name, options, norm, expected) => {
  const parameters = withGradients([3, 0], [4]);
  expect(await nn.utils.clipGradNorm_(parameters, 1, options).item()).toBeCloseTo(norm, 5);
  expect(await gradients(parameters)).toEqual(closeTo(expected));
});

test("gradients within the limit stay as they are", async () => {
  const parameters = withGradients([3, 0], [4]);
  nn.utils.clipGradNorm_(parameters, 10);
  expect(await gradients(parameters)).toEqual([3, 0, 4]);
});

test("by value", async () => {
  const parameters = withGradients([3, -0.5], [-4]);
  nn.utils.clipGradValue_(parameters, 1);
  expect(await gradients(parameters)).toEqual([1, -0.5, -1]);
});

it("passes over what has no gradient, and takes a single tensor", async () => {
  const [one] = withGradients([6]);
  expect(await nn.utils.clipGradNorm_([new nn.Parameter(tensor([1]))], 1).item()).toBe(0);
  expect(await nn.utils.clipGradNorm_(one, 3).item()).toBeCloseTo(6, 5);
  expect(await gradients([one])).toEqual(closeTo([3]));
});

it("refuses impossible limits", () => {
  expect(() => nn.utils.clipGradNorm_([], -1)).toThrow("clipGradNorm_'s maxNorm must be a finite number");
  expect(() => nn.utils.clipGradNorm_([], 1, { normType: 0 })).toThrow(
    "normType must be a number above 0, not 0",
  );
});
