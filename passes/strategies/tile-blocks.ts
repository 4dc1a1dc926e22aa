/** The blocks that a vector tile may accumulate at once, and what the arithmetic of each costs. */

import { coefficientOf, toAffine } from "../../src/loop/affine.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { Expr } from "../../src/loop/types.ts";
import { type Contraction, dependsOn } from "./contraction.ts";
import type { Extents } from "./coordinates.ts";
import { MULTIPLY_ADD, turnCost } from "./vector-cost.ts";

/** Vectors and rows tried along the sides of a tile. */
const VECTORS = [1, 2, 3, 4];
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8];

/** Storing a vector whose lanes lie apart, and loading and storing partial sums, in multiply-adds. */
const SCATTERED_STORE = 6;
export const PARTIAL_SUMS = 4;

/** What starting one tile costs, in multiply-adds: its pointers, and sums set to zero. */
export const TILE_START = 6;

/** So many vectors along the lanes' loop, times so many turns of a second loop. */
export interface Block {
  readonly vectors: number;
  readonly row: string | undefined;
  readonly size: number;
}

export class TileBlocks {
  private readonly contraction: Contraction;
  private readonly capabilities: Capabilities;
  private readonly extents: Extents;
  private readonly windowSize: number;

  constructor(contraction: Contraction, capabilities: Capabilities, extents: Extents) {
    this.contraction = contraction;
    this.capabilities = capabilities;
    this.extents = extents;
    this.windowSize = contraction.window.reduce((n, axis) => n * axis.extent, 1);
  }

  /** Blocks whose accumulators and the elements that feed them fit the registers. */
  blocksOf(loop: string, row: string | undefined): Block[] {
    const width = this.capabilities.vectorWidth;
    const vectors = VECTORS.filter((n) => n <= Math.ceil((this.extents.get(loop) ?? 1) / width));
    const extent = row === undefined ? 1 : (this.extents.get(row) ?? 1);
    const sizes = row === undefined ? [1] : ROWS.filter((n) => n > 1 && n <= extent);
    return vectors.flatMap((n) =>
      sizes
        .map((size) => ({ vectors: n, row, size }))
        .filter((block) => {
          const { left, right } = this.contraction;
          const sums = n * block.size * this.windowSize;
          const loads = this.loadsOf(left, loop, block) + this.loadsOf(right, loop, block);
          return sums + loads <= this.capabilities.registers;
        }),
    );
  }

  /** How many different elements or vectors of `factor` one turn of the block's inner loop loads. */
  private loadsOf(factor: Expr, loop: string, { vectors, row, size }: Block): number {
    const inWindow = this.contraction.window.reduce(
      (n, axis) => (dependsOn(factor, axis.name) ? n * axis.extent : n),
      1,
    );
    const ofRow = row !== undefined && dependsOn(factor, row) ? size : 1;
    return inWindow * ofRow * (dependsOn(factor, loop) ? vectors : 1);
  }

  /** Arithmetic, loads, turns and stores of all tiles, remainders priced as what they are. */
  costOf(loop: string, block: Block, padded: boolean): number {
    const { nest, core, left, right } = this.contraction;
    const width = this.capabilities.vectorWidth;
    const extent = this.extents.get(loop) ?? 1;
    const total = Math.ceil(extent / width);
    const aligned = padded ? total : Math.floor(extent / width);
    const whole = Math.floor(aligned / block.vectors);
    const rowExtent = block.row === undefined ? 1 : (this.extents.get(block.row) ?? 1);
    const turns = core.axes.reduce((n, axis) => n * axis.extent, 1);
    const others = nest.loops.reduce((n, l) => n * l.extent, 1) / (extent * rowExtent);
    const contiguous = nest.stores.every((s) => coefficientOf(toAffine(s.index), loop) === 1);
    const store = contiguous ? 1 : SCATTERED_STORE;
    let cost = 0;
    for (const [countV, vectors] of [
      [whole, block.vectors] as const,
      [1, total - whole * block.vectors] as const,
    ]) {
      for (const [countR, size] of [
        [Math.floor(rowExtent / block.size), block.size] as const,
        [1, rowExtent % block.size] as const,
      ]) {
        if (vectors === 0 || size === 0) continue;
        const part = { vectors, row: block.row, size };
        let splats = 0;
        let loads = 0;
        for (const factor of [left, right]) {
          if (dependsOn(factor, loop)) loads += this.loadsOf(factor, loop, part);
          else splats += this.loadsOf(factor, loop, part);
        }
        const turn = turnCost(vectors * size * this.windowSize, loads, splats);
        const stores = vectors * size * nest.stores.length * (padded ? PARTIAL_SUMS : store);
        cost += countV * countR * (turns * turn + stores + TILE_START);
      }
    }
    return MULTIPLY_ADD * cost * others;
  }
}
