/**
 * Register tiles: a block of outputs is accumulated at once, so that each loaded element serves a row or a
 * column of the block. The block is cut from one loop that only the left factor depends on and one that only
 * the right factor depends on; a pooling window around the sum is part of the block.
 */

import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { hoistIndices } from "../hoist-indices.ts";
import { materialize } from "../materialize.ts";
import { type Contraction, contractionOf, dependsOn } from "./contraction.ts";
import { foldGuards } from "./fold-guards.ts";
import type { Candidate, Strategy } from "./strategy.ts";
import { type Tile, unrollTiles, unrollWindows } from "./unroll.ts";

/** Cost of one load and of one turn of the inner loop, in multiply-adds; fitted to the js backend. */
const LOAD_COST = 0.7;
const TURN_COST = 2;

/** What a load costs that is guarded or otherwise more than a load. */
const GUARDED_LOAD_COST = 6;

/** Sizes tried along each side of the block. */
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8];

export const registerTile: Strategy = {
  name: "register-tile",
  doc: "Accumulates a block of outputs in registers; its sides are loops of the two factors.",
  candidates(kernel, capabilities) {
    const contraction = contractionOf(kernel);
    return contraction === undefined ? [] : tileCandidates(contraction, capabilities);
  },
};

/** All blocks that fit the registers, with their costs. */
export function tileCandidates(contraction: Contraction, capabilities: Capabilities): readonly Candidate[] {
  const { left, right, nest, window } = contraction;
  const windowSize = window.reduce((n, axis) => n * axis.extent, 1);
  if (windowSize > capabilities.registers) return [];
  const sideOf = (factor: typeof left, other: typeof left) => [
    undefined,
    ...nest.loops.filter(({ name }) => dependsOn(factor, name) && !dependsOn(other, name)),
  ];
  const candidates: Candidate[] = [];
  for (const a of sideOf(left, right)) {
    for (const b of sideOf(right, left)) {
      for (const sizeA of sizesFor(a?.extent)) {
        for (const sizeB of sizesFor(b?.extent)) {
          if (sizeA * sizeB * windowSize > capabilities.registers) continue;
          const tiles: Tile[] = [];
          if (a !== undefined) tiles.push({ loop: a.name, size: sizeA });
          if (b !== undefined) tiles.push({ loop: b.name, size: sizeB });
          candidates.push({
            strategy: "register-tile",
            cost: costOf(contraction, a?.extent ?? 1, b?.extent ?? 1, sizeA, sizeB),
            apply: () => ({ kernels: [tiled(contraction, tiles)], scratch: [] }),
          });
        }
      }
    }
  }
  return candidates;
}

const sizesFor = (extent: number | undefined): readonly number[] =>
  extent === undefined ? [1] : SIZES.filter((size) => size <= extent && (size > 1 || extent === 1));

/** Multiply-adds plus the loads and loop turns that come with them, remainders priced as what they are. */
function costOf(
  contraction: Contraction,
  extentA: number,
  extentB: number,
  sizeA: number,
  sizeB: number,
): number {
  const { left, right, window, nest, core } = contraction;
  const turns = core.axes.reduce((n, axis) => n * axis.extent, 1);
  const outputs = nest.loops.reduce((n, loop) => n * loop.extent, 1) / (extentA * extentB);
  const widthOf = (factor: typeof left): number =>
    window.reduce((n, axis) => (dependsOn(factor, axis.name) ? n * axis.extent : n), 1);
  const windowSize = window.reduce((n, axis) => n * axis.extent, 1);
  let cost = 0;
  for (const [countA, a] of partsOf(extentA, sizeA)) {
    for (const [countB, b] of partsOf(extentB, sizeB)) {
      const loads = a * widthOf(left) * loadCost(left) + b * widthOf(right) * loadCost(right);
      cost += countA * countB * (a * b * windowSize + loads + TURN_COST);
    }
  }
  return 2 * cost * outputs * turns;
}

const loadCost = (factor: Expr): number => (factor.kind === "load" ? LOAD_COST : GUARDED_LOAD_COST);

const partsOf = (extent: number, size: number): readonly (readonly [number, number])[] => [
  [Math.floor(extent / size), size],
  ...(extent % size === 0 ? [] : [[1, extent % size] as const]),
];

function tiled(contraction: Contraction, tiles: readonly Tile[]): Kernel {
  const { kernel, nest } = contraction;
  const parts = unrollTiles(unrollWindows(nest, contraction.window), tiles);
  const guarded = contraction.left.kind !== "load" || contraction.right.kind !== "load";
  const body = parts.map((part): readonly Stmt[] => {
    const { loops, stores } = guarded ? foldGuards(part) : part;
    const statements = hoistIndices(materialize(loops, stores, kernel.buffers));
    return parts.length === 1 ? statements : [{ kind: "section", name: "tile", body: statements }];
  });
  const window =
    contraction.window.length === 0 ? "" : ` × window ${contraction.window.map((a) => a.extent).join("×")}`;
  const block = tiles.map(({ loop, size }) => `${loop} by ${size}`).join(" × ");
  return { ...kernel, body: body.flat(), schedule: `register-tile ${block}${window}` };
}
