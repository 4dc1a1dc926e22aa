/** Triangles, diagonals, repetition and parts: what PyTorch's fixtures do not show: views, errors, and what is never stored. */

import {
  compile,
  diag,
  diagEmbed,
  F,
  hstack,
  movedim,
  ones,
  roll,
  type Tensor,
  tensor,
  tril,
  zeros,
} from "kiln-js";
import { describe, expect, it } from "vitest";
import { FunctionModule } from "../support/function-module.ts";

const grid = (): Tensor =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

describe("triangles and diagonals", () => {
  it("choose elements, so that what is left out may be infinite, and keep the dtype", async () => {
    const x = tensor([
      [1, Number.POSITIVE_INFINITY],
      [2, Number.NaN],
    ]);
    expect(await tril(x, -1).array()).toEqual([
      [0, 0],
      [2, 0],
    ]);
    const whole = tensor([[1, 2]], { dtype: "int32" });
    expect([whole.triu(1).dtype, await whole.triu(1).array()]).toEqual(["int32", [[0, 2]]]);
    expect(
      await tensor([true, false] as never, { dtype: "bool" })
        .diag()
        .array(),
    ).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });

  it("are written through, where diagonal shows them, and copied by diag", async () => {
    const x = grid();
    x.diagonal(1).mul_(10);
    x.diagonal(-1, 1, 0).add_(1);
    diag(x).zero_();
    expect(await x.array()).toEqual([
      [1, 21, 3],
      [4, 5, 61],
    ]);
  });

  it("cost no kernel and no memory for their masks", async () => {
    const causal = new FunctionModule((x) => F.softmax(x.exp().tril().add(1), 1));
    const program = await compile(causal, { inputs: [[8, 8]], backend: "js" });
    const plain = await compile(new FunctionModule((x) => F.softmax(x.exp().add(1), 1)), {
      inputs: [[8, 8]],
      backend: "js",
    });
    const kernels = ({ compilation }: typeof program) => compilation.kernels.length;
    expect(kernels(program)).toBe(kernels(plain));
  });

  it("say what they need", () => {
    expect(() => tril(ones(3))).toThrow("tril needs a tensor of matrices, not float32[3]");
    expect(() => ones(3, 3).triu(0.5)).toThrow("triu needs a whole number of diagonals, not 0.5");
    expect(() => ones(3).diagonal()).toThrow("diagonal needs a tensor of matrices");
    expect(() => ones(3, 3).diagonal(0, 1, -1)).toThrow("diagonal needs two different axes, not 1 and -1");
    expect(() => ones(2, 3, 3).diag()).toThrow("diag needs a list or a matrix, not float32[2,3,3]");
    expect(() => diagEmbed(tensor(1))).toThrow("diagEmbed needs a tensor with an axis");
  });
});

describe("repetition", () => {
  it("of nothing, or no times, is nothing", async () => {
    expect(zeros(0, 2).repeat(3, 2).shape).toEqual([0, 4]);
    expect(grid().repeat(0, 1).shape).toEqual([0, 3]);
    expect(grid().repeatInterleave([0, 0], 0).shape).toEqual([0, 3]);
    expect(zeros(0).roll(3).shape).toEqual([0]);
    expect(await tensor(5).repeat(2).array()).toEqual([5, 5]);
  });

  it("shares no memory with what it repeats", async () => {
    const x = grid();
    for (const copy of [
      x.repeat(1, 1),
      x.roll(0),
      x.roll(3, 1),
      x.rot90(4),
      x.tile(1),
      x.repeatInterleave(1, 0),
    ])
      copy.zero_();
    expect(await x.array()).toEqual(await grid().array());
  });

  it("says what it needs", () => {
    expect(() => grid().repeat(2)).toThrow("repeat needs a number for every axis of float32[2,3], not [2]");
    expect(() => grid().tile(-1)).toThrow("tile needs a whole number of repetitions per axis");
    const counts = tensor([1, 2], { dtype: "int32" });
    expect(() => grid().repeatInterleave(counts as never, 0)).toThrow(
      "it decides on the shape of the result, so that it cannot be a tensor",
    );
    expect(() => grid().repeatInterleave([1, 2, 3], 0)).toThrow("a list of 2 numbers");
    expect(() => roll(grid(), [1, 2])).toThrow("roll needs dims to go with the shifts [1,2]");
    expect(() => roll(grid(), 1, [0, 1])).toThrow("roll needs one shift per axis");
    expect(() => grid().rot90(1, [0, 0])).toThrow("rot90 needs two axes");
    expect(() => movedim(grid(), [0, 1], 0)).toThrow("movedim needs as many different places as axes");
  });
});

describe("parts", () => {
  it("say what they need", () => {
    expect(() => ones(3).vsplit(3)).toThrow("vsplit needs a tensor of at least 2 axes, not float32[3]");
    expect(() => ones(3).hsplit(2)).toThrow("hsplit cannot cut axis 0 of float32[3] into 2 equal parts");
    expect(() => ones(3).tensorSplit(0)).toThrow("tensorSplit needs a positive number of parts, not 0");
    expect(() => ones(3).tensorSplit("2" as never)).toThrow('not the string "2"');
    expect(() => ones(3).unfold(0, 4, 1)).toThrow(
      "unfold needs windows of at most the 3 elements along axis 0, not of 4",
    );
    expect(() => ones(3).unfold(0, 2, 0)).toThrow("unfold needs a positive step, not 0");
    expect(() => hstack(ones(3) as never)).toThrow("hstack takes one list of tensors: write hstack([a, b])");
  });
});
