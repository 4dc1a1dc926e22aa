/**
 * Sorting by counting: the position of an element is the number of those that come before it. Each element is compared
 * with all others along its axis, n² comparisons for n elements; in return every element is computed by itself, on
 * every backend, and equal elements keep their order.
 */

import { isFloat } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { and, binary, cast, compare, float, reduce, select, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, BOOLEAN } from "./declaration.ts";
import { describe, f32, number, type OpDef, withIndex } from "./definition.ts";
import { at, generate, sumOver } from "./ndarray.ts";

/** Up to here float32 counts exactly. */
const MOST_ELEMENTS = 2 ** 24;

/** Whether `a` comes before `b` regardless of their positions; among floats NaN is the largest. */
function comesFirst(a: Expr, b: Expr, descending: boolean, mayBeNaN: boolean): Expr {
  const [small, large] = descending ? [b, a] : [a, b];
  const isSmaller = compare("lt", small, large);
  if (!mayBeNaN) return isSmaller;
  return binary("or", isSmaller, and(unary("isnan", large), unary("not", unary("isnan", small))));
}

/** The same in numbers. */
function precedes(a: number, b: number, descending: boolean): boolean {
  const [small, large] = descending ? [b, a] : [a, b];
  return small < large || (Number.isNaN(large) && !Number.isNaN(small));
}

const sortRank: OpDef = {
  name: "sort_rank",
  range: (_ranges, [x], attrs) => [0, Math.max(0, x.shape[number(attrs, "axis")] - 1)],
  doc: "The position of each element along `axis` after sorting, int32: the number of smaller elements (larger ones with `descending`) plus that of equal ones before it. NaN counts as the largest (torch.sort, stable).",
  arity: 1,
  attributes: { axis: AXIS, descending: BOOLEAN },
  pattern: "contraction",
  compares: [0],
  infer([x], attrs) {
    if (x.shape[number(attrs, "axis")] > MOST_ELEMENTS)
      throw new KilnError(`sort_rank counts up to 2^24 elements, and not those of ${describe(x)}`);
    return { dtype: "int32", shape: x.shape };
  },
  vjp: () => [undefined],
  backward: { name: "SortBackward" },
  lower([x], _output, attrs) {
    const axis = number(attrs, "axis");
    const descending = attrs.descending === true;
    const mayBeNaN = isFloat(x.type.dtype);
    return (indices) => {
      const own = x.at(indices);
      const before = reduce("sum", [{ name: "j", extent: x.type.shape[axis] }], ([j]) => {
        const other = x.at(withIndex(indices, axis, j));
        // An earlier one comes first unless this one must; a later one only if it must itself.
        const isEarlier = compare("lt", j, indices[axis]);
        const counts = select(
          isEarlier,
          unary("not", comesFirst(own, other, descending, mayBeNaN)),
          comesFirst(other, own, descending, mayBeNaN),
        );
        return select(counts, float(1), float(0));
      });
      return cast(before, "int32");
    };
  },
  reference([x], output, attrs) {
    const axis = number(attrs, "axis");
    const descending = attrs.descending === true;
    return generate(output.shape, (index) =>
      sumOver([x.shape[axis]], ([j]) => {
        const [own, other] = [at(x, index), at(x, withIndex(index, axis, j))];
        const isFirst =
          j < index[axis] ? !precedes(own, other, descending) : precedes(other, own, descending);
        return isFirst ? 1 : 0;
      }),
    );
  },
  samples: () => [
    { inputs: [f32(9)], attrs: { axis: 0, descending: false } },
    { inputs: [{ ...f32(3, 7), below: 4 }], attrs: { axis: 1, descending: true } },
    { inputs: [{ ...f32(2, 5, 3), below: 3 }], attrs: { axis: 1, descending: false } },
    { inputs: [{ dtype: "int32", shape: [8], below: 5 }], attrs: { axis: 0, descending: true } },
    { inputs: [{ dtype: "bool", shape: [2, 4], below: 2 }], attrs: { axis: 1, descending: false } },
    { inputs: [f32(1)], attrs: { axis: 0, descending: false } },
    { inputs: [f32(0, 3)], attrs: { axis: 0, descending: false } },
    { inputs: [f32(2, 0)], attrs: { axis: 1, descending: true } },
  ],
};

export const ORDER = { sort_rank: sortRank };
