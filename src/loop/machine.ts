/**
 * The hardware that a backend's code runs on, described once by each backend: everything that plans know about it.
 * Measured numbers are from the benchmarks' machine.
 */

import type { BinaryOp, UnaryOp } from "./types.ts";

/** A cache, as far as it matters for the order of loops. */
export interface Cache {
  readonly bytes: number;
  /** Whether it maps addresses by their lowest bits alone, so that rows at distances of powers of two conflict. */
  readonly isDirect: boolean;
}

export interface Machine {
  /** Floats in one vector register; 1 for scalar code. */
  readonly vectorWidth: number;
  /** Smaller vectors in which kernels may run as well, for loops that do not fill a register, and the costs then. */
  readonly fewerLanes?: readonly Pick<Machine, "vectorWidth" | "costs">[];
  /** Registers that a tile may fill before they spill: accumulators, and in vector code also their operands. */
  readonly registers: number;
  /**
   * Whether all loads of an iteration come before its arithmetic, whatever their order, so that each takes a register.
   */
  readonly loadsFirst: boolean;
  /** GFLOP/s of a full register tile on one thread: the unit of estimates. */
  readonly tileGflops: number;
  /** Threads that the work of a kernel may be divided among; 1 if a kernel runs as a whole. */
  readonly threads: number;
  readonly memory: Memory;
  readonly costs: Costs;
  readonly times: Times;
  /** The same for code without lanes, used by what has no form in lanes; absent if the code has none anyway. */
  readonly scalar?: Pick<Machine, "memory" | "costs">;
}

export interface Memory {
  /**
   * Caches from the smallest; one may be listed with two sizes, as data that nearly fits is partly kept. None if
   * arithmetic takes so long that the order of loops does not matter.
   */
  readonly caches: readonly Cache[];
  /** Floats in a cache line. */
  readonly lineFloats: number;
  /** Floats after which positions in a direct-mapped cache repeat. */
  readonly periodFloats: number;
  /** Results of more bytes go to memory rather than to a cache. */
  readonly farBytes: number;
  /** Data is not prefetched across page boundaries. */
  readonly pageBytes: number;
  readonly blocks: Blocks;
}

/** How much data a method that works block by block, such as Winograd's, may transform at once. */
export interface Blocks {
  /** Bytes of transformed data and products up to which a block may include more images. */
  readonly bytes: number;
  /** Bytes beyond which it does not fit the caches, filter included. */
  readonly cachedBytes: number;
  /** Bytes that a block of a single image may have; each thread has one. */
  readonly mostBytes: number;
  /** Tiles from which on a block gains nothing from being larger. */
  readonly tiles: number;
  /**
   * The number of blocks, or groups of them, for threads to share, whatever their number: bits must not depend on it.
   */
  readonly shares: number;
}

/** The cost of work, in multiply-adds of a full register tile (of vectors, if the backend has them). */
export interface Costs {
  readonly tile: TileCosts;
  readonly loop: LoopCosts;
  readonly copy: CopyCosts;
  readonly traffic: TrafficCosts;
  readonly sparse: SparseCosts;
  readonly transform: TransformCosts;
}

/** In a tile of sums; one of vectors hides most of its loads behind arithmetic. */
export interface TileCosts {
  readonly vectorLoad: number;
  /** A single element for all lanes. */
  readonly splat: number;
  /** The additional cost of shuffling the lanes of a vector out of two. */
  readonly pickedLoad: number;
  /** A load that has to be computed, or has a guard. */
  readonly guardedLoad: number;
  readonly iteration: number;
  /** The minimum time of an iteration: sums wait for their own latency. */
  readonly latency: number;
  /** And per load, if arithmetic does not hide them: as many can begin at a time as multiply-adds. */
  readonly eachLoad: number;
  /** Pointers, and sums set to zero. */
  readonly start: number;
  /** Starting the innermost loop once more. */
  readonly runStart: number;
  readonly store: number;
  /** A vector whose lanes are apart in memory. */
  readonly scatteredStore: number;
  /** A vector of sums that is loaded, added to and stored. */
  readonly partialSums: number;
  /** Adding the lanes of one sum. */
  readonly addLanes: number;
  /** An iteration that reads from as many streams as a block of dot products has rows and columns. */
  readonly manyStreams: number;
  /** A multiply-add of the remaining elements, one by one. */
  readonly scalarStep: number;
}

/** In loops without tiles, in half multiply-adds. */
export interface LoopCosts {
  readonly operation: number;
  readonly store: number;
}

/** One copied element, in half multiply-adds. */
export interface CopyCosts {
  readonly inLanes: number;
  readonly oneByOne: number;
  readonly guarded: number;
  readonly computed: number;
  /** The additional cost if no cache holds the copy: of rows, and of a transposed copy. */
  readonly far: number;
  readonly farTransposed: number;
  /** Into a panel with a halo of zeros by scalar code, or a finished sum to its place. */
  readonly single: number;
}

/** A byte that a cache has to fetch again. The first time, it is prefetched. */
export interface TrafficCosts {
  /** Of a panel, which is read sequentially. */
  readonly panelByte: number;
  /** Of data in several rows. */
  readonly rowByte: number;
  /** Of a block of Winograd's method, from the second-level cache and from beyond it. */
  readonly blockByte: number;
  readonly farByte: number;
  /** One or a few vectors of results that are stored to memory in another page than the ones before. */
  readonly farStore: number;
  /** A vector or an element that is loaded from memory, in another page than the one before. */
  readonly farLoad: number;
  /** A vector whose lanes are each stored to, or loaded from, a page of its own that is in no near cache. */
  readonly pagedStore: number;
  readonly pagedLoad: number;
}

/** For lists of the positions that are not zero. */
export interface SparseCosts {
  /** Reading an entry, in addition to its splat. */
  readonly entry: number;
  /** Making an entry, and finishing one element of an image, in half multiply-adds. */
  readonly makeEntry: number;
  readonly finish: number;
  /** Multiply-adds at an entry's position instead of in registers: if every vector is aligned, and if they are not. */
  readonly aligned: PlaceCosts;
  readonly unaligned: PlaceCosts;
  /** A vector of partial sums for each image. */
  readonly partialSums: number;
}

/** The cost of a vector that is multiplied and added, and of one that is added to. */
export interface PlaceCosts {
  readonly load: number;
  readonly update: number;
}

/** For the transforms of Winograd's method, by vectors. */
export interface TransformCosts {
  /** An addition or a multiplication. */
  readonly operation: number;
  readonly load: number;
  readonly store: number;
  readonly iteration: number;
  /** A vector assembled from single elements, and one whose elements are apart in memory. */
  readonly gather: number;
  readonly scatter: number;
  /** An element that has to be computed or selected. */
  readonly irregular: number;
  /** Starting a tile of sums. */
  readonly tileStart: number;
}

/** Nanoseconds: enough to tell whether dividing work pays, not to choose between schedules. */
export interface Times {
  /** A load, a store or an operation on floats, of one element and of a vector. */
  readonly scalar: number;
  readonly vector: number;
  readonly iteration: number;
  /**
   * The additional cost of a function over an operation, on one
   * element or on a vector; missing ones count as operations.
   */
  readonly functions: Readonly<Partial<Record<UnaryOp | BinaryOp, number>>>;
  /** All threads meet. */
  readonly meeting: number;
  /** Work per thread below which meeting the others costs more than it gains. */
  readonly share: number;
  /** What a run must gain before workers are started for it: waking them costs as much. */
  readonly waking: number;
}
