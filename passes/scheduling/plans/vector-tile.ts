/**
 * Vector tiles: one loop of a contraction is cut into lanes that run together, and a block of such vectors is
 * accumulated in registers. A factor that the lanes move by single steps is loaded as vectors, one that they do not
 * move is splatted, and every other one is packed first so that it is one of the two.
 */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { BLOCK } from "../../../src/loop/sum-blocks.ts";
import { type Contraction, contractionOf, dependsOn } from "../analysis/contraction.ts";
import type { Coordinate, Extents } from "../analysis/coordinates.ts";
import { type Lanes, tileCount, tileWidth, vectorCount } from "../analysis/lanes.ts";
import { type PanelPlan, planPanel } from "../transforms/panel.ts";
import { arrange, isBatchLike } from "./axis-order.ts";
import { Factor } from "./factor.ts";
import type { Candidate, Strategy } from "./strategy.ts";
import { TileBlocks } from "./tile-blocks.ts";
import { type Footprint, MULTIPLY_ADD, memoryCost, type TiledLoop } from "./vector-cost.ts";
import { isOneSum, scheduleOf, type TilePlan } from "./vector-plan.ts";

/** How many tiles are priced with the memory's share, for each way to cut lanes; and how many are offered. */
const SHORT_LIST = 4;
const OFFERED = 10;

export const vectorTile: Strategy = {
  name: "vector-tile",
  doc: "Accumulates blocks of vectors whose lanes are neighbours along one loop; packs factors that do not lie so.",
  candidates(kernel, capabilities, facts) {
    if (capabilities.vectorWidth === 1) return [];
    const contraction = contractionOf(kernel);
    if (contraction === undefined || !isOneSum(contraction)) return [];
    return new Search(contraction, capabilities).candidates(facts?.wantsCheapest ?? false);
  },
};

interface Draft {
  readonly plan: Omit<TilePlan, "order" | "axes">;
  readonly loops: readonly TiledLoop[];
  readonly cost: number;
}

class Search {
  private readonly contraction: Contraction;
  private readonly capabilities: Capabilities;
  private readonly extents: Extents;
  private readonly factors: readonly Factor[];
  private readonly blocks: TileBlocks;

  constructor(contraction: Contraction, capabilities: Capabilities) {
    this.contraction = contraction;
    this.capabilities = capabilities;
    const { nest, window, core } = contraction;
    this.extents = new Map([...nest.loops, ...window, ...core.axes].map((l) => [l.name, l.extent]));
    this.factors = [contraction.left, contraction.right].map((factor) => new Factor(factor, this.extents));
    this.blocks = new TileBlocks(contraction, capabilities, this.extents);
  }

