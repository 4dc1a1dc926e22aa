/** The blocks that a vector tile may accumulate at once, and what the arithmetic of each costs. */

import { coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import { type Contraction, dependsOn } from "../analysis/contraction.ts";
import type { Extents } from "../analysis/coordinates.ts";
import { iterationCost, MULTIPLY_ADD } from "./vector-cost.ts";

/** Vectors and rows tried along the sides of a tile. */
const VECTORS = [1, 2, 3, 4];
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8];

/** So many vectors along the lanes' loop, times so many iterations of a second loop. */
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
  /** How many different elements of the left and of the right factor a pooling window loads. */
  private readonly windowLoads: readonly [number, number];
  /** Elements of the result, and iterations of the sum behind each of them. */
  private readonly outputs: number;
  private readonly iterations: number;

  constructor(contraction: Contraction, capabilities: Capabilities, extents: Extents) {
    const { left, right, window, nest, core } = contraction;
    this.contraction = contraction;
    this.capabilities = capabilities;
    this.extents = extents;
    const product = (axes: readonly ReduceAxis[]): number => axes.reduce((n, axis) => n * axis.extent, 1);
    const inWindow = (factor: Expr): number => product(window.filter(({ name }) => dependsOn(factor, name)));
    this.windowSize = product(window);
    this.windowLoads = [inWindow(left), inWindow(right)];
    this.outputs = product(nest.loops);
    this.iterations = product(core.axes);
  }

  /** Blocks whose accumulators and the elements that feed them fit the registers. */
  blocksOf(loop: string, row: string | undefined): Block[] {
    const width = this.capabilities.vectorWidth;
    const vectors = VECTORS.filter((n) => n <= Math.ceil((this.extents.get(loop) ?? 1) / width));
    const extent = row === undefined ? 1 : (this.extents.get(row) ?? 1);
    const sizes = row === undefined ? [1] : ROWS.filter((n) => n > 1 && n <= extent);
    const { left, right } = this.sidesAlong(loop, row);
    return vectors.flatMap((n) =>
      sizes.flatMap((size): Block[] => {
        const loads = loadsOf(left, n, size) + loadsOf(right, n, size);
        const fits = n * size * this.windowSize + loads <= this.capabilities.registers;
        return fits ? [{ vectors: n, row, size }] : [];
      }),
    );
  }

  /** What each factor makes a block load whose lanes run along `loop` and whose rows along `row`. */
  private sidesAlong(loop: string, row: string | undefined): { readonly left: Side; readonly right: Side } {
    const [ofLeft, ofRight] = this.windowLoads;
    const side = (factor: Expr, inWindow: number): Side => ({
      inWindow,
      inLanes: dependsOn(factor, loop),
      inRows: row !== undefined && dependsOn(factor, row),
    });
    const { left, right } = this.contraction;
    return { left: side(left, ofLeft), right: side(right, ofRight) };
  }

  /** Arithmetic, loads, iterations and stores of all tiles of each block, remainders priced as what they are. */
  costsOf(loop: string, blocks: readonly Block[], padded: boolean): number[] {
    const { stores } = this.contraction.nest;
    const tileCosts = this.capabilities.costs.tile;
    const width = this.capabilities.vectorWidth;
    const extent = this.extents.get(loop) ?? 1;
    const total = Math.ceil(extent / width);
    const aligned = padded ? total : Math.floor(extent / width);
    const contiguous = stores.every((s) => coefficientOf(toAffine(s.index), loop) === 1);
    const store =
      stores.length * (padded ? tileCosts.partialSums : contiguous ? 1 : tileCosts.scatteredStore);
    let sides = this.sidesAlong(loop, undefined);
    let alongRow: string | undefined;
    return blocks.map(({ vectors, row, size }) => {
      if (row !== alongRow) sides = this.sidesAlong(loop, row);
      alongRow = row;
      const { left, right } = sides;
      const tile = (v: number, r: number): number => {
        if (v === 0 || r === 0) return 0;
        const ofLeft = loadsOf(left, v, r);
        const ofRight = loadsOf(right, v, r);
        const vectorLoads = (left.inLanes ? ofLeft : 0) + (right.inLanes ? ofRight : 0);
        const iteration = iterationCost(
          this.capabilities,
          v * r * this.windowSize,
          vectorLoads,
          ofLeft + ofRight - vectorLoads,
        );
        return this.iterations * iteration + v * r * store + tileCosts.start;
      };
      const rowExtent = row === undefined ? 1 : (this.extents.get(row) ?? 1);
      const wholeVectors = Math.floor(aligned / vectors);
      const restVectors = total - wholeVectors * vectors;
      const wholeRows = Math.floor(rowExtent / size);
      const restRows = rowExtent % size;
      const cost =
        wholeVectors * wholeRows * tile(vectors, size) +
        wholeVectors * tile(vectors, restRows) +
        wholeRows * tile(restVectors, size) +
        tile(restVectors, restRows);
      return MULTIPLY_ADD * cost * (this.outputs / (extent * rowExtent));
    });
  }
}

/** What a factor makes a block load: elements of a pooling window, and whether lanes and rows move it. */
interface Side {
  readonly inWindow: number;
  readonly inLanes: boolean;
  readonly inRows: boolean;
}

/** How many different elements or vectors one iteration of the block's inner loop loads of a factor. */
const loadsOf = ({ inWindow, inLanes, inRows }: Side, vectors: number, rows: number): number =>
  inWindow * (inRows ? rows : 1) * (inLanes ? vectors : 1);
