/** Tensors made from numbers, and read back. */

import { describe, expect, it } from "vitest";
import { arange, full, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { rand, randn } from "../../src/tensor/random.ts";

describe("tensor", () => {
  it("takes its shape from nested arrays and is float32 by default", async () => {
    const t = tensor([
      [1, 2, 3],
      [4, 5, 6.5],
    ]);
    expect([t.shape, t.dtype, t.ndim, t.numel()]).toEqual([[2, 3], "float32", 2, 6]);
    expect(await t.data()).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6.5));
    expect(await t.array()).toEqual([
      [1, 2, 3],
      [4, 5, 6.5],
    ]);
  });

  it("copies a typed array, which its user may fill anew before the tensor is read", async () => {
    const buffer = new Float32Array([1, 2]);
    const copy = tensor(buffer);
    buffer.fill(9);
    expect(await copy.array()).toEqual([1, 2]);
  });

  it("takes its dtype from a typed array", () => {
    expect(tensor(Int32Array.of(1, 2)).dtype).toBe("int32");
    expect(tensor(Uint8Array.of(1, 2)).dtype).toBe("uint8");
    expect(tensor(Float64Array.of(1, 2)).dtype).toBe("float32");
  });

  it("makes bools of truth values, unless numbers stand among them", () => {
    expect(tensor([[true, false]]).dtype).toBe("bool");
    expect(tensor(true).dtype).toBe("bool");
    expect(tensor([true, 2]).dtype).toBe("float32");
    expect(tensor([]).dtype).toBe("float32");
    expect(tensor([true], { dtype: "float32" }).dtype).toBe("float32");
  });

  it("converts to the dtype it is told, and takes the shape it is told", async () => {
    const t = tensor([1, 2, 3, 4], { dtype: "int32", shape: [2, 2] });
    expect([t.shape, t.dtype]).toEqual([[2, 2], "int32"]);
    expect(await t.data()).toEqual(Int32Array.of(1, 2, 3, 4));
    expect(await tensor([true, false], { dtype: "bool" }).data()).toEqual(Uint8Array.of(1, 0));
  });

  it("makes a scalar of a number", async () => {
    expect(tensor(2.5).shape).toEqual([]);
    expect(await tensor(2.5).item()).toBe(2.5);
    expect(await tensor(2.5).array()).toBe(2.5);
  });

  it("refuses ragged arrays and a shape that does not fit", () => {
    for (const ragged of [
      [[1, 2], [3]],
      [1, [2]],
      [[1], 2],
      [[[1], [2]], [[3]]],
      [[], [1]],
      [[1], []],
    ])
      expect(() => tensor(ragged)).toThrow("tensor() needs nested arrays of equal lengths");
    expect(() => tensor([1, 2, 3], { shape: [2, 2] })).toThrow(
      "tensor() is given 3 numbers for the shape [2,2]",
    );
  });
});

describe("reading", () => {
  it("gives a copy of the numbers", async () => {
    const t = tensor([1, 2]);
    (await t.data())[0] = 9;
    expect(await t.data()).toEqual(Float32Array.of(1, 2));
  });

  it("gives a single number only where there is one", async () => {
    await expect(zeros(2).item()).rejects.toThrow("item() needs a tensor of one element, not shape [2]");
  });

  it("tells extents by axis", () => {
    const t = zeros(2, 3, 4);
    expect([t.size(), t.size(1), t.size(-1)]).toEqual([[2, 3, 4], 3, 4]);
    expect(() => t.size(3)).toThrow("axis 3 is out of range for a tensor of 3 dimensions");
  });
});

describe("filled tensors", () => {
  it("hold one number throughout", async () => {
    expect(await zeros(2, 2).array()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(await ones([3]).array()).toEqual([1, 1, 1]);
    expect(await full([2], 0.5).array()).toEqual([0.5, 0.5]);
    expect(zeros().shape).toEqual([]);
  });
});

describe("arange", () => {
  it("counts from 0, or from a start, by a step", async () => {
    expect(await arange(3).array()).toEqual([0, 1, 2]);
    expect(await arange(1, 4).array()).toEqual([1, 2, 3]);
    expect(await arange(1, 2, 0.25).array()).toEqual([1, 1.25, 1.5, 1.75]);
    expect(await arange(3, 0, -2).array()).toEqual([3, 1]);
    expect(() => arange(2, 1)).toThrow("arange cannot come from 2 to 1 in steps of 1");
    expect(() => arange(0, 1, 0)).toThrow("in steps of 0");
  });
});

describe("shapes of results", () => {
  const x = zeros(2, 3, 4);

  it("are known before anything is computed", () => {
    expect(x.view(-1, 4).shape).toEqual([6, 4]);
    expect(x.flatten(1).shape).toEqual([2, 12]);
    expect(x.unsqueeze(0).shape).toEqual([1, 2, 3, 4]);
    expect(x.unsqueeze(-1).squeeze().shape).toEqual([2, 3, 4]);
    expect(x.sum(1, true).shape).toEqual([2, 1, 4]);
    expect(x.mean().shape).toEqual([]);
    expect(x.add(zeros(3, 1)).shape).toEqual([2, 3, 4]);
    expect(x.matmul(zeros(4, 5)).shape).toEqual([2, 3, 5]);
  });

  it("are refused with both shapes in the message", () => {
    expect(() => x.view(5, 5)).toThrow("cannot view [2,3,4] (24 elements) as [5,5]");
    expect(() => x.add(zeros(2))).toThrow("add cannot combine shapes [2,3,4] and [2]");
  });
});

describe("options", () => {
  it("come last, behind a shape in either form", async () => {
    const x = randn(3, 5, { requiresGrad: true });
    expect([x.shape, x.requiresGrad]).toEqual([[3, 5], true]);
    expect(rand([2], { requiresGrad: true }).requiresGrad).toBe(true);
    expect(await zeros(2, { dtype: "int32" }).format()).toBe("tensor([0, 0], dtype=torch.int32)");
    expect(await full([2], 7, { dtype: "int32" }).array()).toEqual([7, 7]);
    expect(tensor([1], { requiresGrad: true }).requiresGrad).toBe(true);
  });

  it("leave impossible shapes an error", () => {
    expect(() => zeros(2, -1)).toThrow("zeros needs a shape of whole numbers, not [2,-1]");
    expect(() => randn([1.5])).toThrow("randn needs a shape of whole numbers, not [1.5]");
  });
});

describe("dtypes", () => {
  const known = "knows the dtypes bool, int32, float32, not";

  it.each(["int64", "float64", 3])("refuse %s and list those that there are", (dtype) => {
    const options = { dtype: dtype as never };
    expect(() => tensor([1], options)).toThrow(`tensor() ${known} ${dtype}`);
    expect(() => zeros(2, options)).toThrow(`zeros() ${known} ${dtype}`);
    expect(() => full([2], 1, options)).toThrow(`full() ${known} ${dtype}`);
  });

  it("of ranges are float32 by default", async () => {
    expect(await arange(3, { dtype: "int32" }).format()).toBe("tensor([0, 1, 2], dtype=torch.int32)");
    expect(await arange(1, 8, 3, { dtype: "int32", requiresGrad: false }).array()).toEqual([1, 4, 7]);
    expect(() => arange(0, 1, 0.3, { dtype: "int32" })).toThrow("needs a whole start and step");
    expect(() => arange({ dtype: "int32" } as never)).toThrow("arange takes up to three finite numbers");
  });
});
