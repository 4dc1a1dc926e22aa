/** Printed tensors, compared letter by letter with what PyTorch printed. */

import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/compile.ts";
import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { Module } from "../../src/nn/module.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { formatTensor } from "../../src/tensor/format.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

interface Case {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Numbers that JSON lacks are strings. */
  readonly values?: readonly (number | string | boolean)[];
  /** The first element and the step from each to the next. */
  readonly ramp?: readonly [number, number];
  readonly text: string;
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/nn_format.json", import.meta.url), "utf8")) as {
  readonly tensors: readonly Case[];
  readonly parameters: readonly { readonly values: readonly number[]; readonly text: string }[];
};

function dataOf({ dtype, shape, values, ramp }: Case): TypedArray {
  const data = allocate(dtype, sizeOf(shape));
  const [start, step] = ramp ?? [0, 0];
  for (let i = 0; i < data.length; i++) data[i] = values === undefined ? start + step * i : Number(values[i]);
  return data;
}

describe("formatTensor", () => {
  it.each(fixture.tensors)("prints $name as PyTorch does", (sample) => {
    expect(formatTensor(dataOf(sample), sample.shape, sample.dtype)).toBe(sample.text);
  });

  it("puts further suffixes after the dtype, on a new line where they do not fit", () => {
    const data = Int32Array.of(1, 2);
    expect(formatTensor(data, [2], "int32", ["grad_fn=<AddBackward0>"])).toBe(
      "tensor([1, 2], dtype=torch.int32, grad_fn=<AddBackward0>)",
    );
    expect(formatTensor(data, [2], "int32", ["x".repeat(45)])).toBe(
      `tensor([1, 2], dtype=torch.int32,\n       ${"x".repeat(45)})`,
    );
  });
});

describe("Tensor.format", () => {
  it("prints what the tensor holds", async () => {
    expect(await tensor([[1, 2.5]]).format()).toBe("tensor([[1.0000, 2.5000]])");
  });

  it.each(fixture.parameters)("says that a parameter is one", async ({ values, text }) => {
    expect(await new Parameter(tensor(values)).format()).toBe(text);
  });
});

describe("a tensor as text", () => {
  it("is PyTorch's where the numbers are at hand, for String, templates, JSON and console.log", () => {
    const t = tensor([[1, 2.5]]);
    const text = "tensor([[1.0000, 2.5000]])";
    expect([String(t), `${t}`, JSON.parse(JSON.stringify({ t })).t, inspect({ t })]).toEqual([
      text,
      text,
      text,
      `{ t: ${text} }`,
    ]);
    expect(String(new Parameter(tensor([1])))).toBe(
      "Parameter containing:\ntensor([1.], requires_grad=True)",
    );
  });

  it("says shape, dtype and how to read what waits to be computed, and reads it once it was computed", async () => {
    const sum = tensor([1, 2]).add(1);
    expect(String(sum)).toBe(
      "tensor(<not read yet: await t.format() shows the numbers>, size=(2), dtype=torch.float32)",
    );
    await sum.data();
    expect(String(sum)).toBe("tensor([2., 3.])");
  });

  it("says inside of forward that there are no numbers yet", async () => {
    const seen: string[] = [];
    class Net extends Module {
      forward(x: Tensor): Tensor {
        seen.push(`${x}`);
        return x;
      }
    }
    (await compile(new Net(), { inputs: [[2, 3]], backend: "js" })).dispose();
    expect(seen).toEqual([
      "tensor(<traced: forward runs once, on shapes alone>, size=(2, 3), dtype=torch.float32)",
    ]);
  });
});
