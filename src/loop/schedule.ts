/**
 * A schedule: the list of transformations that turn a lowered kernel into what a backend prints. It is plain data,
 * chosen by a plan, printed in dumps, kept by the tuner, and carried out by one function; buffers are named by their
 * role in the kernel, so that it means the same for every kernel that computes the same.
 */

/**
 * What happens to the rest of a loop that does not fill whole vectors:
 * padded with zeros, the last vector moved back, or single elements.
 */
export type Tail = "padded" | "shifted" | "peeled";

/** A loop cut into vectors of so many lanes, with `vectors` of them in one iteration. */
export interface VectorSplit {
  readonly loop: string;
  readonly vectors: number;
  readonly lanes: number;
  readonly tail: Tail;
}

/** A factor of the product that a kernel sums up. */
export type Operand = "left" | "right";

export type Step =
  /** Joins innermost loops that all accesses step through as if they were one. */
  | { readonly kind: "flatten" }
  /** The same for the innermost axes of the sum. */
  | { readonly kind: "fuse-sum" }
  /** Loops from the outermost in; and the axes of the sum. */
  | { readonly kind: "reorder"; readonly loops: readonly string[] }
  | { readonly kind: "reorder-sum"; readonly loops: readonly string[] }
  /** Splits a loop and writes out the iterations of the inner part; the remainder is peeled off. */
  | { readonly kind: "unroll"; readonly loop: string; readonly by: number }
  /** The same for all axes of the pooling window around the sum. */
  | { readonly kind: "unroll-window" }
  /**
   * Runs a loop in lanes: one of the kernel's, of the section with
   * that number if it has several, or the sum's innermost axis.
   */
  | (VectorSplit & { readonly kind: "vectorize"; readonly section?: number })
  /**
   * Copies a factor into scratch in the order in which it is read, guards resolved
   * to zeros. Each part of the layout names loops that the factor sees in one
   * combination; with `tiles`, vectors along that loop are contiguous, innermost.
   */
  | {
      readonly kind: "cache";
      readonly operand: Operand;
      readonly layout: readonly (readonly string[])[];
      readonly tiles?: VectorSplit;
    }
  /** Sets the destination to zero in lanes, then stores the part that guards let through without testing them. */
  | { readonly kind: "clear"; readonly lanes: number }
  /**
   * Keeps sums in scratch, in rows of whole vectors along a loop, from iteration to
   * iteration of the axis `over`; a kernel of their own finishes them.
   */
  | { readonly kind: "accumulate"; readonly loop: string; readonly lanes: number; readonly over?: string }
  /**
   * Runs the sum over lists of the elements of a sparse factor; with
   * `partialSums`, those of each list are accumulated in memory.
   */
  | { readonly kind: "compact"; readonly operand: Operand; readonly partialSums?: true }
  /** Runs the reductions that serve a whole row along it, in so many vectors at once whose lanes are then combined. */
  | { readonly kind: "statistics"; readonly vectors: number; readonly lanes: number }
  /** Minimal filtering with tiles of places, or of the taps of a weight gradient. */
  | {
      readonly kind: "winograd";
      readonly over: "places" | "taps";
      /** F(outputs, taps), rows and columns. */
      readonly outputs: readonly [number, number];
      readonly taps: readonly [number, number];
      /** Images that are transformed together, and groups of such blocks that are independent. */
      readonly images: number;
      readonly groups: number;
      /** A tile of products: rows, and vectors of lanes. */
      readonly rows: number;
      readonly vectors: number;
      readonly lanes: number;
    }
  /** Splits the contraction by the remainders of loops, each phase scheduled by the steps after its number. */
  | { readonly kind: "phases"; readonly loops: readonly string[] }
  | { readonly kind: "phase"; readonly number: number }
  /**
   * Stores the elements of all phases in one nest, sums written out term by term; the steps after it change that nest.
   */
  | { readonly kind: "join-phases" }
  /** Begins the steps of a kernel that has become a part of another one. */
  | { readonly kind: "part"; readonly name: string }
  /** One thread for each element. */
  | { readonly kind: "map-to-threads" }
  /** Divides the work of loops, each of a section of its own, among so many threads. */
  | { readonly kind: "parallelize"; readonly loops: readonly string[]; readonly threads: number };

export type Schedule = readonly Step[];

/** The text of a schedule that changes nothing. */
export const PLAIN = "plain";

/** The steps one after the other: `unroll i1 by 4; vectorize i2 by 2x4 padded`. */
export const printSchedule = (schedule: Schedule): string =>
  schedule.length === 0 ? PLAIN : schedule.map(printStep).join("; ");

function printStep(step: Step): string {
  switch (step.kind) {
    case "flatten":
    case "fuse-sum":
    case "unroll-window":
    case "join-phases":
    case "map-to-threads":
      return step.kind;
    case "reorder":
    case "reorder-sum":
      return `${step.kind} ${step.loops.join(" ")}`;
    case "unroll":
      return `unroll ${step.loop} by ${step.by}`;
    case "vectorize":
      return `vectorize ${printSplit(step)}${step.section === undefined ? "" : ` in ${step.section}`}`;
    case "cache": {
      const layout = step.layout.map((loops) => ` ${loops.join("+")}`).join("");
      return `cache ${step.operand} as${layout}${step.tiles === undefined ? "" : ` of ${printSplit(step.tiles)}`}`;
    }
    case "clear":
      return `clear by ${step.lanes}`;
    case "statistics":
      return `statistics by ${step.vectors}x${step.lanes}`;
    case "accumulate":
      return `accumulate ${step.loop} by ${step.lanes}${step.over === undefined ? "" : ` over ${step.over}`}`;
    case "compact":
      return `compact ${step.operand}${step.partialSums ? " with partial sums" : ""}`;
    case "winograd": {
      const form = `F(${step.outputs.join("x")}, ${step.taps.join("x")})`;
      const blocks = `images ${step.images}, groups ${step.groups}`;
      return `winograd ${form} over ${step.over}, ${blocks}, tiles ${step.rows}x${step.vectors}x${step.lanes}`;
    }
    case "phases":
      return `phases of ${step.loops.join(" ")}`;
    case "phase":
      return `phase ${step.number}`;
    case "part":
      return `part ${step.name}`;
    case "parallelize":
      return `parallelize ${step.loops.join(" ")} among ${step.threads}`;
    default:
      return step satisfies never;
  }
}

const printSplit = ({ loop, vectors, lanes, tail }: VectorSplit): string =>
  `${loop} by ${vectors}x${lanes} ${tail}`;

/** Whether two schedules are the same. */
export const sameSchedule = (a: Schedule, b: Schedule): boolean => printSchedule(a) === printSchedule(b);

/** The vectors that a schedule runs a loop in; one of one lane if it has none. */
export function vectorized(schedule: Schedule): Pick<VectorSplit, "vectors" | "lanes"> {
  return schedule.find((step) => step.kind === "vectorize") ?? { vectors: 1, lanes: 1 };
}

/** The lanes of these vectors. */
export const lanesIn = (schedule: Schedule): number => vectorized(schedule).lanes;

/** How many iterations of a loop a schedule writes out. */
export function unrolledBy(schedule: Schedule, loop: string): number {
  const unrolls = schedule.filter((step) => step.kind === "unroll");
  return unrolls.find((step) => step.loop === loop)?.by ?? 1;
}
