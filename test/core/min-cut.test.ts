/** Minimum vertex cuts: against all subsets of small random graphs, and the ties that matter. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { VertexCut } from "../../src/core/min-cut.ts";

interface Network {
  readonly prices: readonly number[];
  readonly edges: readonly (readonly [from: number, to: number])[];
  readonly sources: readonly number[];
  readonly sinks: readonly number[];
}

function cut({ prices, edges, sources, sinks }: Network): readonly number[] {
  const cutter = new VertexCut();
  for (const price of prices) cutter.vertex(price);
  for (const [from, to] of edges) cutter.edge(from, to);
  for (const vertex of sources) cutter.source(vertex);
  for (const vertex of sinks) cutter.sink(vertex);
  return cutter.cheapest();
}

/** Whether some path of vertices that are not `removed` leads from a source to a sink. */
function isConnected({ edges, sources, sinks }: Network, removed: (vertex: number) => boolean): boolean {
  const reached = new Set(sources.filter((vertex) => !removed(vertex)));
  for (const vertex of reached) {
    for (const [from, to] of edges) if (from === vertex && !removed(to)) reached.add(to);
  }
  return sinks.some((vertex) => reached.has(vertex));
}

const SIZE = 7;
const vertex = fc.nat({ max: SIZE - 1 });
const network: fc.Arbitrary<Network> = fc.record({
  prices: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: SIZE, maxLength: SIZE }),
  // As in a graph of operations, edges lead forward.
  edges: fc
    .array(fc.tuple(vertex, vertex), { maxLength: 16 })
    .map((pairs) =>
      pairs.filter(([a, b]) => a !== b).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
    ),
  sources: fc.uniqueArray(vertex, { maxLength: 3 }),
  sinks: fc.uniqueArray(vertex, { maxLength: 3 }),
});

test("no set of vertices that separates sources from sinks is cheaper", () => {
  fc.assert(
    fc.property(network, (net) => {
      const price = (vertices: readonly number[]): number =>
        vertices.reduce((sum, v) => sum + net.prices[v], 0);
      const found = cut(net);
      expect(isConnected(net, (v) => found.includes(v))).toBe(false);
      for (let set = 0; set < 1 << SIZE; set++) {
        if (isConnected(net, (v) => (set & (1 << v)) !== 0)) continue;
        const others = Array.from({ length: SIZE }, (_, v) => v).filter((v) => (set & (1 << v)) !== 0);
        expect(price(found)).toBeLessThanOrEqual(price(others));
      }
    }),
    { numRuns: 200 },
  );
});

test("of equally cheap cuts the one nearest to the sinks is taken", () => {
  const chain = {
    edges: [
      [0, 1],
      [1, 2],
    ],
    sources: [0],
    sinks: [2],
  } as const;
  expect(cut({ ...chain, prices: [2, 2, 2] })).toEqual([2]);
  expect(cut({ ...chain, prices: [2, 1, 2] })).toEqual([1]);
});
