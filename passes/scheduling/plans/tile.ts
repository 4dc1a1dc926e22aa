/**
 * Tiles: a block of outputs is accumulated at once, so that each load serves a row or a column of the block. One side
 * of the block runs along a loop in vectors (of one lane, in scalar code), the other along a second loop; a pooling
 * window around the sum is part of it. A factor that is contiguous along the lanes is loaded as vectors, one that does
 * not depend on them is splatted, and every other one is packed first so that it becomes one of the two; packed factors
 * need no guards.
 */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import { BLOCK } from "../../../src/loop/sum-blocks.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import { outermost } from "../../../src/loop/walk.ts";
import { type Contraction, dependsOn, extentsOf, isOneSum } from "../analysis/contraction.ts";
import type { Coordinate, Extents } from "../analysis/coordinates.ts";
import { flatContractionOf } from "../analysis/flat-contraction.ts";
import { type Lanes, splitOf, tileCount, tileWidth, vectorCount } from "../analysis/lanes.ts";
import { iterationsOf } from "../analysis/nest.ts";
import { cacheStep, type PanelPlan, planPanel } from "../transforms/panel.ts";
import { arrange, formOf, isBatchLike } from "./axis-order.ts";
import { type Block, blocksOf, loadsOf } from "./block.ts";
import {
  type Footprint,
  iterationCost,
  MULTIPLY_ADD,
  memoryCost,
  remainders,
  type TiledLoop,
} from "./cost.ts";
import { Factor } from "./factor.ts";
import { farLoads, farStores } from "./far-memory.ts";
import { finishCost, isPicked } from "./lane-steps.ts";
import type { Candidate, ProgramFacts, Strategy } from "./strategy.ts";

const NAME = "tile";

/** How many blocks are priced including memory traffic, for each way to cut lanes; and how many tiles are offered. */
const SHORT_LIST = 4;
const OFFERED = 24;

export const tile: Strategy = {
  name: NAME,
  doc: "Accumulates blocks of outputs, in vectors if there are lanes; packs factors that are not laid out as lanes need them.",
  candidates(kernel, machine, facts) {
    const contraction = flatContractionOf(kernel);
    if (contraction === undefined) return [];
    const isJoined = contraction.kernel !== kernel;
    const found = (of: Capabilities): readonly Candidate[] =>
      new Search(contraction, isJoined, of, facts?.repeated).candidates(facts?.wantsCheapest ?? false);
    const inLanes = machine.vectorWidth > 1 && isOneSum(contraction) ? found(machine) : [];
    // If there is little to do, packing for lanes costs more than
    // it gains; otherwise scalar code need not be considered.
    const least = inLanes.reduce(
      (cost, candidate) => Math.min(cost, candidate.cost),
      Number.POSITIVE_INFINITY,
    );
    if (leastScalarCost(contraction) >= least) return inLanes;
    return [...inLanes, ...found({ ...machine, ...machine.scalar, vectorWidth: 1 })];
  },
};

/** The panel of a factor with the coordinate of an axis innermost, if it has others. */
function transposed(plan: PanelPlan, axis: string): PanelPlan[] {
  const isOwn = ({ terms }: Coordinate): boolean => terms.some(({ name }) => name === axis);
  const [own, others] = [true, false].map((is) => plan.coordinates.filter((c) => isOwn(c) === is));
  return own.length === 0 || others.length === 0 ? [] : [{ ...plan, coordinates: [...others, ...own] }];
}

/** A way to cut a contraction, before its loops have an order. */
interface Draft {
  /** With padding, sums go to scratch and an epilogue finishes them. */
  readonly lanes: Lanes;
  readonly block: Block;
  /** How the left and the right factor are packed; `undefined` if one is read in place. */
  readonly packs: readonly (PanelPlan | undefined)[];
  /**
   * The axis of the sum that runs outside of the tiles: partial sums are kept in scratch from iteration to iteration.
   */
  readonly split: string | undefined;
  readonly cost: number;
}

