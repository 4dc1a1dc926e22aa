/**
 * Dot products in lanes: a sum whose innermost axis lies contiguous in memory is split into one partial sum for each
 * lane, added up in a fixed order at the end. It needs no packing, so that it serves where a packed
 * panel would be used once or twice only: small batches, and sums over images.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { visitExpr } from "../../../src/loop/walk.ts";
import { dependsOn, type Reduce } from "../analysis/contraction.ts";
import { coordinatesOf, type Extents } from "../analysis/coordinates.ts";
import { onlySum } from "../analysis/dot.ts";
import { type GridLoop, type Nest, nestsOf } from "../analysis/nest.ts";
import type { Tile } from "../transforms/unroll.ts";
import { type Footprint, iterationCost, MULTIPLY_ADD, memoryCost, type TiledLoop } from "./cost.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** Sizes tried along each side of the block of sums. */
const SIZES = [1, 2, 3, 4, 6, 8];

/** Fewer iterations in lanes do not pay for adding the lanes up. */
const LEAST_ITERATIONS = 2;

/** How many blocks are priced with the memory's share. */
const OFFERED = 8;

export const vectorDot: Strategy = {
  name: "vector-dot",
  doc: "Sums a contiguous axis in lanes, without packing; the lanes are added in a fixed order at the end.",
  candidates(kernel, capabilities) {
    if (capabilities.vectorWidth === 1) return [];
    const nests = nestsOf(kernel);
    if (nests.length !== 1) return [];
    const sum = onlySum(nests[0]);
    return sum === undefined ? [] : blocksOf(nests[0], sum.joined, capabilities);
  },
};

/** A block of sums, its loops in order, and the sum that lanes share. */
interface DotPlan {
  readonly loops: readonly GridLoop[];
  readonly sum: Reduce;
  readonly tiles: readonly Tile[];
  readonly width: number;
}

/** What the plan does, step by step. */
function scheduleOf({ loops, sum, tiles, width }: DotPlan): Schedule {
  const inner = sum.axes[sum.axes.length - 1];
  return [
    { kind: "fuse-sum" },
    ...(loops.length > 1 ? [{ kind: "reorder", loops: loops.map(({ name }) => name) } as const] : []),
    ...tiles.map(({ loop, size }): Step => ({ kind: "unroll", loop, by: size })),
    { kind: "vectorize", loop: inner.name, vectors: 1, lanes: width, tail: "peeled" },
  ];
}

function blocksOf(nest: Nest, joined: Reduce, machine: Capabilities): Candidate[] {
  const { vectorWidth: width, registers, costs } = machine;
  const inner = joined.axes[joined.axes.length - 1];
  const iterations = Math.floor(inner.extent / width);
  if (iterations < LEAST_ITERATIONS) return [];
  const loads = loadsIn(joined.body);
  const sides = [undefined, ...nest.loops.slice(-2).reverse()];
  const extents: Extents = new Map([...nest.loops, ...joined.axes].map((l) => [l.name, l.extent]));
  const outer = joined.axes.slice(0, -1).reduce((n, axis) => n * axis.extent, 1);
  const operations = Math.max(1, countOperations(joined.body)) / 2;
  const drafts: { plan: DotPlan; cost: number }[] = [];
  for (const [a, b] of pairsOf(sides)) {
    for (const sizeA of sizesOf(a)) {
      for (const sizeB of sizesOf(b)) {
        const tiles = [
          ...(a === undefined ? [] : [{ loop: a.name, size: sizeA }]),
          ...(b === undefined ? [] : [{ loop: b.name, size: sizeB }]),
        ];
        const copies = (e: Expr): number =>
          tiles.reduce((n, { loop, size }) => (dependsOn(e, loop) ? n * size : n), 1);
        const sums = sizeA * sizeB;
        const loaded = loads.reduce((n, e) => n + copies(e), 0);
        if (sums + loaded > registers) continue;
        const iteration = iterationCost(machine, sums * operations, loaded, 0) + costs.tile.manyStreams;
        const rest = (inner.extent % width) * sums * costs.tile.scalarStep;
        const tile = outer * (iterations * iteration + rest) + sums * costs.tile.addLanes + costs.tile.start;
        const count = nest.loops.reduce((n, { name, extent }) => {
          const size = tiles.find((t) => t.loop === name)?.size ?? 1;
          return n * Math.ceil(extent / size);
        }, 1);
        drafts.push({ plan: { loops: nest.loops, sum: joined, tiles, width }, cost: count * tile });
      }
    }
  }
  const footprints = loads.map(
    (e): Footprint => ({ coordinates: coordinatesOf(e, extents, new Set()), packed: false }),
  );
  return drafts
    .sort((x, y) => x.cost - y.cost)
    .slice(0, OFFERED)
    .flatMap(({ plan, cost }) => orderedCandidates(machine, plan, cost, footprints));
}

/** The plan with its loops in either order. */
function orderedCandidates(
  machine: Capabilities,
  plan: DotPlan,
  cost: number,
  footprints: readonly Footprint[],
): Candidate[] {
  const axes = plan.sum.axes.map(({ name, extent }) => ({ name, iterations: extent, size: 1 }));
  const tiled = ({ name, extent }: GridLoop): TiledLoop => {
    const size = plan.tiles.find((t) => t.loop === name)?.size ?? 1;
    return { name, iterations: Math.ceil(extent / size), size };
  };
  const { loops } = plan;
  const orders = loops.length < 2 ? [loops] : [loops, [...loops.slice(-1), ...loops.slice(0, -1)]];
  return orders.map((order): Candidate => {
    const ordered: DotPlan = { ...plan, loops: order };
    return {
      strategy: "vector-dot",
      get schedule() {
        return scheduleOf(ordered);
      },
      cost:
        MULTIPLY_ADD * (cost + memoryCost(machine, [...order.map(tiled), ...axes], new Map(), footprints)),
    };
  });
}

/** Sides of the block: none, each loop alone, and both loops. */
function pairsOf(
  sides: readonly (GridLoop | undefined)[],
): (readonly [GridLoop | undefined, GridLoop | undefined])[] {
  const [none, inner, outer] = sides;
  return [
    [none, none],
    ...(inner === undefined ? [] : [[inner, none] as const]),
    ...(outer === undefined ? [] : [[outer, none] as const, [outer, inner] as const]),
  ];
}

const sizesOf = (loop: GridLoop | undefined): readonly number[] =>
  loop === undefined ? [1] : SIZES.filter((size) => size > 1 && size <= loop.extent);

function loadsIn(body: Expr): Expr[] {
  const interner = new Interner();
  const loads: Expr[] = [];
  visitExpr(interner.intern(body), (e) => {
    if (e.kind === "load") loads.push(e);
  });
  return loads;
}

/** Float operations of one iteration, the sum's own addition among them. */
function countOperations(body: Expr): number {
  let count = 1;
  visitExpr(body, (e) => {
    if (e.kind === "binary" || e.kind === "unary" || e.kind === "select") count += isFloat(e.dtype) ? 1 : 0;
  });
  return count;
}
