/** Whole numbers that no 32-bit float holds: exact where kernels keep them as words, else an error or NaN, never another number. */

import { compile, type Tensor, tensor, where } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../../backends/registry.ts";
import { FunctionModule } from "../../support/function-module.ts";

const NUMBERS = [3, 5000, -70_001, 12_345_678];

/** What `f` gives for whole numbers on a backend. */
async function computed(f: (x: Tensor) => Tensor, backend: BackendName): Promise<number[]> {
  const inputs = [{ shape: [NUMBERS.length], dtype: "int32" as const }];
  const program = await compile(new FunctionModule(f), { inputs, backend });
  return Array.from(await (await program.run(tensor(NUMBERS, { dtype: "int32" }))).data());
}

describe.each(["gpujs:cpu", "gpujs:webasm"] as const)("on %s", (backend) => {
  test.each<[string, (x: Tensor) => Tensor]>([
    ["products of products", (x) => x.mul(x).mul(7919).bitwiseAnd(1023)],
    ["powers, the last bits of which are taken", (x) => x.pow(5).bitwiseAnd(255)],
    ["sums that stay small", (x) => x.bitwiseAnd(4095).add(17).mul(3)],
  ])("%s are exact", async (_name, f) => {
    expect(await computed(f, backend)).toEqual(await computed(f, "js"));
  });

  test.each<[string, (x: Tensor) => Tensor]>([
    ["a product", (x) => x.mul(x)],
    ["a sum", (x) => x.add(x)],
    ["a comparison of products", (x) => x.mul(x).gt(x)],
    ["a truth of a product", (x) => x.mul(x).mul(65536).bool()],
    ["an order of products, which another kernel finds", (x) => x.mul(x).argsort()],
    ["a comparison of sums", (x) => x.add(x).add(x).lt(40_000_000)],
  ])("%s is refused", async (_name, f) => {
    await expect(computed(f, backend)).rejects.toThrow("holds a whole number beyond 16777216");
  });

  test("a float that comes of one is none", async () => {
    const nan = Number.NaN;
    expect(await computed((x) => x.mul(x).float().mul(0.5), backend)).toEqual([4.5, nan, nan, nan]);
    expect(await computed((x) => where(x.add(x).gt(0), 1, 2), backend)).toEqual([1, 1, 2, nan]);
  });
});