/** The cost of the multiply-adds alone, one by one. */
const leastScalarCost = ({ nest, window, core }: Contraction): number =>
  MULTIPLY_ADD * iterationsOf([...nest.loops, ...window, ...core.axes]);

class Search {
  private readonly contraction: Contraction;
  /** Whether its innermost loops have been joined. */
  private readonly isJoined: boolean;
  private readonly machine: Machine;
  private readonly extents: Extents;
  private readonly factors: readonly Factor[];
  private readonly windowSize: number;
  /** Elements of the result, and iterations of the sum for each of them. */
  private readonly outputs: number;
  private readonly iterations: number;
  /** The number of runs of the kernel per packing of each factor. */
  private readonly runsOfPacks: readonly number[];

  constructor(
    contraction: Contraction,
    isJoined: boolean,
    machine: Machine,
    repeated: ProgramFacts["repeated"],
  ) {
    const { nest, window, core } = contraction;
    this.contraction = contraction;
    this.isJoined = isJoined;
    this.machine = machine;
    this.extents = extentsOf(contraction);
    this.factors = [contraction.left, contraction.right].map((factor) => new Factor(factor, this.extents));
    this.windowSize = iterationsOf(window);
    this.outputs = iterationsOf(nest.loops);
    this.iterations = iterationsOf(core.axes);
    this.runsOfPacks = this.factors.map(({ expr }) => {
      const isNew = (e: Expr): boolean => e.kind === "load" && repeated!.changing.has(e.buffer);
      return repeated === undefined || outermost([expr], isNew).length > 0 ? 1 : repeated.iterations;
    });
  }

  /** The cheapest first; if only that is wanted, drafts that cost as much even without memory traffic are left out. */
  candidates(wantsCheapest: boolean): Candidate[] {
    const drafts = this.contraction.nest.loops.flatMap((_, place) => this.draftsAlong(place));
    drafts.sort((a, b) => a.cost - b.cost);
    const settled: Candidate[] = [];
    let least = Number.POSITIVE_INFINITY;
    for (const draft of drafts.slice(0, OFFERED)) {
      if (wantsCheapest && draft.cost >= least) break;
      const candidates = this.settled(draft);
      least = candidates.reduce((cost, candidate) => Math.min(cost, candidate.cost), least);
      settled.push(...candidates);
    }
    return settled.sort((a, b) => a.cost - b.cost);
  }

  /** Tiles with lanes along a loop, with sums finished in registers or by an epilogue. */
  private draftsAlong(place: number): Draft[] {
    const { nest, window, kernel } = this.contraction;
    const { vectorWidth: width } = this.machine;
    const { name: loop, extent } = nest.loops[place];
    const isWhole = extent % width === 0;
    const updates = kernel.buffers.some((b) => b.access === "readwrite");
    // With single lanes, both orders of two loops are the same.
    const rows = nest.loops.filter((_, k) => (width > 1 ? k !== place : k > place));
    const blocks = [undefined, ...rows].flatMap((row) =>
      blocksOf(this.machine, this.contraction, this.factors, this.extents, loop, row?.name),
    );
    const drafts: Draft[] = [];
    for (const padded of [false, true]) {
      if (!padded && !isWhole && (extent < width || updates)) continue;
      if (padded && (window.length > 0 || extent < 2 || width === 1)) continue;
      const splits = [...(padded && isWhole ? [] : [undefined]), ...(padded ? this.splits : [])];
      for (const guarded of this.guardedSides) {
        const offered = this.priced(loop, blocks, padded, guarded)
          .sort((a, b) => a.cost - b.cost)
          .slice(0, SHORT_LIST);
        for (const { block, cost } of offered) {
          const lanes: Lanes = { loop, extent, width, vectors: block.vectors, padded };
          for (const packs of this.packings(lanes, guarded))
            for (const split of splits) drafts.push(this.draft(lanes, block, packs, split, cost));
        }
      }
    }
    return drafts;
  }

