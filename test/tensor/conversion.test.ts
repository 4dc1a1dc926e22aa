/** What numbers become where they enter tensors: PyTorch's rules, and one error that names number and dtype. */

import { describe, expect, it } from "vitest";
import { F, full, tensor, where, zeros } from "../../src/index.ts";

const int32 = (...values: number[]) => tensor(values, { dtype: "int32" });
const RANGE = "it holds whole numbers from -2147483648 to 2147483647";

describe("numbers that make tensors", () => {
  it("are true unless they are 0", async () => {
    expect(await tensor([256, 0.5, Number.NaN, 0, -0], { dtype: "bool" }).array()).toEqual([1, 1, 1, 0, 0]);
    expect(await tensor(Float32Array.of(256, 0.5, 0), { dtype: "bool" }).array()).toEqual([1, 1, 0]);
    expect(await full([2], 0.5, { dtype: "bool" }).array()).toEqual([1, 1]);
    expect(await zeros(1, { dtype: "bool" }).fill_(256).array()).toEqual([1]);
  });

  it("lose their fraction as int32, and are refused beyond it", async () => {
    expect(await int32(1.7, -1.7, -0.5).array()).toEqual([1, -1, 0]);
    expect(await full([1], 1.5, { dtype: "int32" }).array()).toEqual([1]);
    expect(await int32(5).fill_(-2.5).array()).toEqual([-2]);
    for (const wrong of [3e9, -3e9, Number.NaN, Number.POSITIVE_INFINITY]) {
      const message = `cannot make ${wrong} a number of the dtype int32: ${RANGE}`;
      expect(() => int32(wrong)).toThrow(`tensor() ${message}`);
      expect(() => tensor(Float64Array.of(wrong), { dtype: "int32" })).toThrow(`tensor() ${message}`);
      expect(() => full([1], wrong, { dtype: "int32" })).toThrow(`full ${message}`);
      expect(() => int32(5).fill_(wrong)).toThrow(`fill_ ${message}`);
      expect(() => int32(5).maskedFill(tensor([1], { dtype: "bool" }), wrong)).toThrow(
        `maskedFill ${message}`,
      );
    }
  });

  it("round to float32, to infinity in lists and not in what fills a tensor", async () => {
    expect(await tensor([1e39, 0.1]).array()).toEqual([Number.POSITIVE_INFINITY, Math.fround(0.1)]);
    expect(() => full([1], 1e39)).toThrow("full cannot make 1e+39 a number of the dtype float32");
    expect(() => zeros(1).fill_(1e39)).toThrow("fill_ cannot make 1e+39");
    expect(await full([1], Number.POSITIVE_INFINITY).array()).toEqual([Number.POSITIVE_INFINITY]);
  });

  it("are numbers", () => {
    for (const wrong of ["a", null, undefined, 1n, {}, Float32Array.of(1)])
      expect(() => tensor([wrong as never])).toThrow(/tensor\(\) is given .* where it expects a number/);
    expect(() => tensor("a" as never)).toThrow('tensor() is given the string "a"');
    expect(() => full([1], "1" as never)).toThrow('full is given the string "1"');
  });

  it("come from every typed array that a dtype holds", async () => {
    expect(tensor(Int16Array.of(-3)).dtype).toBe("int32");
    expect(tensor(new Uint16Array([65535])).dtype).toBe("int32");
    expect(await tensor(Float64Array.of(0.1)).array()).toEqual([Math.fround(0.1)]);
    expect(() => tensor(Uint32Array.of(4e9))).toThrow("tensor() cannot make 4000000000");
    expect(() => tensor(new DataView(new ArrayBuffer(4)) as never)).toThrow("not of a DataView");
    const bytes = Buffer.from([1, 2]);
    const copy = tensor(bytes);
    bytes[0] = 9;
    expect(await copy.array()).toEqual([1, 2]);
  });
});

describe("numbers beside whole numbers", () => {
  const most = 2 ** 31 - 1;

  it.each([
    ["lt", 3e9, [true, true, true]],
    ["lt", -3e9, [false, false, false]],
    ["gt", -3e9, [true, true, true]],
    ["ge", 2 ** 31, [false, false, false]],
    ["le", Number.POSITIVE_INFINITY, [true, true, true]],
    ["lt", 16777217.5, [true, true, false]],
    ["ge", 16777216.5, [false, true, true]],
    ["eq", 16777216.5, [false, false, false]],
    ["eq", 2 ** 31, [false, false, false]],
    ["ne", 3e9, [true, true, true]],
    ["eq", 16777217, [false, true, false]],
    ["lt", Number.NaN, [false, false, false]],
    ["ne", Number.NaN, [true, true, true]],
  ] as const)("are compared exactly: %s %d", async (relation, bound, expected) => {
    const truths = await int32(5, 16777217, most)[relation](bound).array();
    expect((truths as number[]).map(Boolean)).toEqual(expected);
  });

  it("compare with truths", async () => {
    expect(await tensor([1, 0], { dtype: "bool" }).lt(0.5).array()).toEqual([0, 1]);
    expect(await tensor([0.1]).eq(0.1).array()).toEqual([1]);
  });

  it("bound them and leave them whole", async () => {
    const held = int32(16777217, -5).clamp(0, 2e7);
    expect([held.dtype, await held.array()]).toEqual(["int32", [16777217, 0]]);
    expect(await int32(most).clamp(-3e9, 3e9).array()).toEqual([most]);
    expect(int32(5).clamp(0.5).dtype).toBe("float32");
    expect(() => int32(5).clamp()).toThrow("clamp needs a bound");
  });

  it("are added to them, and take their place", async () => {
    expect(await int32(5).add(1).format()).toBe("tensor([6], dtype=torch.int32)");
    expect(() => int32(5).add(3e9)).toThrow("add cannot make 3000000000 a number of the dtype int32");
    const yes = tensor([1, 0], { dtype: "bool" });
    expect(await int32(5, 6).maskedFill(yes, 2.5).format()).toBe("tensor([2, 6], dtype=torch.int32)");
    expect(where(yes, int32(5, 6), 2.5).dtype).toBe("float32");
    expect(() => where(yes, int32(5, 6), 3e9)).toThrow("where cannot make 3000000000");
    expect(await F.pad(int32(5), [1, 1], "constant", 2.5).array()).toEqual([2, 5, 2]);
    expect(
      await int32(5)
        .copy_(tensor([1.7]))
        .array(),
    ).toEqual([1]);
  });
});

describe("casts of what int32 cannot hold", () => {
  it("give the nearest number that it can, and 0 for NaN", async () => {
    const cast = tensor([3e9, -3e9, Number.NaN, Number.NEGATIVE_INFINITY, 2.9, -2.9]).int();
    expect(await cast.array()).toEqual([2 ** 31 - 1, -(2 ** 31), 0, -(2 ** 31), 2, -2]);
  });
});
