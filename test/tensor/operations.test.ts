/** Comparisons, casts, truths and products: dtypes that meet, and what is refused. */

import { cat, matmul, ones, reshape, stack, tensor, where, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";

const int32 = (...values: number[]) => tensor(Int32Array.from(values));

describe("comparisons", () => {
  it("give truths", async () => {
    const x = tensor([1, 2, 3]);
    const results = [x.eq(2), x.ne(2), x.lt(2), x.le(2), x.gt(2), x.ge(2)];
    expect(results.map(({ dtype }) => dtype)).toEqual(new Array(6).fill("bool"));
    expect(await Promise.all(results.map(async (r) => [...(await r.data())].join("")))).toEqual([
      "010",
      "101",
      "100",
      "110",
      "001",
      "011",
    ]);
  });

  it("bring different dtypes together as PyTorch does", async () => {
    expect(
      await int32(1, 2)
        .eq(tensor([1, 2.5]))
        .array(),
    ).toEqual([1, 0]);
    expect(await int32(1, 2).gt(1.5).array()).toEqual([0, 1]);
    expect(await int32(1, 2).eq(2).array()).toEqual([0, 1]);
    const truths = tensor([1, 2]).gt(1);
    expect(await truths.eq(int32(0, 2)).array()).toEqual([1, 0]);
    expect(await truths.eq(1).array()).toEqual([0, 1]);
  });

  it("refuse what is no tensor", () => {
    expect(() => tensor([1]).eq(undefined as never)).toThrow("eq is given undefined where it expects");
    expect(() => tensor([1]).matmul("x" as never)).toThrow('matmul is given the string "x" where it expects');
  });

  it.each<[unknown, string]>([
    [null, "null"],
    [undefined, "undefined"],
    [[1, 2], "an array where it expects a tensor: tensor([...]) makes one"],
    [{}, "an object"],
    [new Date(0), "an object of the class Date"],
  ])("and what computes refuses %s", (operand, text) => {
    const x = ones(2, 2);
    const given = operand as never;
    const calls: [string, () => unknown][] = [
      ["add", () => x.add(given)],
      ["sub", () => x.sub(given)],
      ["rsub", () => x.rsub(given)],
      ["mul", () => x.mul(given)],
      ["div", () => x.div(given)],
      ["maximum", () => x.maximum(given)],
      ["lt", () => x.lt(given)],
      ["matmul", () => x.matmul(given)],
      ["mm", () => x.mm(given)],
      ["dot", () => x.dot(given)],
      ["copy_", () => x.copy_(given)],
    ];
    for (const [op, call] of calls) expect(call, op).toThrow(`${op} is given ${text}`);
  });

  it("know NaN", async () => {
    expect(await tensor([Number.NaN, 1]).isnan().array()).toEqual([1, 0]);
    expect(await tensor([Number.NaN]).any().item()).toBe(1);
  });
});

describe("casts", () => {
  it("cut fractions off", async () => {
    const x = tensor([-1.7, -0.2, 0, 0.9, 2.5]);
    expect(await x.int().data()).toEqual(Int32Array.of(-1, 0, 0, 0, 2));
    expect(await x.bool().array()).toEqual([1, 1, 0, 1, 1]);
    expect((await x.int().typeAs(x).data()) instanceof Float32Array).toBe(true);
    expect(x.float()).toBe(x);
    expect(() => x.to("uint8")).toThrow("to() knows the dtypes bool, int32, float32, not uint8");
  });

  it("count truths as whole numbers", async () => {
    const predicted = tensor([
      [0.1, 0.9],
      [0.8, 0.2],
      [0.3, 0.7],
    ]).argmax(1);
    const correct = predicted.eq(int32(1, 1, 1)).sum();
    expect([correct.dtype, await correct.item()]).toEqual(["int32", 2]);
  });
});

describe("products", () => {
  it.each([
    [[3], [3], []],
    [[2, 3], [3], [2]],
    [[3], [3, 4], [4]],
    [
      [2, 3],
      [3, 4],
      [2, 4],
    ],
    [[5, 2, 3], [3], [5, 2]],
    [[3], [5, 3, 4], [5, 4]],
    [
      [7, 1, 2, 3],
      [5, 3, 4],
      [7, 5, 2, 4],
    ],
  ])("of %j and %j have the shape %j", (a, b, shape) => {
    expect(zeros(a).matmul(zeros(b)).shape).toEqual(shape);
    expect(reshape(matmul(zeros(a), zeros(b)), [-1, 1]).ndim).toBe(2);
  });

  it("refuse what does not fit", () => {
    expect(() => zeros(2, 3).matmul(zeros(2, 3))).toThrow("the inner extents differ");
    expect(() => zeros().matmul(zeros(2))).toThrow("both need at least one dimension");
    expect(() => zeros(2, 3).mm(zeros(3))).toThrow("mm cannot multiply [2,3] by [3]: both must be matrices");
    expect(() => zeros(2, 3, 4).bmm(zeros(1, 4, 2))).toThrow("bmm cannot multiply [2,3,4] by [1,4,2]");
    expect(() => zeros(3).dot(zeros(4))).toThrow("both must be vectors of one length");
    expect(() => zeros(2, 3, 2).matmul(zeros(4, 2, 2))).toThrow("matmul cannot combine shapes [2] and [4]");
  });
});

describe("choices", () => {
  it("are made between whole numbers too", async () => {
    const filled = int32(1, -2, 3).maskedFill(int32(1, -2, 3).lt(0), 0);
    expect(await filled.data()).toEqual(Int32Array.of(1, 0, 3));
    const mixed = where(int32(1, 0).bool(), int32(7, 7), 0.5);
    expect([mixed.dtype, ...(await mixed.data())]).toEqual(["float32", 7, 0.5]);
  });

  it("refuse a mask of numbers", () => {
    expect(() => zeros(3).maskedFill(zeros(3), 1)).toThrow(
      "where expects a bool condition but got float32[3]",
    );
  });
});

describe("what is given in place of something else is named", () => {
  const x = ones(2, 2);

  it("as axes and sizes", () => {
    expect(() => x.sum(null as never)).toThrow("dim must be a whole number or a list of them, not null");
    expect(() => x.split({} as never)).toThrow("split needs a size or a list of sizes, not an object");
  });

  it("as lists of tensors", () => {
    expect(() => cat(x as never, x as never)).toThrow("cat takes one list of tensors: write cat([a, b])");
    expect(() => stack(x as never, x as never)).toThrow(
      "stack takes one list of tensors: write stack([a, b])",
    );
  });

  it("as floats: the cast is named", () => {
    expect(() => int32(1, 2).exp()).toThrow("exp expects float32 tensors but got int32[2]; use .float()");
  });
});