  /**
   * The axis that may run outside of the tiles: the images of a batch, unless one accumulator would take too many sums.
   */
  private get splits(): string[] {
    const [first, ...others] = this.contraction.core.axes;
    if (first.extent > BLOCK) return [];
    return others.length > 0 && isBatchLike(first.name, this.factors) ? [first.name] : [];
  }

  /** Which factors are computed, or evaluate guards, inside the sum: none in lanes, where they are packed. */
  private get guardedSides(): readonly (readonly boolean[])[] {
    const none = [false, false];
    const guarded = this.factors.map(({ expr }) => expr.kind !== "load");
    return this.machine.vectorWidth > 1 || !guarded.includes(true) ? [none] : [guarded, none];
  }

  /** Arithmetic, loads, iterations and stores of all tiles of each block, with remainders priced by their own size. */
  private priced(loop: string, blocks: readonly Block[], padded: boolean, guarded: readonly boolean[]) {
    const { nest } = this.contraction;
    const { stores } = nest;
    const { vectorWidth: width, costs } = this.machine;
    const extent = this.extents.get(loop) ?? 1;
    const total = Math.ceil(extent / width);
    const aligned = padded ? total : Math.floor(extent / width);
    const { partialSums, start } = costs.tile;
    const stored = padded ? stores.length * partialSums : finishCost(this.machine, nest, loop);
    return blocks.map((block) => {
      const { vectors, row, size, sides } = block;
      const each = (v: number, r: number): number => {
        let [inVectors, splats, asking] = [0, 0, 0];
        for (let k = 0; k < sides.length; k++) {
          const loads = loadsOf(sides[k], v, r);
          if (guarded[k]) asking += loads;
          else if (sides[k].inLanes) inVectors += loads;
          else splats += loads;
        }
        const iteration = iterationCost(this.machine, v * r * this.windowSize, inVectors, splats);
        return this.iterations * (iteration + costs.tile.guardedLoad * asking) + v * r * stored + start;
      };
      const rows = row === undefined ? 1 : (this.extents.get(row) ?? 1);
      const inRows = remainders(rows, rows, size);
      let cost = 0;
      for (const [n, v] of remainders(aligned, total, vectors)) {
        let stripe = 0;
        for (const [m, r] of inRows) stripe += n * m * each(v, r);
        cost += stripe;
      }
      return { block, cost: MULTIPLY_ADD * cost * (this.outputs / (extent * rows)) };
    });
  }

  /** The ways in which both factors can be brought into the form that the lanes want. */
  private packings(lanes: Lanes, guarded: readonly boolean[]): (PanelPlan | undefined)[][] {
    const [a, b] = this.factors.map((factor, k) =>
      guarded[k] ? [undefined] : this.packingsOf(factor, lanes),
    );
    return a.flatMap((left) => b.map((right) => [left, right]));
  }

  /** The ways to pack a factor; `undefined` stands for the factor in place. */
  private packingsOf(factor: Factor, lanes: Lanes): (PanelPlan | undefined)[] {
    const { expr } = factor;
    const packed = factor.isPackable ? [planPanel(expr, factor.coordinates(lanes.loop), lanes)] : [];
    const together = factor.isPackable ? [planPanel(expr, factor.coordinates())] : [];
    if (lanes.width === 1) return expr.kind === "load" ? [undefined] : together;
    if (!dependsOn(expr, lanes.loop)) {
      if (expr.kind !== "load") return together;
      const { axes } = this.contraction.core;
      if (axes.length > 1) return [undefined, ...together];
      const [{ name }] = axes;
      if (factor.isVectorAlong(name)) return [undefined];
      return [undefined, ...together.flatMap((plan) => transposed(plan, name))];
    }
    if (lanes.padded && lanes.extent % lanes.width !== 0) return packed;
    if (expr.kind === "load") {
      const isVector = factor.isVectorAlong(lanes.loop) || isPicked(formOf(factor, undefined), lanes.loop);
      return isVector ? [undefined, ...packed] : packed;
    }
    const isVector = together.some(({ coordinates }) =>
      coordinates.at(-1)?.terms.some((t) => t.name === lanes.loop && t.coefficient === 1),
    );
    const isStrided = together.some((plan) => isPicked(formOf(factor, plan), lanes.loop));
    return isVector || isStrided ? [...together, ...packed] : packed;
  }

