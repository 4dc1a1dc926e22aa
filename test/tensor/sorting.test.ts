/** Sorting on every backend where numbers are equal, infinite or none, and its errors. */

import { compile, kthvalue, sort, stack, type Tensor, tensor, topk, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import { FunctionModule } from "../support/function-module.ts";

const { NaN: none, POSITIVE_INFINITY: infinity } = Number;
const rows = (): Tensor =>
  tensor([
    [3, none, 1, 2, none, 1],
    [0, -0, 5, infinity, none, -1],
  ]);

describe("sort", () => {
  it.each(["interpret", "js", "wasm"] as const)(
    "orders what is equal, infinite or NaN as PyTorch does, on %s",
    async (backend) => {
      const model = new FunctionModule((x) => {
        const [up, down] = [sort(x), sort(x, -1, true)];
        return stack([up.values, up.indices.float(), down.values, down.indices.float()]);
      });
      const program = await compile(model, { inputs: [[2, 6]], backend });
      const result = (await program.run(rows())) as Tensor;
      // The numbers of PyTorch 2.15, stable.
      expect(await result.array()).toEqual([
        [
          [1, 1, 2, 3, none, none],
          [-1, 0, -0, 5, infinity, none],
        ],
        [
          [2, 5, 3, 0, 1, 4],
          [5, 0, 1, 2, 3, 4],
        ],
        [
          [none, none, 3, 2, 1, 1],
          [none, infinity, 5, 0, -0, -1],
        ],
        [
          [1, 4, 0, 3, 2, 5],
          [4, 3, 2, 0, 1, 5],
        ],
      ]);
    },
  );

  it("keeps the dtype, and takes single numbers and none at all", async () => {
    const whole = sort(tensor([3, 1, 2], { dtype: "int32" }), { descending: true });
    expect([whole.values.dtype, await whole.values.array()]).toEqual(["int32", [3, 2, 1]]);
    const truths = tensor([1, 0, 1], { dtype: "bool" }).argsort();
    expect(await truths.array()).toEqual([1, 0, 2]);
    const single = tensor(5).sort();
    expect([await single.values.array(), await single.indices.array()]).toEqual([5, 0]);
    expect(zeros(2, 0).sort().values.shape).toEqual([2, 0]);
    expect(topk(zeros(2, 3), 0).indices.shape).toEqual([2, 0]);
  });

  it("and topk of long lists are right", async () => {
    const values = Float32Array.from({ length: 1500 }, (_, k) => ((k * 7919) % 1009) / 8);
    const order = Array.from(values, (_, k) => k).sort((a, b) => values[b] - values[a] || a - b);
    const x = tensor(values);
    expect(Array.from(await x.argsort(0, true).data())).toEqual(order);
    expect(Array.from(await x.topk(5).indices.data())).toEqual(order.slice(0, 5));
  });

  it("says what it needs", () => {
    const x = rows();
    expect(() => topk(x, 7)).toThrow(
      "topk needs a number of elements among 0..6 along axis 1 of float32[2,6], not 7",
    );
    expect(() => kthvalue(x, 0)).toThrow("kthvalue needs a k among 1..6 along axis 1");
    expect(() => x.sort({ desc: true } as never)).toThrow("sort has no option desc");
    expect(() => x.sort(0, 1 as never)).toThrow("sort's descending must be true or false, not the number 1");
    expect(() => x.argsort(2)).toThrow("axis 2 is out of range");
  });
});
