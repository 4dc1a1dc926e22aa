/** The blocks of outputs that a tile may accumulate at once: as many as fit the registers, with their operands. */

import type { Machine } from "../../../src/loop/machine.ts";
import { type Contraction, dependsOn } from "../analysis/contraction.ts";
import type { Extents } from "../analysis/coordinates.ts";
import { iterationsOf } from "../analysis/nest.ts";
import type { Factor } from "./factor.ts";

/** Sizes tried along each side of a block, and the most vectors of several lanes. */
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8];
const MOST_VECTORS = 4;

/** The number of vectors along the lanes' loop, times a number of iterations of a second loop. */
export interface Block {
  readonly vectors: number;
  readonly row: string | undefined;
  readonly size: number;
  /** What an iteration loads of the left and of the right factor. */
  readonly sides: readonly Side[];
}

/** How a factor is loaded by a block: elements per pooling window, and whether it depends on lanes and rows. */
interface Side {
  readonly inWindow: number;
  readonly inLanes: boolean;
  readonly inRows: boolean;
}

/** The number of different elements or vectors that one iteration of a block loads of a factor. */
export const loadsOf = ({ inWindow, inLanes, inRows }: Side, vectors: number, rows: number): number =>
  inWindow * (inRows ? rows : 1) * (inLanes ? vectors : 1);

/**
 * How many of them stay in registers while the rows are summed
 * one after the other: those that all rows share, or else one.
 */
const heldOf = (side: Side, vectors: number): number =>
  side.inRows ? side.inWindow : loadsOf(side, vectors, 1);

/**
 * The blocks with lanes along `loop` whose accumulators fit the registers, for vectors together with their operands.
 */
export function blocksOf(
  { vectorWidth: width, registers, loadsFirst }: Machine,
  { window }: Contraction,
  factors: readonly Factor[],
  extents: Extents,
  loop: string,
  row: string | undefined,
): Block[] {
  const most = Math.ceil((extents.get(loop) ?? 1) / width);
  const vectors = SIZES.filter((n) => n <= most && (width === 1 || n <= MOST_VECTORS));
  const extent = row === undefined ? 1 : (extents.get(row) ?? 1);
  const sizes = row === undefined ? [1] : SIZES.filter((n) => n > 1 && n <= extent);
  const windowSize = iterationsOf(window);
  const sides = factors.map(
    ({ expr }): Side => ({
      inWindow: iterationsOf(window.filter(({ name }) => dependsOn(expr, name))),
      inLanes: dependsOn(expr, loop),
      inRows: row !== undefined && dependsOn(expr, row),
    }),
  );
  return vectors.flatMap((n) =>
    sizes.flatMap((size): Block[] => {
      const fed = (side: Side): number => (loadsFirst ? loadsOf(side, n, size) : heldOf(side, n));
      const loads = width === 1 ? 0 : sides.reduce((sum, side) => sum + fed(side), 0);
      const fits = n * size * windowSize + loads <= registers;
      return fits ? [{ vectors: n, row, size, sides }] : [];
    }),
  );
}