  /** The number of tiles; partial ones count by their share. */
  private tilesOf(lanes: Lanes, { size }: Block): number {
    return (this.outputs / lanes.extent / size) * tileCount(lanes);
  }

  private draft(
    lanes: Lanes,
    block: Block,
    packs: Draft["packs"],
    split: string | undefined,
    compute: number,
  ) {
    const { tile: costs, copy } = this.machine.costs;
    const copies = packs.reduce(
      (sum, plan, k) =>
        sum + (plan ? this.factors[k].packingCost(plan, this.machine) / this.runsOfPacks[k] : 0),
      0,
    );
    const picked = this.factors.reduce((n, factor, k) => {
      const isInPlace = lanes.width > 1 && block.sides[k].inLanes && packs[k]?.lanes === undefined;
      return isInPlace && isPicked(formOf(factor, packs[k]), lanes.loop)
        ? n + loadsOf(block.sides[k], block.vectors, block.size)
        : n;
    }, 0);
    const picking = MULTIPLY_ADD * costs.pickedLoad * picked * this.tilesOf(lanes, block) * this.iterations;
    const repeats = split === undefined ? 0 : (this.extents.get(split) ?? 1) - 1;
    const vectors = (this.outputs / lanes.extent) * vectorCount(lanes);
    const sums = vectors * MULTIPLY_ADD * (costs.partialSums + costs.start / 8);
    const epilogue = lanes.padded ? this.outputs * copy.single : 0;
    return { lanes, block, packs, split, cost: compute + copies + picking + epilogue + repeats * sums };
  }

  /** The cost of a short innermost loop that starts often. */
  private runStarts({ lanes, block }: Draft, run: number): number {
    const tiles = this.tilesOf(lanes, block);
    return MULTIPLY_ADD * this.machine.costs.tile.runStart * tiles * (this.iterations / run);
  }

  /** The draft with its axes in order, and with its loops in every order that may suit the caches. */
  private settled(draft: Draft): Candidate[] {
    const { lanes, block, split, cost } = draft;
    const { nest, window, core } = this.contraction;
    const { packs, axes, run } = arrange(core.axes, this.factors, draft.packs, lanes.loop);
    const loops = nest.loops.map(({ name, extent }): TiledLoop => {
      if (name === lanes.loop) return { name, iterations: tileCount(lanes), size: tileWidth(lanes) };
      if (name === block.row) return { name, iterations: Math.ceil(extent / block.size), size: block.size };
      return { name, iterations: extent, size: 1 };
    });
    const axis = (name: string): TiledLoop => ({ name, iterations: this.extents.get(name) ?? 1, size: 1 });
    const inner = axes.filter(({ name }) => name !== split).map(({ name }) => axis(name));
    const unrolled = new Map(window.map(({ name, extent }) => [name, extent]));
    const factors = this.factors.map(
      (factor, k): Footprint => ({
        coordinates: factor.coordinates(packs[k]?.lanes && lanes.loop),
        packed: packs[k] !== undefined,
      }),
    );
    if (split !== undefined) factors.push(this.sumsFootprint, this.sumsFootprint);
    const fixed = cost + this.runStarts(draft, run);
    return this.orders(loops, draft, split === undefined ? [] : [axis(split)]).map((order): Candidate => {
      const scheduleOf = () => this.scheduleOf({ ...draft, packs }, axes, order);
      return {
        strategy: NAME,
        get schedule() {
          return scheduleOf();
        },
        cost:
          fixed +
          MULTIPLY_ADD * memoryCost(this.machine, [...order, ...inner], unrolled, factors) +
          this.farCost({ ...draft, packs }, axes, order),
      };
    });
  }

