/** Functions of single elements, and those in place, give what the methods give. */

import { expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import * as functions from "../../src/tensor/pointwise-functions.ts";

const values = [0.25, 0.5, 0.75];

test.each(Object.entries(functions))("%s", async (name, f) => {
  const isWhole = name.startsWith("bitwise");
  const x = isWhole ? tensor([1, 2, 5], { dtype: "int32" }) : tensor(values);
  const other = isWhole ? 3 : 0.6;
  const method = (x as unknown as Record<string, (...given: unknown[]) => typeof x>)[name].bind(x);
  const [own, given] =
    f.length === 1 ? [method(), (f as typeof functions.sin)(x)] : [method(other), f(x, other)];
  expect(await given.array()).toEqual(await own.array());
  expect(() => (f as (x: unknown, y: unknown) => unknown)([1], 2)).toThrow(`${name} is given`);
});

test("in place", async () => {
  const x = tensor(values);
  x.lerp_(tensor([1, 1, 1]), 0.5)
    .addcmul_(x, x, { value: 2 })
    .floor_();
  expect(await x.array()).toEqual([1, 1, 2]);
  expect(await tensor([5, -5]).remainder_(3).array()).toEqual([2, 1]);
});
