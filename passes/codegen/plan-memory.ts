/**
 * Places all buffers of a program in one arena: buffers whose lifetimes do not overlap share memory. Greedy
 * by size, lowest free offset first (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
 * Inference", 2020); if that leaves gaps, other orders are tried.
 */

import {
  align,
  type Lifetime,
  lifetimesOf,
  mostAlive,
  type Placement,
  type ProgramPlan,
} from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Pass } from "../pass.ts";

const size = (a: Lifetime, b: Lifetime): number => b.byteLength - a.byteLength;
const weight = ({ byteLength, first, last }: Lifetime): number => byteLength * Math.sqrt(last - first + 1);

/** Orders of placement: by size, then by lifetime; by lifetime; by both. */
const ORDERS: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
  size,
  (a, b) => size(a, b) || b.last - a.last,
  (a, b) => weight(b) - weight(a),
];

export const planMemory: Pass<LoweredProgram, ProgramPlan> = {
  name: "plan-memory",
  doc: "Gives every buffer an offset in one arena; values that are never alive together share bytes.",
  run(program) {
    const lifetimes = lifetimesOf(program);
    const least = mostAlive(lifetimes, program.kernels.length);
    let best: readonly Placement[] | undefined;
    for (const order of ORDERS) {
      const placed = placedInOrder([...lifetimes].sort(order));
      if (best === undefined || arenaOf(placed) < arenaOf(best)) best = placed;
      if (arenaOf(best) <= align(least)) break;
    }
    const places = new Map((best ?? []).map((placement) => [placement.buffer, placement]));
    const placements = lifetimes.map(({ buffer }) => places.get(buffer)!);
    return { ...program, placements, arenaBytes: arenaOf(placements) };
  },
};

const arenaOf = (placed: readonly Placement[]): number =>
  align(placed.reduce((end, p) => Math.max(end, p.byteOffset + p.byteLength), 0));

/** Places each buffer at the lowest offset that the ones before it leave free. */
function placedInOrder(lifetimes: readonly Lifetime[]): Placement[] {
  // By offset, so that free ones are met in order.
  const placed: Placement[] = [];
  for (const life of lifetimes) {
    let byteOffset = 0;
    for (const p of placed) {
      if (p.first > life.last || life.first > p.last) continue;
      if (byteOffset + life.byteLength <= p.byteOffset) break;
      byteOffset = Math.max(byteOffset, align(p.byteOffset + p.byteLength));
    }
    placed.splice(firstFrom(placed, byteOffset), 0, { ...life, byteOffset });
  }
  return placed;
}

/** The position of the first of `placed` that lies behind `byteOffset`. */
function firstFrom(placed: readonly Placement[], byteOffset: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle].byteOffset > byteOffset) high = middle;
    else low = middle + 1;
  }
  return low;
}