  /** The cost of accessing factors or results that no cache holds page by page. */
  private farCost({ lanes, block, packs }: Draft, axes: readonly ReduceAxis[], order: readonly TiledLoop[]) {
    const { stores } = this.contraction.nest;
    const tiles = this.tilesOf(lanes, block);
    const inPlace = this.factors.filter((_, k) => packs[k] === undefined);
    const loads = farLoads(this.machine, inPlace, axes.at(-1)) * tiles * this.iterations;
    const far = farStores(this.machine, stores, this.outputs, { lanes, size: block.size }, order.at(-1));
    return MULTIPLY_ADD * (loads + far);
  }

  /** Partial sums are read and written in every iteration of a split axis. */
  private get sumsFootprint(): Footprint {
    const coordinates = this.contraction.nest.loops.map(
      ({ name, extent }): Coordinate => ({ terms: [{ name, coefficient: 1 }], low: 0, extent, step: 1 }),
    );
    return { coordinates, packed: true };
  }

  /** The orders of loops that differ in what caches keep, including those of a split axis (`apart`). */
  private orders(loops: readonly TiledLoop[], { lanes, block }: Draft, apart: readonly TiledLoop[]) {
    if (this.machine.memory.caches.length === 0) return [loops];
    const vectors = loops.filter(({ name }) => name === lanes.loop);
    const rows = loops.filter(({ name }) => name === block.row);
    const others = loops.filter(({ name }) => name !== lanes.loop && name !== block.row);
    const orders = [
      [...vectors, ...apart, ...others, ...rows],
      [...vectors, ...apart, ...rows, ...others],
      [...apart, ...others, ...vectors, ...rows],
      [...apart, ...others, ...rows, ...vectors],
      [...apart, ...others.slice(0, 1), ...vectors, ...others.slice(1), ...rows],
    ];
    return [...new Map(orders.map((order) => [order.map(({ name }) => name).join(" "), order])).values()];
  }

  /** The schedule of the draft, step by step; its loops run in this order, and so do the axes of the sum. */
  private scheduleOf(
    { lanes, block: { row, size }, packs, split }: Draft,
    axes: readonly ReduceAxis[],
    order: readonly TiledLoop[],
  ): Schedule {
    const { window, nest } = this.contraction;
    const inside = axes.map(({ name }) => name).filter((name) => name !== split);
    const names = order.map(({ name }) => name);
    const isMoved = lanes.width > 1 ? names.length > 1 : names.some((name, k) => name !== nest.loops[k].name);
    const over = split === undefined ? {} : { over: split };
    const unroll = (loop: string, by: number): Step[] => (by > 1 ? [{ kind: "unroll", loop, by }] : []);
    return [
      ...(this.isJoined ? [{ kind: "flatten" } as const] : []),
      ...packs.flatMap((pack, k) =>
        pack === undefined ? [] : [cacheStep(pack, k === 0 ? "left" : "right")],
      ),
      ...(lanes.padded
        ? [{ kind: "accumulate", loop: lanes.loop, lanes: lanes.width, ...over } as const]
        : []),
      ...(inside.length > 1 ? [{ kind: "reorder-sum", loops: inside } as const] : []),
      { kind: "fuse-sum" },
      ...(window.length > 0 ? [{ kind: "unroll-window" } as const] : []),
      ...(lanes.width > 1
        ? [{ kind: "vectorize", ...splitOf(lanes) } as const]
        : unroll(lanes.loop, lanes.vectors)),
      ...(isMoved ? [{ kind: "reorder", loops: names } as const] : []),
      ...(row === undefined ? [] : unroll(row, size)),
    ];
  }
}
