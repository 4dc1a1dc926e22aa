/**
 * Dot products in lanes: a sum whose innermost axis is contiguous in memory is split into one partial sum for each
 * lane, added up in a fixed order at the end. It needs no packing, so it is useful if a packed
 * panel would be used only once or twice: small batches, and sums over images.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { visitExpr } from "../../../src/loop/walk.ts";
import { dependsOn, type Reduce } from "../analysis/contraction.ts";
import { coordinatesOf } from "../analysis/coordinates.ts";
import { onlySum } from "../analysis/dot.ts";
import { joinAxes } from "../analysis/join-loops.ts";
import { type GridLoop, nestsOf } from "../analysis/nest.ts";
import { type Footprint, iterationCost, MULTIPLY_ADD, memoryCost, type TiledLoop } from "./cost.ts";
import type { Candidate, Strategy } from "./strategy.ts";

const NAME = "dot";

/** Sizes tried along each side of the block of sums. */
const SIZES = [2, 3, 4, 6, 8];

/** Fewer iterations in lanes do not pay for adding up the lanes. */
const LEAST_ITERATIONS = 2;

/** How many blocks are priced including memory traffic. */
const OFFERED = 8;

export const dot: Strategy = {
  name: NAME,
  doc: "Sums a contiguous axis in lanes, without packing; the lanes are added in a fixed order at the end.",
  candidates(kernel, machine) {
    const [nest, ...others] = nestsOf(kernel);
    const sum = machine.vectorWidth > 1 && others.length === 0 ? onlySum(nest) : undefined;
    return sum === undefined ? [] : candidatesOf(nest.loops, joinAxes(sum), machine);
  },
};

/** A block of sums: the number of iterations of each named loop. */
type Block = ReadonlyMap<string, number>;

function candidatesOf(loops: readonly GridLoop[], sum: Reduce, machine: Machine): Candidate[] {
  const { vectorWidth: width, registers, costs } = machine;
  const inner = sum.axes[sum.axes.length - 1];
  const iterations = Math.floor(inner.extent / width);
  if (iterations < LEAST_ITERATIONS) return [];
  const { loads, operations } = partsOf(sum.body);
  const outer = sum.axes.slice(0, -1).reduce((n, axis) => n * axis.extent, 1);
  const drafts = blocksAlong(loops).flatMap((block) => {
    const copiesOf = (e: Expr): number =>
      [...block].reduce((n, [loop, size]) => (dependsOn(e, loop) ? n * size : n), 1);
    const sums = [...block.values()].reduce((n, size) => n * size, 1);
    const loaded = loads.reduce((n, e) => n + copiesOf(e), 0);
    if (sums + loaded > registers) return [];
    const iteration = iterationCost(machine, (sums * operations) / 2, loaded, 0) + costs.tile.manyStreams;
    const rest = (inner.extent % width) * sums * costs.tile.scalarStep;
    const each = outer * (iterations * iteration + rest) + sums * costs.tile.addLanes + costs.tile.start;
    const tiled = loops.map(({ name, extent }): TiledLoop => {
      const size = block.get(name) ?? 1;
      return { name, iterations: Math.ceil(extent / size), size };
    });
    return [{ block, tiled, cost: tiled.reduce((n, loop) => n * loop.iterations, 1) * each }];
  });
  const extents = new Map([...loops, ...sum.axes].map((l) => [l.name, l.extent]));
  const axes = sum.axes.map(({ name, extent }) => ({ name, iterations: extent, size: 1 }));
  const footprints = loads.map(
    (e): Footprint => ({ coordinates: coordinatesOf(e, extents, new Set()), packed: false }),
  );
  return drafts
    .sort((a, b) => a.cost - b.cost)
    .slice(0, OFFERED)
    .flatMap(({ block, tiled, cost }) =>
      ordersOf(tiled).map((order) => ({
        strategy: NAME,
        get schedule() {
          return scheduleOf(order, block, inner.name, width);
        },
        cost: MULTIPLY_ADD * (cost + memoryCost(machine, [...order, ...axes], new Map(), footprints)),
      })),
    );
}

/** Blocks along none, one or both of the two innermost loops. */
function blocksAlong(loops: readonly GridLoop[]): Block[] {
  const [ofInner = [], ofOuter = []] = loops
    .slice(-2)
    .reverse()
    .map(({ name, extent }) => SIZES.filter((size) => size <= extent).map((size) => [name, size] as const));
  const both = ofOuter.flatMap((outer) => ofInner.map((inner) => [outer, inner]));
  return [[], ...ofInner.map((side) => [side]), ...ofOuter.map((side) => [side]), ...both].map(
    (sides) => new Map(sides),
  );
}

/** Loops as they were lowered, and with the innermost one outermost. */
const ordersOf = (loops: readonly TiledLoop[]): (readonly TiledLoop[])[] =>
  loops.length < 2 ? [loops] : [loops, [...loops.slice(-1), ...loops.slice(0, -1)]];

/** The schedule, step by step. */
const scheduleOf = (loops: readonly TiledLoop[], block: Block, axis: string, lanes: number): Schedule => [
  { kind: "fuse-sum" },
  ...(loops.length > 1 ? [{ kind: "reorder", loops: loops.map(({ name }) => name) } as const] : []),
  ...[...block].map(([loop, by]): Step => ({ kind: "unroll", loop, by })),
  { kind: "vectorize", loop: axis, vectors: 1, lanes, tail: "peeled" },
];

/** The different loads of one iteration, and its float operations, including the addition to the sum. */
function partsOf(body: Expr): { readonly loads: readonly Expr[]; readonly operations: number } {
  const loads: Expr[] = [];
  let operations = 1;
  visitExpr(new Interner().intern(body), (e) => {
    if (e.kind === "load") loads.push(e);
    if (e.kind === "binary" || e.kind === "unary" || e.kind === "select")
      operations += isFloat(e.dtype) ? 1 : 0;
  });
  return { loads, operations };
}
