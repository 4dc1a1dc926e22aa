/** Results of several tensors are read by name and in order, interactively and as what programs return. */

import { expect, test } from "vitest";
import { compile, nn, type Tensor, tensor } from "../../src/index.ts";

const x = tensor([
  [3, 1, 2],
  [4, 6, 5],
]);

test.each<readonly [string, (x: Tensor) => Iterable<Tensor>, unknown, unknown]>([
  [
    "topk",
    (x) => x.topk(2),
    [
      [3, 2],
      [6, 5],
    ],
    [
      [0, 2],
      [1, 2],
    ],
  ],
  [
    "sort",
    (x) => x.sort(1, true),
    [
      [3, 2, 1],
      [6, 5, 4],
    ],
    [
      [0, 2, 1],
      [1, 2, 0],
    ],
  ],
  ["max", (x) => x.max(1), [3, 6], [0, 1]],
  ["min", (x) => x.min(1), [1, 4], [1, 0]],
  ["max of whole numbers", (x) => x.int().max(1), [3, 6], [0, 1]],
  ["kthvalue", (x) => x.kthvalue(2), [2, 5], [2, 2]],
  ["median", (x) => x.median(1), [2, 5], [2, 2]],
  [
    "cummax",
    (x) => x.cummax(1),
    [
      [3, 3, 3],
      [4, 6, 6],
    ],
    [
      [0, 0, 0],
      [0, 1, 1],
    ],
  ],
  ["aminmax", (x) => x.aminmax({ dim: 1 }), [1, 4], [3, 6]],
])("%s", async (_name, f, first, second) => {
  const [a, b, ...more] = f(x);
  expect([await a.array(), await b.array(), more]).toEqual([first, second, []]);
});

class Best extends nn.Module {
  forward(x: Tensor) {
    return { best: x.topk(1), all: x };
  }
}

test("a program that returns one gives one", async () => {
  const program = await compile(new Best(), { inputs: [x.shape], backend: "js" });
  const { best } = await program.run(x);
  const [values, indices] = best;
  expect([values, indices]).toEqual([best.values, best.indices]);
  expect(await values.array()).toEqual([[3], [6]]);
  await program.dispose();
});
