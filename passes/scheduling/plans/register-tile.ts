/**
 * Register tiles: a block of outputs is accumulated at once, so that each loaded element serves a row or a
 * column of the block. The block is cut from one loop that only the left factor depends on and one that only
 * the right factor depends on; a pooling window around the sum is part of the block. A factor whose loads are guarded (a
 * convolution's padding) may be copied first, with a halo of zeros, so that the inner loop loads without a test.
 */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Operand, Schedule } from "../../../src/loop/schedule.ts";
import { type Contraction, contractionOf, dependsOn } from "../analysis/contraction.ts";
import { cacheStep, panelLength } from "../transforms/panel.ts";
import type { Tile } from "../transforms/unroll.ts";
import { guardedCaches, type PanelCache } from "./guarded-factor.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** Sizes tried along each side of the block. */
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8];

export const registerTile: Strategy = {
  name: "register-tile",
  doc: "Accumulates a block of outputs in registers; its sides are loops of the two factors.",
  candidates(kernel, capabilities) {
    const contraction = contractionOf(kernel);
    if (contraction === undefined) return [];
    const caches = guardedCaches(contraction);
    return [[], ...(caches.length > 0 ? [caches] : [])].flatMap((chosen) =>
      tileCandidates(contraction, chosen, capabilities),
    );
  },
};

/** All blocks that fit the registers, with their costs. */
function tileCandidates(
  contraction: Contraction,
  caches: readonly PanelCache[],
  capabilities: Capabilities,
): readonly Candidate[] {
  const { left, right, nest, window } = contraction;
  const windowSize = window.reduce((n, axis) => n * axis.extent, 1);
  if (windowSize > capabilities.registers) return [];
  const sideOf = (factor: typeof left, other: typeof left) => [
    undefined,
    ...nest.loops.filter(({ name }) => dependsOn(factor, name) && !dependsOn(other, name)),
  ];
  const price = pricing(contraction, caches, capabilities);
  const copies = caches.reduce((n, { plan }) => n + capabilities.costs.copy.single * panelLength(plan), 0);
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
            get schedule() {
              return scheduleOf(contraction, tiles, caches);
            },
            cost: price(a?.extent ?? 1, b?.extent ?? 1, sizeA, sizeB) + copies,
          });
        }
      }
    }
  }
  return candidates;
}

const sizesFor = (extent: number | undefined): readonly number[] =>
  extent === undefined ? [1] : SIZES.filter((size) => size <= extent && (size > 1 || extent === 1));

/** Prices blocks: multiply-adds plus the loads and loop iterations that come with them, remainders as what they are. */
function pricing(
  contraction: Contraction,
  caches: readonly PanelCache[],
  { costs: { scalarTile } }: Capabilities,
): (extentA: number, extentB: number, sizeA: number, sizeB: number) => number {
  const { window, nest, core } = contraction;
  const product = (axes: readonly { readonly extent: number }[]): number =>
    axes.reduce((n, axis) => n * axis.extent, 1);
  const iterations = product(core.axes);
  const outputs = product(nest.loops);
  const windowSize = product(window);
  const loadsOf = (operand: Operand): number => {
    const factor = contraction[operand];
    const isLoad = factor.kind === "load" || caches.some((cache) => cache.operand === operand);
    return (
      product(window.filter(({ name }) => dependsOn(factor, name))) *
      (isLoad ? scalarTile.load : scalarTile.guardedLoad)
    );
  };
  const loadsA = loadsOf("left");
  const loadsB = loadsOf("right");
  const block = (a: number, b: number): number =>
    a === 0 || b === 0 ? 0 : a * b * windowSize + a * loadsA + b * loadsB + scalarTile.iteration;
  return (extentA, extentB, sizeA, sizeB) => {
    const wholeA = Math.floor(extentA / sizeA);
    const wholeB = Math.floor(extentB / sizeB);
    const restA = extentA % sizeA;
    const restB = extentB % sizeB;
    const cost =
      wholeA * wholeB * block(sizeA, sizeB) +
      wholeA * block(sizeA, restB) +
      wholeB * block(restA, sizeB) +
      block(restA, restB);
    return (2 * cost * outputs * iterations) / (extentA * extentB);
  };
}

const scheduleOf = (
  { window }: Contraction,
  tiles: readonly Tile[],
  caches: readonly PanelCache[],
): Schedule => [
  ...caches.map(({ plan, operand }) => cacheStep(plan, operand)),
  ...(window.length === 0 ? [] : [{ kind: "unroll-window" } as const]),
  ...tiles.map(({ loop, size }) => ({ kind: "unroll", loop, by: size }) as const),
];