  /** The cheapest first; where it alone is wanted, drafts are left out that cost as much before memory is reckoned. */
  candidates(wantsCheapest: boolean): Candidate[] {
    const drafts = this.contraction.nest.loops.flatMap(({ name }) => this.draftsAlong(name));
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

  /** The axis that may run outside of the tiles: the images of a batch, unless their sums would be too many for one. */
  private get splits(): string[] {
    const [first, ...others] = this.contraction.core.axes;
    if (first.extent > BLOCK) return [];
    const factors = this.factors.map((factor) => ({ natural: factor.coordinates() }));
    return others.length > 0 && isBatchLike(first.name, factors) ? [first.name] : [];
  }

  /** Partial sums are read and written in every iteration of a split axis. */
  private get sumsFootprint(): Footprint {
    const coordinates = this.contraction.nest.loops.map(
      ({ name, extent }): Coordinate => ({
        terms: [{ name, coefficient: 1 }],
        low: 0,
        extent,
        step: 1,
      }),
    );
    return { coordinates, packed: true };
  }

  /** Tiles with lanes along `loop`, the sums finished in registers or left to an epilogue. */
  private draftsAlong(loop: string): Draft[] {
    const { nest, window, kernel } = this.contraction;
    const extent = this.extents.get(loop) ?? 1;
    const { vectorWidth: width } = this.capabilities;
    const isWhole = extent % width === 0;
    const updates = kernel.buffers.some((b) => b.access === "readwrite");
    const rows = [undefined, ...nest.loops.map((l) => l.name).filter((name) => name !== loop)];
    const blocks = rows.flatMap((row) => this.blocks.blocksOf(loop, row));
    const drafts: Draft[] = [];
    for (const padded of [false, true]) {
      if (!padded && !isWhole && (extent < width || updates)) continue;
      if (padded && (window.length > 0 || extent < 2)) continue;
      const splits = [undefined, ...(padded ? this.splits : [])];
      const costs = this.blocks.costsOf(loop, blocks, padded);
      const offered = blocks
        .map((block, k) => ({ block, cost: costs[k] }))
        .sort((a, b) => a.cost - b.cost)
        .slice(0, SHORT_LIST);
      for (const { block, cost } of offered) {
        const lanes: Lanes = { loop, extent, width, vectors: block.vectors, padded };
        for (const packs of this.packings(lanes)) {
          for (const split of splits) {
            if (padded && isWhole && split === undefined) continue;
            drafts.push(this.draft(lanes, block, packs, split, cost));
          }
        }
      }
    }
    return drafts;
  }

  /** The ways in which both factors can be brought into the form that the lanes want. */
  private packings(lanes: Lanes): (PanelPlan | undefined)[][] {
    const [a, b] = this.factors.map((factor) => this.packingsOf(factor, lanes));
    return a.flatMap((left) => b.map((right) => [left, right]));
  }

  /** `undefined` stands for the factor as it is. */
  private packingsOf(factor: Factor, lanes: Lanes): (PanelPlan | undefined)[] {
    const { expr } = factor;
    const packed = factor.isPackable ? [planPanel(expr, factor.coordinates(lanes.loop), lanes)] : [];
    const together = factor.isPackable ? [planPanel(expr, factor.coordinates())] : [];
    if (!dependsOn(expr, lanes.loop)) {
      if (expr.kind !== "load") return together;
      return this.contraction.core.axes.length > 1 ? [undefined, ...together] : [undefined];
    }
    if (lanes.padded && lanes.extent % lanes.width !== 0) return packed;
    if (expr.kind === "load") return factor.isVectorAlong(lanes.loop) ? [undefined, ...packed] : packed;
    const isVector = together.some(({ coordinates }) =>
      coordinates.at(-1)?.terms.some((t) => t.name === lanes.loop && t.coefficient === 1),
    );
    return isVector ? [...together, ...packed] : packed;
  }

  private draft(
    lanes: Lanes,
    block: { row: string | undefined; size: number },
    packs: readonly (PanelPlan | undefined)[],
    split: string | undefined,
    compute: number,
  ): Draft {
    const { contraction } = this;
    const { costs } = this.capabilities;
    const copies = packs.reduce(
      (sum, plan, k) => sum + (plan === undefined ? 0 : this.factors[k].packingCost(plan, this.capabilities)),
      0,
    );
    const iterationsOf = (name: string): number => this.extents.get(name) ?? 1;
    const outputs = contraction.nest.loops.reduce((n, l) => n * l.extent, 1);
    const repeats = split === undefined ? 0 : iterationsOf(split) - 1;
    const sums =
      (outputs / lanes.extent) *
      vectorCount(lanes) *
      MULTIPLY_ADD *
      (costs.tile.partialSums + costs.tile.start / 8);
    const epilogue = lanes.padded ? outputs * costs.copy.single : 0;
    const loops = contraction.nest.loops.map(({ name, extent }): TiledLoop => {
      if (name === lanes.loop) return { name, iterations: tileCount(lanes), size: tileWidth(lanes) };
      if (name === block.row) return { name, iterations: Math.ceil(extent / block.size), size: block.size };
      return { name, iterations: extent, size: 1 };
    });
    return {
      plan: {
        contraction,
        lanes,
        packs,
        ...(block.row !== undefined && { row: { loop: block.row, size: block.size } }),
        ...(split !== undefined && { split }),
      },
      loops,
      cost: compute + copies + epilogue + repeats * sums,
    };
  }

  /** What it costs that the innermost loop is short and starts often. */
  private runStarts({ lanes, row }: Draft["plan"], run: number): number {
    const { nest, core } = this.contraction;
    const iterations = core.axes.reduce((n, axis) => n * axis.extent, 1);
    const outputs = nest.loops.reduce((n, l) => n * l.extent, 1);
    const tiles = (outputs / lanes.extent / (row?.size ?? 1)) * tileCount(lanes);
    return MULTIPLY_ADD * this.capabilities.costs.tile.runStart * tiles * (iterations / run);
  }

  /** The draft with its axes in order, and with its loops in every order that may suit the caches. */
  private settled({ plan, loops, cost }: Draft): Candidate[] {
    const { window } = this.contraction;
    const { lanes, row, split, packs } = plan;
    const { plans, axes, run } = arrange(
      this.contraction.core.axes,
      this.factors.map((factor, k) => ({
        expr: factor.expr,
        plan: packs[k],
        natural: factor.coordinates(),
        isSplat: !dependsOn(factor.expr, lanes.loop),
      })),
    );
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
    const find = (name: string): TiledLoop[] => loops.filter((l) => l.name === name);
    const vectors = find(lanes.loop);
    const rows = row === undefined ? [] : find(row.loop);
    const others = loops.filter((l) => l.name !== lanes.loop && l.name !== row?.loop);
    const apart = split === undefined ? [] : [axis(split)];
    const orders = [
      [...vectors, ...apart, ...others, ...rows],
      [...vectors, ...apart, ...rows, ...others],
      [...apart, ...others, ...vectors, ...rows],
      [...apart, ...others, ...rows, ...vectors],
      [...apart, ...others.slice(0, 1), ...vectors, ...others.slice(1), ...rows],
    ];
    const fixed = cost + this.runStarts(plan, run);
    const distinct = new Map(orders.map((order) => [order.map(({ name }) => name).join(" "), order]));
    return [...distinct.values()].map((order): Candidate => {
      const chosen: TilePlan = { ...plan, packs: plans, axes, order: order.map(({ name }) => name) };
      return {
        strategy: "vector-tile",
        get schedule() {
          return scheduleOf(chosen);
        },
        cost: fixed + MULTIPLY_ADD * memoryCost(this.capabilities, [...order, ...inner], unrolled, factors),
      };
    });
  }
}
