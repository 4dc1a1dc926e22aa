/**
 * The processor of the benchmarks' machine, as the backends that run there describe it: two cores of a server, with
 * AVX-512. Numbers that were fitted rather than measured are marked as such.
 */

import type { Costs, Machine } from "../src/loop/machine.ts";

/**
 * The parameters of schedules whose bits have to be the same in every engine and on every processor: then all backends
 * with vectors add up sums in the same order.
 */
export const COMMON = {
  vectorWidth: 4,
  /**
   * Registers that a tile and its operands may fill. Of 16, V8 keeps one for itself and one is left for products: Node
   * 20 moves all loads of a block before its arithmetic, and spills when three rows of three vectors (15) meet an
   * epilogue. Node 24 loads one element after the other: five rows of two vectors (13) are best there, at 48 GFLOP/s
   * compared with 40 for four, and six (15) no better than five.
   */
  registers: 14,
  loadsFirst: true,
  /** The throughput of full tiles in wasm on one thread, with separate roundings of product and sum. */
  tileGflops: 45,
} as const;

/** For code in vectors. */
export const PROCESSOR = {
  memory: {
    // Each cache with two sizes: data that nearly fits is partly kept, and machines differ.
    caches: [
      { bytes: 24_000, isDirect: true },
      { bytes: 48_000, isDirect: true },
      { bytes: 512_000, isDirect: false },
      { bytes: 1_500_000, isDirect: false },
    ],
    lineFloats: 16,
    periodFloats: 1024,
    farBytes: 4_000_000,
    pageBytes: 4096,
    blocks: { bytes: 1_200_000, cachedBytes: 1_500_000, mostBytes: 16_000_000, tiles: 64, shares: 4 },
  },
  costs: {
    tile: {
      vectorLoad: 0.15,
      splat: 0.2,
      pickedLoad: 0.7,
      guardedLoad: 6,
      iteration: 1,
      latency: 6,
      eachLoad: 1,
      start: 6,
      runStart: 3,
      store: 1,
      scatteredStore: 6,
      partialSums: 4,
      addLanes: 8,
      manyStreams: 0.5,
      scalarStep: 2,
    },
    loop: { operation: 3, store: 2 },
    // Measured at 0.2, 0.4, 0.9 and over 1 ns per element, compared with 0.14 ns for a multiply-add.
    // Far, on a Zen 2 with 16 MB of last-level cache: 1.5 ns per element, 3.4 if it is transposed.
    copy: { inLanes: 3, oneByOne: 6, guarded: 13, computed: 20, far: 15, farTransposed: 35, single: 8 },
    // Far, on the same Zen 2: up to 18 ns per row of a tile that is stored, 7 ns per load; fitted.
    traffic: {
      panelByte: 1 / 96,
      rowByte: 1 / 48,
      blockByte: 1 / 64,
      farByte: 1 / 20,
      farStore: 60,
      farLoad: 30,
      // 7 ns per element and more; fitted.
      pagedStore: 30,
      pagedLoad: 90,
    },
    sparse: {
      ...{ entry: 2, makeEntry: 10, finish: 10, partialSums: 3 },
      aligned: { load: 1, update: 1.6 },
      unaligned: { load: 1, update: 1.6 },
    },
    transform: {
      operation: 0.5,
      load: 0.5,
      store: 1,
      iteration: 2,
      gather: 10,
      scatter: 6,
      irregular: 10,
      tileStart: 8,
    },
  },
  times: {
    scalar: 0.25,
    vector: 0.1,
    iteration: 0.5,
    // Measured at 8 to 13 ns in single precision; the others take two pairs of doubles.
    functions: {
      ...{ div: 1.5, sqrt: 1.5, exp: 8, tanh: 8 },
      ...{ expm1: 30, log: 30, log1p: 30, sin: 40, cos: 40, tan: 50, asin: 40, acos: 40, atan: 40 },
      ...{ sinh: 40, cosh: 40, asinh: 40, acosh: 40, atanh: 40, pow: 60, atan2: 60, fmod: 60 },
    },
    meeting: 1_500,
    share: 2_000,
    waking: 40_000,
  },
} as const satisfies Pick<Machine, "memory" | "costs" | "times">;

/**
 * For code in vectors with fused multiply-add. Two of them begin in a cycle and take five (Zen 2; four on
 * other machines), so ten sums keep them busy; loads hide behind them.
 */
export const FUSED = {
  ...PROCESSOR,
  costs: {
    ...PROCESSOR.costs,
    tile: { ...PROCESSOR.costs.tile, vectorLoad: 0.05, splat: 0.05, iteration: 0.5, latency: 10 },
  },
} as const satisfies Pick<Machine, "memory" | "costs" | "times">;

/**
 * Costs of compiled code in so many lanes. Splitting and assembling vectors goes lane by lane, and a multiply-add,
 * the unit of all costs, takes 0.12 ns in any number of lanes (Zen 5: 260 GFLOP/s in 16). Fitted there to the
 * candidates for U-Net's convolutions, where results that lanes scatter over channels took 2 to 5 ns each, and for the
 * products of a layer of 2048 × 2048, where each row of the weight that was read in place took 9 ns. Accesses at the
 * positions in a list are not aligned: 4 lanes rarely cross two cache lines, 16 nearly always, and loads of the next
 * position wait for the stores of the last (measured for LeNet's gradients: 0.14 and 0.25 ns per product in 8 and 16
 * lanes, into memory 0.36 and 1.1).
 */
export function costsInLanes(costs: Costs, lanes: number): Costs {
  return {
    ...costs,
    tile: { ...costs.tile, scatteredStore: 1.5 * lanes, addLanes: 2 * lanes },
    traffic: { ...costs.traffic, pagedStore: 15 * lanes, pagedLoad: 22 * lanes, farLoad: 75, farStore: 145 },
    sparse: {
      ...costs.sparse,
      unaligned: {
        load: Math.max(1, lanes / 7.5),
        update: Math.max(costs.sparse.unaligned.update, lanes ** 2 / 28),
      },
    },
    transform: { ...costs.transform, gather: 4 * lanes, scatter: 3 * lanes },
  };
}

/** For scalar code, fitted to the js backend: loads and the loop itself are a tile's costs besides its arithmetic. */
export const SCALAR = {
  memory: { ...PROCESSOR.memory, caches: [] },
  costs: {
    ...PROCESSOR.costs,
    tile: {
      ...PROCESSOR.costs.tile,
      vectorLoad: 0.7,
      splat: 0.7,
      guardedLoad: 6,
      iteration: 2,
      latency: 0,
      eachLoad: 0,
      start: 0,
      runStart: 0,
      store: 0,
      scatteredStore: 0,
    },
    copy: { inLanes: 8, oneByOne: 8, guarded: 8, computed: 8, far: 0, farTransposed: 0, single: 8 },
  },
} as const satisfies Pick<Machine, "memory" | "costs">;
