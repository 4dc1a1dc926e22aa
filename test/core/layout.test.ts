/** Physical layouts: numbers go from row-major order to any order of axes and back. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isLayout,
  isRowMajor,
  physicalShape,
  physicalStrides,
  toLogical,
  toPhysical,
} from "../../src/core/layout.ts";
import { sizeOf } from "../../src/core/shape.ts";

const counting = (length: number): Float32Array => Float32Array.from({ length }, (_, k) => k);

const shapeAndLayout = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 5 })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      layout: fc.shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length },
      ),
    }),
  );

describe("rearranging", () => {
  test("a weight with its channels innermost", () => {
    // [out 2, in 2, rows 1, columns 2]: channels become neighbours.
    const data = Float32Array.of(0, 1, 10, 11, 100, 101, 110, 111);
    const physical = toPhysical(data, "float32", [2, 2, 1, 2], [0, 2, 3, 1]);
    expect([...physical]).toEqual([0, 10, 1, 11, 100, 110, 101, 111]);
    expect(toLogical(physical, "float32", [2, 2, 1, 2], [0, 2, 3, 1])).toEqual(data);
  });

  test("there and back gives the same numbers, and strides lead to each", () => {
    fc.assert(
      fc.property(shapeAndLayout, ({ shape, layout }) => {
        const data = counting(sizeOf(shape));
        const physical = toPhysical(data, "float32", shape, layout);
        expect(toLogical(physical, "float32", shape, layout)).toEqual(data);
        const strides = physicalStrides(shape, layout);
        data.forEach((value, position) => {
          let rest = position;
          let place = 0;
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            place += (rest % shape[axis]) * strides[axis];
            rest = Math.floor(rest / shape[axis]);
          }
          expect(physical[place]).toBe(value);
        });
        expect(isRowMajor(shape, layout)).toBe(
          physical.every((value, k) => value === k) || isUnmoved(physical),
        );
      }),
      { seed: 1 },
    );
  });

  test("doubles, integers and bytes stay what they are", () => {
    expect(toPhysical(Float64Array.of(1 / 3, 2), "float32", [1, 2], [1, 0])).toEqual(
      Float64Array.of(1 / 3, 2),
    );
    expect(toPhysical(Int32Array.of(1, 2, 3, 4), "int32", [2, 2], [1, 0])).toEqual(Int32Array.of(1, 3, 2, 4));
    expect(toLogical(Uint8Array.of(1, 3, 2, 4), "bool", [2, 2], [1, 0])).toEqual(Uint8Array.of(1, 2, 3, 4));
  });
});

const isUnmoved = (data: ArrayLike<number>): boolean => data.length <= 1;

test("a layout names every axis once", () => {
  expect(isLayout([0, 2, 3, 1], 4)).toBe(true);
  expect(isLayout([], 0)).toBe(true);
  expect(isLayout([0, 0], 2)).toBe(false);
  expect(isLayout([0, 2], 2)).toBe(false);
  expect(isLayout([0], 2)).toBe(false);
  expect(physicalShape([6, 3, 5, 4], [0, 2, 3, 1])).toEqual([6, 5, 4, 3]);
});
