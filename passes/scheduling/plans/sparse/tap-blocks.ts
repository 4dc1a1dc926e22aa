/** Blocks the taps of a channel while lists run: rows of taps times vectors of each row, which one entry serves. */

import { add, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { Schedule } from "../../../../src/loop/schedule.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import { laneIn } from "../../analysis/lanes.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import type { SparseContraction } from "../../analysis/sparse-factor.ts";
import { cacheStep, type PanelPlan } from "../../transforms/panel.ts";
import { iterationCost, remainders } from "../cost.ts";

/** A way to run one of the two forms: its cost in half multiply-adds with their loads. */
export interface SparseForm {
  readonly schedule: Schedule;
  readonly cost: number;
}

export interface Block {
  /** Rows of taps, and vectors of each, that one run over a list serves. */
  readonly rows: number;
  readonly vectors: number;
}

/** The steps that make lists of the sparse factor, and a panel of the other one if there is a plan for it. */
export const listSteps = (
  { sparse: { operand } }: SparseContraction,
  plan?: PanelPlan,
  partialSums = false,
): Schedule => [
  { kind: "compact", operand, ...(partialSums && { partialSums }) },
  ...(plan === undefined ? [] : [cacheStep(plan, operand === "left" ? "right" : "left")]),
];

/** The steps that cut a row of taps into vectors, and the loop over rows, if there are such loops. */
export const blockSteps = (
  run: GridLoop | undefined,
  row: GridLoop | undefined,
  { vectors, rows }: Block,
  lanes: number,
): Schedule => [
  ...(run === undefined
    ? []
    : [{ kind: "vectorize", loop: run.name, vectors, lanes, tail: "padded" } as const]),
  ...(row === undefined ? [] : [{ kind: "unroll", loop: row.name, by: rows } as const]),
];

/** Multiply-adds of one entry for all taps. */
export function entryCost(
  machine: Machine,
  block: Block,
  rows: number,
  vectors: number,
  perVector: number,
): number {
  let cost = 0;
  for (const [countR, r] of remainders(rows, rows, block.rows)) {
    for (const [countV, v] of remainders(vectors, vectors, block.vectors))
      cost +=
        countR * countV * (machine.costs.sparse.entry + iterationCost(machine, r * v * perVector, r * v, 1));
  }
  return cost;
}

/** The cheapest block among those of at most `most` vectors. */
export function bestBlock(
  machine: Machine,
  rows: number,
  vectors: number,
  most: number,
  perVector: number,
): Block {
  const blocks: Block[] = [];
  for (let r = 1; r <= Math.min(rows, most); r++) {
    for (let v = 1; v <= Math.min(vectors, Math.floor(most / r)); v++) blocks.push({ rows: r, vectors: v });
  }
  const cost = (block: Block): number => entryCost(machine, block, rows, vectors, perVector);
  return blocks.reduce((a, b) => (cost(b) < cost(a) ? b : a));
}

/** One vector of taps in a block. */
export interface Point {
  /** The row of taps, and the element of it in the current lane. */
  readonly row: Expr;
  readonly element: Expr;
}

/** A block of taps: its vectors, and the loops over all blocks of its shape. */
export interface TapBlock {
  readonly points: readonly Point[];
  readonly loops: readonly GridLoop[];
}

/** All blocks of so many rows, each of so many vectors of lanes: whole ones and the remainder on either side. */
export function blocksOf(rows: number, vectors: number, block: Block, lanes: number): TapBlock[] {
  const sides = stretchesOf("vector", vectors, block.vectors);
  return stretchesOf("tap", rows, block.rows).flatMap((r) =>
    sides.map(
      (v): TapBlock => ({
        points: Array.from({ length: r.size * v.size }, (_, k) => {
          const vector = int((k % v.size) * lanes);
          return {
            row: add(r.start, int(Math.floor(k / v.size))),
            element: add(add(mul(v.start, int(lanes)), vector), laneIn(lanes)),
          };
        }),
        loops: [...r.loops, ...v.loops],
      }),
    ),
  );
}

/** One stretch of a loop that is cut into blocks: its first element, and the loop over its blocks. */
interface Stretch {
  readonly start: Expr;
  readonly size: number;
  readonly loops: readonly GridLoop[];
}

/** Whole blocks and the remainder of a loop called `name`. */
function stretchesOf(name: string, extent: number, size: number): Stretch[] {
  return remainders(extent, extent, size).map(([count, length], k): Stretch => {
    const first = k === 0 ? 0 : extent - length;
    if (count === 1) return { start: int(first), size: length, loops: [] };
    const start = add(mul(variable(name), int(length)), int(first));
    return { start, size: length, loops: [{ name, extent: count }] };
  });
}
