/** What may be given to the functions of tensors, by position or by name, and what each says of anything else. */

import { describe, expect, it, test } from "vitest";
import {
  arange,
  F,
  KilnError,
  ones,
  rand,
  randint,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "../../src/index.ts";

const x = tensor([
  [1, 2, 3],
  [4, 5, 7],
]);

describe("keepdim", () => {
  const reductions = [
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "any",
    "all",
    "logsumexp",
    "argmax",
    "argmin",
  ] as const;

  it.each(reductions)("of %s comes by position or by name", (name) => {
    const reduce = (keepdim: unknown) => x[name](1, keepdim as boolean).shape;
    expect([reduce(true), reduce({ keepdim: true }), reduce({}), reduce(undefined)]).toEqual([
      [2, 1],
      [2, 1],
      [2],
      [2],
    ]);
    expect(() => reduce({ keepDim: true })).toThrow(`${name} has no option keepDim (did you mean keepdim?)`);
    expect(() => reduce({ keepdim: 1 })).toThrow(`${name}'s keepdim must be true or false, not the number 1`);
    expect(() => reduce("yes")).toThrow(`${name} takes its options as an object, not the string "yes"`);
  });

  it("of max, min and norm", () => {
    expect(x.max(1, { keepdim: true }).indices.shape).toEqual([2, 1]);
    expect(x.min(1, true).values.shape).toEqual([2, 1]);
    expect(x.norm(2, 1, { keepdim: true }).shape).toEqual([2, 1]);
  });

  it("and dim are what they are", () => {
    expect(() => x.sum({ keepdim: true } as never)).toThrow("dim must be a whole number or a list of them");
    expect(() => x.softmax("1" as never)).toThrow('dim must be a whole number, not the string "1"');
    expect(() => x.sum(2)).toThrow("axis 2 is out of range");
  });
});

describe("options that PyTorch has", () => {
  it("work", async () => {
    // torch.tensor([[1,2,3],[4,5,7.]]).std(1, unbiased=False), .var(1)
    const std = await x.std(1, { unbiased: false }).data();
    expect([...std].map((v) => v.toFixed(4))).toEqual(["0.8165", "1.2472"]);
    expect(await x.var(1, { unbiased: true }).array()).toEqual(await x.var(1).array());
    expect(await ones(2).add(ones(2), { alpha: 2 }).array()).toEqual([3, 3]);
    expect(await ones(2).sub(3, { alpha: 2 }).array()).toEqual([-5, -5]);
    expect(await ones(2).add_(1, { alpha: 4 }).array()).toEqual([5, 5]);
    expect(randn(2, { dtype: "float32" }).dtype).toBe("float32");
    expect(arange(3, { dtype: "int32" }).dtype).toBe("int32");
    expect(await x.T.array()).toEqual([
      [1, 4],
      [2, 5],
      [3, 7],
    ]);
  });

  test.each([
    [
      "backward",
      () =>
        ones(1, { requiresGrad: true })
          .sum()
          .backward({ create_graph: true } as never),
      "create_graph",
    ],
    [
      "backward",
      () =>
        ones(1, { requiresGrad: true })
          .sum()
          .backward(undefined, { retain: true } as never),
      "retain",
    ],
    ["std", () => x.std(1, { ddof: 0 } as never), "ddof"],
    ["add", () => x.add(x, { beta: 1 } as never), "beta"],
    ["tensor()", () => tensor([1], { type: "int32" } as never), "type"],
    ["zeros", () => zeros(2, { device: "cpu" } as never), "device"],
    ["rand", () => rand(2, { generator: 1 } as never), "generator"],
    ["arange", () => arange(3, { step: 1 } as never), "step"],
  ])("of %s are refused where there are none such", (callee, call, option) => {
    expect(call).toThrow(`${callee} has no option ${option}`);
  });

  it("that contradict each other are refused", () => {
    expect(() => x.std(1, { unbiased: true, correction: 0 })).toThrow("either correction or unbiased");
    expect(() => randn(2, { dtype: "int32" })).toThrow("randn draws float32 numbers, not int32");
  });

  it("of randint are a shape in a list", () => {
    for (const call of [() => randint(10, 3 as never), () => (randint as (n: number) => Tensor)(10)])
      expect(call).toThrow("randint takes randint(high, shape) or randint(low, high, shape)");
  });
});

describe("what JavaScript lets nobody define", () => {
  it("says what to write", () => {
    for (const call of [
      () => (x as never as Tensor[])[0],
      () => (x as never as Tensor[])[9],
      () => (x as never as Record<string, unknown>)["-1"],
      () => {
        (x as never as number[])[1] = 3;
      },
    ])
      expect(call).toThrow(KilnError);
    expect(() => (x as never as Tensor[])[2]).toThrow("write x.index(2) for a part");
    expect(() => zeros(1, 2, 3).T).toThrow("permute and transpose those of float32[1,2,3]");
  });
});

describe("every method names itself", () => {
  const int32 = tensor([1, 2], { dtype: "int32" });
  const methods = [
    ...(["mean", "var", "std", "norm"] as const),
    ...(["rsqrt", "reciprocal", "exp", "log", "sqrt", "tanh", "sigmoid", "relu"] as const),
  ];

  it.each(methods)("%s of whole numbers", (name) => {
    const call = (): unknown => (int32[name] as () => Tensor).call(int32);
    expect(call).toThrow(`${name} expects float32 tensors but got int32[2]; use .float()`);
  });

  it.each(["softmax", "logSoftmax", "logcumsumexp", "logsumexp"] as const)("%s of whole numbers", (name) => {
    expect(() => int32[name](0)).toThrow(`${name} expects float32 tensors but got int32[2]`);
  });
});

describe("single numbers", () => {
  it("have an axis where PyTorch gives them one", async () => {
    const s = tensor(3, { requiresGrad: true });
    const results = [
      s.softmax(0),
      s.softmax(-1),
      s.logSoftmax(-1),
      s.cumsum(0),
      s.flip(0),
      s.sum(-1),
      s.amax(0, true),
      s.logsumexp(0),
      s.std(0, { unbiased: false }),
      s.prod(-1),
      s.max(0).values,
      F.softmax(s, 0),
      s.gather(0, tensor(0, { dtype: "int32" })),
    ];
    expect(results.map(({ shape }) => shape)).toEqual(results.map(() => []));
    expect(await Promise.all(results.map((r) => r.item()))).toEqual([1, 1, 0, 3, 3, 3, 3, 3, 0, 3, 3, 1, 3]);
    s.softmax(0).add(s.logSoftmax(-1)).add(s.cumsum(0)).backward();
    expect(await s.grad!.item()).toBe(1);
  });

  it("and none where it does not", () => {
    const s = tensor(3);
    for (const [name, call] of Object.entries({
      size: () => s.size(0),
      select: () => s.select(0, 0),
      narrow: () => s.narrow(0, 0, 1),
      slice: () => s.slice(0),
      split: () => s.split(1),
      chunk: () => s.chunk(1),
    }))
      expect(call, name).toThrow(`${name} needs a tensor with an axis, not a single number`);
    expect(() => s.sum(1)).toThrow("axis 1 is out of range");
  });
});

describe("what there is not", () => {
  const truths = tensor([1, 0], { dtype: "bool" });

  it("int64 is int32", () => {
    expect(() => x.long()).toThrow("long() asks for int64, and whole numbers are int32 here: use .int()");
    expect(() => x.to("int64" as never)).toThrow("not int64: whole numbers are int32 here");
    expect(() => zeros(2, { dtype: "float64" as never })).toThrow("numbers with a fraction are float32 here");
  });

  it("differences, powers and largest places of truths", () => {
    for (const call of [() => truths.sub(truths), () => truths.sub(1), () => truths.rsub(1)])
      expect(call).toThrow("does not subtract bool tensors: use logicalXor or logicalNot");
    expect(() => truths.neg()).toThrow("neg expects float32 tensors but got bool[2]");
    expect(() => truths.pow(truths)).toThrow("pow does not take two bool tensors");
    expect(() => truths.argmax()).toThrow("argmax does not take bool tensors: use .int()");
    expect(() => truths.int().pow(-1)).toThrow("cannot raise whole numbers to the power -1");
  });
});
