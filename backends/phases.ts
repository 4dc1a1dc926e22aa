/**
 * Decides which threads run the functions of a kernel, and which functions wait
 * for earlier ones, if a kernel consists of sections or of other kernels.
 */

import type { Kernel } from "../src/loop/types.ts";
import { type UsedBuffers, usedBuffers } from "../src/loop/used-buffers.ts";
import type { Phase } from "./run-steps.ts";

/** A function that runs a kernel, or one of its sections; whether threads share its work. */
export interface PrintedFunction {
  readonly name: string;
  readonly isDivided: boolean;
}

/** The phases of a kernel; a section waits for earlier ones if one accesses what the other stores. */
export function phasesOf(kernel: Kernel, functions: readonly PrintedFunction[]): readonly Phase[] {
  const own = new Set(kernel.buffers.filter((b) => b.private).map(({ name }) => name));
  let beside: Touched[] = [];
  return functions.map(({ name, isDivided }, k): Phase => {
    const phase: Phase = { callee: name, threads: isDivided ? (kernel.threads ?? 1) : 1 };
    if (functions.length === 1) return phase;
    const { loaded, stored } = usedBuffers([kernel.body[k]]);
    const { threads } = phase;
    const touched: Touched = { loaded, stored: new Set([...stored].filter((b) => !own.has(b))), threads };
    const isBeside = k > 0 && !beside.some((earlier) => waitsFor(touched, earlier));
    beside = isBeside ? [...beside, touched] : [touched];
    return isBeside ? { ...phase, isBeside } : phase;
  });
}

/** The phases of a kernel that is like one with the phases `first`, and whose functions have these names. */
export const phasesLike = (
  kernel: Kernel,
  first: readonly Phase[],
  nameOf: (k: number) => string,
): readonly Phase[] =>
  first.map((phase, k) => {
    const threads = phase.threads === 1 ? 1 : (kernel.threads ?? 1);
    return { ...phase, callee: nameOf(k), threads };
  });

/** The phases of a kernel whose parts have these phases; the parts do not wait for each other. */
export function joinedPhases(parts: readonly (readonly Phase[])[]): readonly Phase[] {
  return parts.flatMap((phases, k) => {
    // A phase that waits for one of its own kernel waits for all; phases before that wait for none.
    const own = phases.findIndex((phase, n) => n > 0 && !phase.isBeside);
    const first = own < 0 ? phases.length : own;
    return phases.map((phase, n): Phase => (k > 0 && n < first ? { ...phase, isBeside: true } : phase));
  });
}

/** The buffers that a phase loads and stores and other threads see. */
interface Touched extends Pick<UsedBuffers, "loaded" | "stored"> {
  readonly threads: number;
}

/** Whether a phase may begin only after an earlier one has ended on all threads. */
const waitsFor = (a: Touched, b: Touched): boolean =>
  (a.threads > 1 || b.threads > 1) &&
  ([...a.stored].some((name) => b.stored.has(name) || b.loaded.has(name)) ||
    [...b.stored].some((name) => a.loaded.has(name)));
