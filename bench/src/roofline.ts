/**
 * The roofline of a machine (Williams, Waterman and Patterson, 2009): a kernel takes at least as long as its arithmetic at
 * the machine's peak, and as its bytes at the memory's.
 */

import { availableParallelism } from "node:os";
import { measureBandwidth } from "./bandwidth.ts";
import { measurePeak } from "./peak.ts";

export interface Roofline {
  readonly threads: number;
  /** GFLOP/s of all threads together. */
  readonly gflops: number;
  /** GB/s that all threads read and write together. */
  readonly gigabytes: number;
}

export async function measureRoofline(): Promise<Roofline> {
  const threads = availableParallelism();
  return {
    threads,
    gflops: threads * (await measurePeak()),
    gigabytes: await measureBandwidth(threads),
  };
}

export const describeRoofline = ({ threads, gflops, gigabytes }: Roofline): string =>
  `${threads} threads reach ${gflops.toFixed(0)} GFLOP/s in 128-bit WebAssembly SIMD, and ${gigabytes.toFixed(0)} GB/s read and ` +
  "written from memory: the roofline that shares are of; what still lies in a cache can exceed it";

/** The least number of seconds for so many operations on floats, and bytes read or written. */
export const leastSeconds = ({ gflops, gigabytes }: Roofline, flops: number, bytes: number): number =>
  Math.max(flops / gflops, bytes / gigabytes) / 1e9;
