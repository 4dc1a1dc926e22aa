/**
 * The Loop IR: kernels over flat buffers, the form that passes schedule and every backend prints.
 * A lowered kernel is a nest of grid loops whose stores hold pure expressions with explicit `reduce`
 * nodes; scheduling turns those into loops, accumulators and tiles, after which no `reduce` is left.
 */

import type { DType, ScalarType } from "../core/dtype.ts";
import type { Origin } from "../core/origin.ts";
import type { Schedule } from "./schedule.ts";

/** `expm1` is `e^x - 1` and `log1p` is `log(1 + x)`, both exact near 0. */
export type ElementaryFunction =
  | "exp"
  | "log"
  | "expm1"
  | "log1p"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh";

/** `round` rounds ties to even. */
export type UnaryOp =
  | "neg"
  | ElementaryFunction
  | "sqrt"
  | "floor"
  | "ceil"
  | "trunc"
  | "round"
  | "abs"
  | "sign"
  | "not"
  | "isnan";

/**
 * `div` on int32 is floor division and `mod` takes the divisor's sign; both need a positive divisor. `and` and `or`
 * are boolean. `fmod` has the dividend's sign, and on int32 is 0 if the divisor is; `atan2` is the angle of the
 * point (b, a). On uint32 there are `add`, `sub`, `mul`, and three for bits alone: `xor`, `bitand`, and
 * `shr`, which shifts zeros in from above.
 */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "mod"
  | "max"
  | "min"
  | "pow"
  | "atan2"
  | "fmod"
  | "and"
  | "or"
  | "xor"
  | "bitand"
  | "shr";

/**
 * The type of an expression: a dtype, or a 32-bit word (`uint32`), whose arithmetic wraps around modulo 2³². Words
 * are used in expressions only, never in a buffer; int32, the type of indices, is known never to overflow. A cast
 * between int32 and uint32 keeps the bits.
 */
export type ExprType = ScalarType;

export type CompareOp = "lt" | "le" | "gt" | "ge" | "eq" | "ne";

/**
 * `argmax` and `winner` yield the position of the first maximum in row-major order; NaN counts as the largest. Of
 * several NaN the first is the argmax, and the last the winner, as in PyTorch's pools.
 */
export type ReduceOp = "sum" | "max" | "argmax" | "winner";

/** One variable of a reduction; it runs from 0 to `extent` - 1, the first axis outermost. */
export interface ReduceAxis {
  readonly name: string;
  readonly extent: number;
}

/** Pure expressions. `select` evaluates only the branch it takes, so it guards loads. */
export type Expr =
  | { readonly kind: "const"; readonly dtype: ExprType; readonly value: number }
  | { readonly kind: "var"; readonly dtype: "int32"; readonly name: string }
  | { readonly kind: "local"; readonly dtype: ExprType; readonly name: string }
  | { readonly kind: "scalar"; readonly dtype: ExprType; readonly name: string }
  | { readonly kind: "load"; readonly dtype: DType; readonly buffer: string; readonly index: Expr }
  | { readonly kind: "unary"; readonly dtype: ExprType; readonly op: UnaryOp; readonly a: Expr }
  | {
      readonly kind: "binary";
      readonly dtype: ExprType;
      readonly op: BinaryOp;
      readonly a: Expr;
      readonly b: Expr;
    }
  | {
      readonly kind: "compare";
      readonly dtype: "bool";
      readonly op: CompareOp;
      readonly a: Expr;
      readonly b: Expr;
    }
  | {
      readonly kind: "select";
      readonly dtype: ExprType;
      readonly condition: Expr;
      readonly a: Expr;
      readonly b: Expr;
    }
  | { readonly kind: "cast"; readonly dtype: ExprType; readonly a: Expr }
  | {
      readonly kind: "reduce";
      readonly dtype: ExprType;
      readonly op: ReduceOp;
      readonly axes: readonly ReduceAxis[];
      readonly body: Expr;
    };

/** The iterations of `grid` and `thread` loops are independent; those of a `thread` loop may run at the same time. */
export type LoopKind = "grid" | "serial" | "reduce" | "unroll" | "vector" | "thread";

/** An integer local that starts at `init` with its loop and grows by `step` each iteration: a bumped pointer. */
export interface Induction {
  readonly name: string;
  readonly init: Expr;
  readonly step: number;
}

export type Stmt =
  | {
      readonly kind: "for";
      readonly name: string;
      /**
       * A literal, or an int32 local that `append` counted: `most` bounds it, and `usual` is its expected value
       * if several lists share their entries (then less than `most`).
       */
      readonly extent: number | { readonly count: string; readonly most: number; readonly usual?: number };
      readonly loop: LoopKind;
      readonly inductions?: readonly Induction[];
      readonly body: readonly Stmt[];
    }
  | { readonly kind: "let"; readonly name: string; readonly value: Expr }
  /** A local that later `assign`s change; an integer one declares the values it may take. */
  | {
      readonly kind: "accumulator";
      readonly name: string;
      readonly init: Expr;
      readonly range?: readonly [number, number];
    }
  | { readonly kind: "assign"; readonly name: string; readonly value: Expr }
  | { readonly kind: "store"; readonly buffer: string; readonly index: Expr; readonly value: Expr }
  | { readonly kind: "if"; readonly condition: Expr; readonly body: readonly Stmt[] }
  /**
   * Writes `values` at `base + count` of their buffers, then increments `count` if `condition` holds: a list
   * without branches. `count` is an accumulator that only `append` changes; it stays below `capacity`.
   */
  | {
      readonly kind: "append";
      readonly count: string;
      readonly capacity: number;
      readonly condition: Expr;
      readonly base: Expr;
      readonly values: readonly { readonly buffer: string; readonly value: Expr }[];
    }
  /** A part that shares no locals with its surroundings; a printer may give it a function of its own. */
  | { readonly kind: "section"; readonly name: string; readonly body: readonly Stmt[] };

export interface BufferParam {
  readonly name: string;
  readonly dtype: DType;
  /** Elements. */
  readonly length: number;
  readonly access: "read" | "write" | "readwrite" | "scratch";
  /** Inclusive bounds of the values an index buffer holds, so that indirect loads stay provable. */
  readonly range?: readonly [number, number];
  /** Scratch that each thread has its own copy of: nothing in it outlives an iteration of the kernel's thread loop. */
  readonly private?: true;
  /** The graph's value in this buffer, as the dump names it (`@conv1.weight`, `%4`). */
  readonly value?: string;
}

export interface Kernel {
  /** Named by its ops, made unique within a program: `conv2d_relu_max_pool2d_2`. */
  readonly name: string;
  readonly ops: readonly string[];
  readonly buffers: readonly BufferParam[];
  /** Names of the scalar inputs it reads, such as the learning rate. */
  readonly scalars: readonly string[];
  readonly body: readonly Stmt[];
  readonly origins: readonly Origin[];
  /** The transformations that made it. Absent before scheduling. */
  readonly schedule?: Schedule;
  /**
   * The time that the cost model expects, in multiply-adds of a full register tile (of vectors, if the backend has
   * them); includes packing for this kernel and finishing it. Absent before scheduling.
   */
  readonly estimate?: number;
  /** The same in dense GFLOP/s, given the throughput of a full tile in the backend's capabilities. */
  readonly estimatedGflops?: number;
  /** The number of threads that its `thread` loops are worth dividing among; 1 if absent. */
  readonly threads?: number;
  /** Dense arithmetic of the lowered form (multiply-add = 2), before a strategy skips anything. */
  readonly nominalFlops: number;
}
