/**
 * Places all buffers of a program in one arena: buffers whose lifetimes do not overlap share memory. Greedy
 * by size, lowest free offset first (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
 * Inference", 2020).
 */

import { align, lifetimesOf, type Placement, type ProgramPlan } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Pass } from "../pass.ts";

export const planMemory: Pass<LoweredProgram, ProgramPlan> = {
  name: "plan-memory",
  doc: "Gives every buffer an offset in one arena; values that are never alive together share bytes.",
  run(program) {
    const lifetimes = lifetimesOf(program);
    const placed: Placement[] = [];
    for (const life of [...lifetimes].sort((a, b) => b.byteLength - a.byteLength)) {
      const neighbours = placed
        .filter((p) => p.first <= life.last && life.first <= p.last)
        .sort((a, b) => a.byteOffset - b.byteOffset);
      let byteOffset = 0;
      for (const p of neighbours) {
        if (byteOffset + life.byteLength <= p.byteOffset) break;
        byteOffset = Math.max(byteOffset, align(p.byteOffset + p.byteLength));
      }
      placed.push({ ...life, byteOffset });
    }
    const order = new Map(lifetimes.map((life, k) => [life.buffer, k]));
    placed.sort((a, b) => order.get(a.buffer)! - order.get(b.buffer)!);
    const arenaBytes = align(Math.max(0, ...placed.map((p) => p.byteOffset + p.byteLength)));
    return { ...program, placements: placed, arenaBytes };
  },
};
