/** Compares results with exact arithmetic, within the bounds that float32 explains. */

import { expect } from "vitest";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph } from "../../src/ir/types.ts";
import { errorBounds } from "./error-bounds.ts";
import { LARGEST_INPUT } from "./random-graph.ts";

/** The allowed difference between exact arithmetic and float32, by output; infinite if nothing is known. */
function tolerances(graph: Graph, winograd: boolean): ReadonlyMap<string, number> {
  const bounds = errorBounds(graph, { size: LARGEST_INPUT, unit: 1, error: 0 }, winograd);
  return new Map(
    graph.outputs.map(({ name, value }) => {
      const { size, error } = bounds.get(value)!;
      // Beyond these sizes float32 has few digits left, or overflows: there is nothing to compare.
      return [name, size > 1e6 || error > 1 ? Number.POSITIVE_INFINITY : 4 * error];
    }),
  );
}

/**
 * Expects every output of `graph` to be close; returns how many could be compared. `precision` is a factor on the
 * tolerance: 1 for float32, less for double; `winograd` says whether convolutions may be computed by Winograd's method.
 */
export function closeness(
  graph: Graph,
  actual: Readonly<Record<string, ArrayLike<number>>>,
  expected: Readonly<Record<string, ArrayLike<number>>>,
  { precision = 1, winograd = false }: { readonly precision?: number; readonly winograd?: boolean } = {},
): number {
  let compared = 0;
  for (const [name, bound] of tolerances(graph, winograd)) {
    if (bound === Number.POSITIVE_INFINITY) continue;
    const tolerance = bound * precision;
    compared++;
    expect(actual[name].length).toBe(expected[name].length);
    for (let i = 0; i < expected[name].length; i++) {
      const difference = Math.abs(actual[name][i] - expected[name][i]);
      if (difference <= tolerance) continue;
      throw new Error(
        `${name}[${i}] is ${actual[name][i]}, not ${expected[name][i]} within ${tolerance}\n${printGraph(graph)}`,
      );
    }
  }
  return compared;
}
