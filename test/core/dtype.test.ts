/** The table of dtypes: what it says of each type fits together, and texts of numbers follow from it. */

import { describe, expect, test } from "vitest";
import { elementOf, isElement } from "../../src/core/conversion.ts";
import {
  allocate,
  arrayName,
  byteSize,
  computedTypes,
  DTYPES,
  dtypeFromShortName,
  isFloat,
  limitsOf,
  PUBLIC_DTYPES,
  roundTo,
  shortName,
  VIEWED,
  viewName,
  viewOf,
} from "../../src/core/dtype.ts";
import { constantText } from "../../src/loop/spelling.ts";

describe.each(DTYPES)("%s", (dtype) => {
  test("has arrays, views and a short name of its own", () => {
    const array = allocate(dtype, 3);
    expect([array.byteLength, array.constructor.name]).toEqual([3 * byteSize(dtype), arrayName(dtype)]);
    expect(viewOf(new ArrayBuffer(16), dtype, 8, 1).byteLength).toBe(byteSize(dtype));
    expect(dtypeFromShortName(shortName(dtype))).toBe(dtype);
    expect(VIEWED.filter((viewed) => viewName(viewed) === viewName(dtype))).toHaveLength(1);
  });

  test("holds its least and its largest number, and refuses what lies beyond", () => {
    for (const limit of limitsOf(dtype)) {
      expect([isElement(limit, dtype), roundTo(limit, dtype), allocate(dtype, 1).fill(limit)[0]]).toEqual([
        true,
        limit,
        limit,
      ]);
      // Twice the least number of an unsigned type is none beyond it.
      const beyond = limit * 2;
      if (beyond === limit || dtype === "bool") continue;
      expect(() => elementOf("full", beyond, dtype, "refused")).toThrow(`a number of the dtype ${dtype}`);
    }
  });

  test("spells numbers so that no other dtype spells one so", () => {
    const others = DTYPES.filter((other) => other !== dtype).map((other) => constantText(1, other));
    expect(others).not.toContain(constantText(1, dtype));
  });
});

test("the compiler computes with the types that the public API has, and with words", () => {
  expect(computedTypes("float", "int", "bool", "word")).toEqual(["float32", "int32", "bool", "uint32"]);
  expect(PUBLIC_DTYPES).toEqual(["bool", "int32", "float32"]);
  expect(DTYPES.filter(isFloat)).toEqual(["float32"]);
});
