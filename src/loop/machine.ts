/**
 * The hardware that a backend's code runs on, described once by each backend: everything that plans know about it.
 * Numbers that were measured were so on the machine of the benchmarks.
 */

import type { BinaryOp, UnaryOp } from "./types.ts";

/** A cache, as far as the order of loops should mind it. */
export interface Cache {
  readonly bytes: number;
  /** Whether it finds a place by the lowest bits of an address alone, so that rows at distances of powers of two clash. */
  readonly isDirect: boolean;
}

export interface Machine {
  /** Floats in one vector register; 1 for scalar code. */
  readonly vectorWidth: number;
  /** Fewer floats in which kernels may run as well, for loops that do not fill a register, and what work costs then. */
  readonly fewerLanes?: readonly Pick<Machine, "vectorWidth" | "costs">[];
  /** Registers that a tile may fill before they spill: accumulators, and in vector code also what feeds them. */
  readonly registers: number;
  /** Whether all loads of an iteration come before its arithmetic, wherever they stand, so that each takes a register. */
  readonly loadsFirst: boolean;
  /** GFLOP/s of a full register tile on one thread: the unit of estimates. */
  readonly tileGflops: number;
  /** Threads among which the work of a kernel may be divided; 1 where a kernel runs as a whole. */
  readonly threads: number;
  readonly memory: Memory;
  readonly costs: Costs;
  readonly times: Times;
  /** The same in code without lanes, for what has no form in lanes; absent where code has none anyway. */
  readonly scalar?: Pick<Machine, "memory" | "costs">;
}

export interface Memory {
  /**
   * Caches from the smallest; one may stand here with two sizes, for what nearly fits is partly kept. None where arithmetic
   * takes so long that the order of loops does not matter.
   */
  readonly caches: readonly Cache[];
  /** Floats that a load brings along. */
  readonly lineFloats: number;
  /** Floats after which places in a direct cache repeat. */
  readonly periodFloats: number;
  /** Results of so many bytes go to memory rather than to a cache. */
  readonly farBytes: number;
  /** Nothing is brought ahead from one page to the next. */
  readonly pageBytes: number;
  readonly blocks: Blocks;
}

/** How much of its data a method may transform together that takes them block by block, as Winograd's does. */
export interface Blocks {
  /** Bytes of transformed data and products up to which a block may take more images in. */
  readonly bytes: number;
  /** Bytes beyond which it falls out of the caches, filter included. */
  readonly cachedBytes: number;
  /** Bytes that a block of a single image may have, and each thread has one. */
  readonly mostBytes: number;
  /** Tiles from which on a block gains nothing from being larger. */
  readonly tiles: number;
  /** Blocks, or groups of them, that there should be for threads to share, however many there are: bits must not depend on it. */
  readonly shares: number;
}

/** What work costs, in multiply-adds of a full register tile (of vectors, where the backend has them). */
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
  /** What it takes longer to pick the lanes of a vector out of two. */
  readonly pickedLoad: number;
  /** What has to be computed, or asks a guard first. */
  readonly guardedLoad: number;
  readonly iteration: number;
  /** An iteration takes at least so long: sums wait for themselves. */
  readonly latency: number;
  /** And so long for each of its loads, where arithmetic hides them no more: as few begin at a time as multiply-adds. */
  readonly eachLoad: number;
  /** Pointers, and sums set to zero. */
  readonly start: number;
  /** Starting the innermost loop once more. */
  readonly runStart: number;
  readonly store: number;
  /** A vector whose lanes lie apart. */
  readonly scatteredStore: number;
  /** A vector of sums that is loaded, added to and stored. */
  readonly partialSums: number;
  /** Adding the lanes of one sum. */
  readonly addLanes: number;
  /** An iteration that reads from as many places as a block of dot products has rows and columns. */
  readonly manyStreams: number;
  /** A multiply-add of the elements that are left over, one by one. */
  readonly scalarStep: number;
}

/** In loops without tiles, by half multiply-adds. */
export interface LoopCosts {
  readonly operation: number;
  readonly store: number;
}

/** One element that is copied, by half multiply-adds. */
export interface CopyCosts {
  readonly inLanes: number;
  readonly oneByOne: number;
  readonly guarded: number;
  readonly computed: number;
  /** What is added where no cache holds the copy: one of rows, and one that is transposed. */
  readonly far: number;
  readonly farTransposed: number;
  /** Into a panel with a halo of zeros by scalar code, or a finished sum to its place. */
  readonly single: number;
}

/** A byte that a cache has to bring again. What comes the first time, it brings ahead. */
export interface TrafficCosts {
  /** Of a panel, which is read from its beginning to its end. */
  readonly panelByte: number;
  /** Of data in several rows. */
  readonly rowByte: number;
  /** Of a block of Winograd's method, from the second cache and from behind it. */
  readonly blockByte: number;
  readonly farByte: number;
  /** A vector or a few of results that are stored to memory in another page than the ones before. */
  readonly farStore: number;
  /** A vector or an element that is loaded from memory, in another page than the one before. */
  readonly farLoad: number;
  /** A vector whose lanes are each stored to, or loaded from, a page of its own that is in no cache near by. */
  readonly pagedStore: number;
  readonly pagedLoad: number;
}

/** For lists of the positions that are not zero. */
export interface SparseCosts {
  /** Reading an entry, beside its splat. */
  readonly entry: number;
  /** Making an entry, and finishing one element of an image, by half multiply-adds. */
  readonly makeEntry: number;
  readonly finish: number;
  /** Multiply-adds at an entry's place, beside those of registers: where every vector is aligned, and where they are not. */
  readonly aligned: PlaceCosts;
  readonly unaligned: PlaceCosts;
  /** A vector of partial sums for each image. */
  readonly partialSums: number;
}

/** What a vector costs that is multiplied and added, and one that is added to. */
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
  /** A vector put together from single elements, and one whose elements lie apart. */
  readonly gather: number;
  readonly scatter: number;
  /** An element that has to be computed or chosen. */
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
  /** What a function takes longer than an operation, on one element or on a vector; those that are missing are operations. */
  readonly functions: Readonly<Partial<Record<UnaryOp | BinaryOp, number>>>;
  /** All threads meet. */
  readonly meeting: number;
  /** Work of each thread below which meeting the others costs more than it brings. */
  readonly share: number;
  /** What a run must win before workers are started for it: waking them costs as much. */
  readonly waking: number;
}
