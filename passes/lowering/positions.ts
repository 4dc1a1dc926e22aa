/** The memory positions of stored values' elements: the one place in which indices become an index into a buffer. */

import { type Layout, physicalShape, rowMajor, sameLayout } from "../../src/core/layout.ts";
import { type Shape, sameShape, stridesOf } from "../../src/core/shape.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { dot } from "../../src/loop/build.ts";
import type { Expr } from "../../src/loop/types.ts";
import { unravel } from "../../src/ops/shape.ts";
import { baseOf } from "./commit.ts";

export class Positions {
  private readonly layouts: ReadonlyMap<Value, Layout>;

  constructor({ layouts = [] }: Graph) {
    this.layouts = new Map(layouts.map(({ value, layout }) => [value, layout]));
  }

  /** The layout that was chosen for a stored value, if it is not row-major. */
  chosen(value: Value): Layout | undefined {
    return this.layouts.get(value);
  }

  /** The layout of a stored value in memory. */
  layoutOf(value: Value): Layout {
    return this.layouts.get(value) ?? rowMajor(value.type.shape.length);
  }

  /**
   * Whether one loop through memory meets the elements of `value` in the order in which `layout` has those of `shape`.
   */
  liesIn(value: Value, shape: Shape, layout: Layout): boolean {
    const base = baseOf(value);
    const own = this.layouts.get(base);
    if (own === undefined) return sameLayout(layout, rowMajor(shape.length));
    return sameShape(base.type.shape, shape) && sameLayout(own, layout);
  }

  /**
   * The position of an element in the buffer that holds `value`. Its indices may be those of another `shape`, as in a
   * view: both have the same elements in row-major order.
   */
  at(value: Value, indices: readonly Expr[], shape: Shape = value.type.shape): Expr {
    const base = baseOf(value);
    const layout = this.layouts.get(base);
    if (layout === undefined) return dot(indices, stridesOf(shape));
    const own = sameShape(base.type.shape, shape)
      ? indices
      : unravel(dot(indices, stridesOf(shape)), base.type.shape);
    return dot(
      layout.map((axis) => own[axis]),
      stridesOf(physicalShape(base.type.shape, layout)),
    );
  }
}

/** The indices of the element at position `linear` of a value of `layout`. */
export function indicesAt(linear: Expr, shape: Shape, layout: Layout): Expr[] {
  const inMemory = unravel(linear, physicalShape(shape, layout));
  const indices = new Array<Expr>(shape.length);
  layout.forEach((axis, k) => {
    indices[axis] = inMemory[k];
  });
  return indices;
}
