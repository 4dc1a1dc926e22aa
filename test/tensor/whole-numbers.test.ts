/** Arithmetic, bits and remainders of int32 tensors on every backend, against numbers that PyTorch gives. */

import { describe, expect, test } from "vitest";
import { compile, nn, type Tensor, tensor } from "../../src/index.ts";

const LARGE = 2 ** 31 - 1;
const A = [7, -7, 7, -7, 0, LARGE, -(2 ** 31), 123456789];
const B = [3, 3, -3, -3, 5, LARGE, -1, 987];
const whole = (values: readonly number[]): Tensor => tensor([...values], { dtype: "int32" });

/** `torch.<name>(A, B)` of int32 tensors. */
const CASES: Readonly<Record<string, readonly [(a: Tensor, b: Tensor) => Tensor, readonly number[]]>> = {
  add: [(a, b) => a.add(b), [10, -4, 4, -10, 5, -2, LARGE, 123457776]],
  "the sign of a sum": [(a, b) => a.add(b).lt(0).int(), [0, 1, 0, 1, 0, 1, 0, 0]],
  "a sum as floats": [(a, b) => a.add(b).float().int(), [10, -4, 4, -10, 5, -2, LARGE, 123457776]],
  sub: [(a, b) => a.sub(b), [4, -10, 10, -4, -5, 0, -LARGE, 123455802]],
  mul: [(a, b) => a.mul(b), [21, -21, -21, 21, 0, 1, -(2 ** 31), 1592766455]],
  rsub: [(a) => a.rsub(1), [-6, 8, -6, 8, 1, -2147483646, -LARGE, -123456788]],
  neg: [(a) => a.neg(), [-7, 7, -7, 7, 0, -LARGE, -(2 ** 31), -123456789]],
  abs: [(a) => a.abs(), [7, 7, 7, 7, 0, LARGE, -(2 ** 31), 123456789]],
  sign: [(a) => a.sign(), [1, -1, 1, -1, 0, 1, -1, 1]],
  square: [(a) => a.square(), [49, 49, 49, 49, 0, 1, 0, -1757895751]],
  maximum: [(a, b) => a.maximum(b), [7, 3, 7, -3, 5, LARGE, -1, 123456789]],
  minimum: [(a, b) => a.minimum(b), [3, -7, -3, -7, 0, LARGE, -(2 ** 31), 987]],
  fmod: [(a, b) => a.fmod(b), [1, -1, 1, -1, 0, 0, 0, 855]],
  remainder: [(a, b) => a.remainder(b), [1, 2, -2, -1, 0, 0, 0, 855]],
  // The first divisor of -2³¹ that has a quotient.
  "div trunc": [
    (a, b) => a.div(b.minimum(-2), { roundingMode: "trunc" }),
    [-3, 3, -2, 2, 0, -1073741823, 1073741824, -61728394],
  ],
  "div floor": [
    (a, b) => a.div(b.minimum(-2), { roundingMode: "floor" }),
    [-4, 3, -3, 2, 0, -1073741824, 1073741824, -61728395],
  ],
  "floorDivide by 0": [(a) => a.floorDivide(0), [0, 0, 0, 0, 0, 0, 0, 0]],
  "floor and round": [(a) => a.floor().round().ceil().trunc(), A],
  bitwiseAnd: [(a, b) => a.bitwiseAnd(b), [3, 1, 5, -7, 0, LARGE, -(2 ** 31), 273]],
  bitwiseOr: [(a, b) => a.bitwiseOr(b), [7, -5, -1, -3, 5, LARGE, -1, 123457503]],
  bitwiseXor: [(a, b) => a.bitwiseXor(b), [4, -6, -6, 4, 5, 0, LARGE, 123457230]],
  bitwiseNot: [(a) => a.bitwiseNot(), [-8, 6, -8, 6, -1, -(2 ** 31), LARGE, -123456790]],
  "left shift": [(a) => a.bitwiseLeftShift(5), [224, -224, 224, -224, 0, -32, 0, -344350048]],
  "right shift": [(a) => a.bitwiseRightShift(2), [1, -2, 1, -2, 0, 536870911, -536870912, 30864197]],
  "right shift by the other": [
    (a, b) => a.bitwiseRightShift(b.abs().remainder(40)),
    [0, -1, 0, -1, 0, 16777215, -1073741824, 0],
  ],
};

class Net extends nn.Module {
  constructor(private readonly f: (a: Tensor, b: Tensor) => Tensor) {
    super();
  }
  forward(a: Tensor, b: Tensor): Tensor {
    return this.f(a, b);
  }
}

describe.each(Object.entries(CASES))("%s", (_name, [f, expected]) => {
  test("interactively", async () => {
    expect(await f(whole(A), whole(B)).array()).toEqual(expected);
  });
  test.each(["interpret", "js", "wasm"])("on %s", async (backend) => {
    const program = await compile(new Net(f), { inputs: [whole(A), whole(B)], backend } as never);
    expect(await ((await program.run(whole(A), whole(B))) as Tensor).array()).toEqual(expected);
  });
});

test("gpujs, which counts in floats, says which result it cannot hold", async () => {
  const net = new Net((a, b) => a.mul(b));
  const program = await compile(net, { inputs: [whole([2]), whole([3])], backend: "gpujs:cpu" } as never);
  expect(await ((await program.run(whole([-1000]), whole([3]))) as Tensor).array()).toEqual([-3000]);
  await expect(
    program.run(whole([16000]), whole([16000])).then((t) => (t as Tensor).array()),
  ).rejects.toThrow(/holds a whole number beyond 16777216/);
});

test("a quotient of whole numbers is float32, and mixed dtypes meet in the wider", async () => {
  expect(await whole([7]).div(2).array()).toEqual([3.5]);
  expect(await whole([7]).mul(0.5).array()).toEqual([3.5]);
  expect(
    await whole([7])
      .add(tensor([0.5]))
      .array(),
  ).toEqual([7.5]);
  expect(
    whole([7])
      .gt(2)
      .add(whole([1])).dtype,
  ).toBe("int32");
});

test("truths combine by logic, and bits of floats are an error", async () => {
  const [a, b] = [tensor([1, 1, 0, 0], { dtype: "bool" }), tensor([1, 0, 1, 0], { dtype: "bool" })];
  expect(await a.bitwiseXor(b).int().array()).toEqual([0, 1, 1, 0]);
  expect(await a.logicalAnd(b).logicalNot().int().array()).toEqual([0, 1, 1, 1]);
  expect(() => tensor([1.5]).bitwiseAnd(1)).toThrow(
    "bitwiseAnd works on the bits of int32 tensors or on bool ones, not of float32[1]",
  );
});
