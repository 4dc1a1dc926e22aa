/**
 * Copies that fill panels: in lanes along the axis in which the source is contiguous, and without a guard: zeros by
 * whole vectors, then the part inside the guards without a test.
 */

import { addAffine, toAffine } from "../../../src/loop/affine.ts";
import { add, float, int, mul, variable } from "../../../src/loop/build.ts";
import type { Schedule } from "../../../src/loop/schedule.ts";
import type { Expr, Kernel } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { conjuncts, substitute } from "../../../src/loop/walk.ts";
import { laneIn, laneLoop } from "../analysis/lanes.ts";
import { type GridLoop, isContiguous, type Nest, nestsOf, type StoreTarget } from "../analysis/nest.ts";
import { isComputedInLanes } from "../analysis/values-in-lanes.ts";

/** How often an element may be copied, on average, for lanes to pay. */
const MOST_REPEATED = 1.4;

/** Elements of a row that is longer than a cache line, so that storing along it pays. */
const LONG_ROW = 32;

/** Whether an extent fills vectors well enough that the last one may do some elements twice. */
export const fills = (extent: number, width: number): boolean =>
  extent >= width && Math.ceil(extent / width) * width <= MOST_REPEATED * extent;

/** The schedule of a copy; one without a pattern is left unchanged. */
export function copySchedule(kernel: Kernel, width: number): Schedule {
  if (width === 1) return [];
  const [nest] = nestsOf(kernel);
  const interior = interiorOf(nest) ?? nest;
  const [{ value, index }] = interior.stores;
  const axis = interior.loops.find(
    ({ name, extent }) => fills(extent, width) && isComputedInLanes(value, name),
  );
  if (axis === undefined) return [];
  const others = interior.loops.filter((l) => l !== axis);
  const order = [...others, axis].map(({ name }) => name);
  // Long rows of a transposed copy are stored along themselves, four at a time: lanes along a row of the source
  // would touch a line of the copy for each of its columns, for a single element.
  const row = others.find(({ name, extent }) => extent >= LONG_ROW && isContiguous(index, name));
  return [
    ...(interior === nest ? [] : [{ kind: "clear", lanes: width } as const]),
    ...(interior.loops.at(-1) === axis ? [] : [{ kind: "reorder", loops: order } as const]),
    { kind: "vectorize", loop: axis.name, vectors: 1, lanes: width, tail: "shifted" },
    ...(row === undefined
      ? []
      : [
          {
            kind: "reorder",
            loops: [...others.filter((l) => l !== row), axis, row].map(({ name }) => name),
          } as const,
        ]),
  ];
}

/** The nests that clear what a dense copy fills, and the copy inside its guards. */
export function cleared(nest: Nest, lanes: number): readonly Nest[] {
  const interior = interiorOf(nest);
  if (interior === undefined) return [nest];
  const [{ buffer }] = nest.stores;
  // The copy is dense: it has as many elements as its loops have iterations.
  const length = nest.loops.reduce((n, l) => n * l.extent, 1);
  return [...zeros(buffer, length, lanes), interior];
}

/** The part of a guarded copy that its guards let through; all of one without guards. */
export function interiorOf(nest: Nest): Nest | undefined {
  const [{ buffer, index, value }] = nest.stores;
  if (value.kind === "load") return nest;
  if (value.kind !== "select" || value.a.kind !== "load" || value.b.kind !== "const" || value.b.value !== 0)
    return undefined;
  const bounds = new Map(nest.loops.map((l) => [l.name, { low: 0, high: l.extent - 1 }]));
  for (const test of conjuncts(value.condition)) {
    const range = rangeOf(test);
    const known = range && bounds.get(range.name);
    if (range === undefined || known === undefined) return undefined;
    bounds.set(range.name, { low: Math.max(known.low, range.low), high: Math.min(known.high, range.high) });
  }
  const shifts = new Map([...bounds].map(([name, { low }]) => [name, add(variable(name), int(low))]));
  const loops = [...bounds].map(([name, { low, high }]) => ({ name, extent: high - low + 1 }));
  if (loops.some(({ extent }) => extent <= 0)) return undefined;
  const store: StoreTarget = {
    buffer,
    index: substitute(index, shifts),
    value: substitute(value.a, shifts),
  };
  return { ...nest, loops, stores: [store] };
}

/** The range that a comparison gives the one loop it compares with a constant. */
function rangeOf(test: Expr): { name: string; low: number; high: number } | undefined {
  if (test.kind !== "compare" || !isIndex(test.a)) return undefined;
  const { constant, terms } = addAffine(toAffine(test.a), toAffine(test.b), -1);
  const [only] = terms.values();
  if (terms.size !== 1 || only.atom.kind !== "var" || Math.abs(only.coefficient) !== 1) return undefined;
  // Integers: `e < 0` is `e <= -1`, and `e > 0` is `e >= 1`.
  const isUpper = test.op === "lt" || test.op === "le";
  if (!isUpper && test.op !== "ge" && test.op !== "gt") return undefined;
  const strict = test.op === "lt" ? -1 : test.op === "gt" ? 1 : 0;
  const bound = only.coefficient * (strict - constant);
  const { name } = only.atom;
  return isUpper === only.coefficient > 0
    ? { name, low: Number.NEGATIVE_INFINITY, high: bound }
    : { name, low: bound, high: Number.POSITIVE_INFINITY };
}

/** Clears a whole buffer. */
export function zeros(buffer: string, length: number, width: number): Nest[] {
  const whole = Math.floor(length / width);
  const nest = (loops: GridLoop[], index: Expr): Nest => ({
    name: "zeros",
    loops,
    stores: [{ buffer, index, value: float(0) }],
  });
  const cell = add(mul(variable("cell"), int(width)), laneIn(width));
  const rest = length % width;
  return [
    ...(whole === 0 ? [] : [nest([{ name: "cell", extent: whole }, ...laneLoop(width)], cell)]),
    ...(rest === 0
      ? []
      : [nest([{ name: "cell", extent: rest }], add(variable("cell"), int(whole * width)))]),
  ];
}
