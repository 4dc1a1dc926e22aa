/** The definition of an op: one object holds its typing rule, gradient, lowering, reference and test samples. */

import { isElement } from "../core/conversion.ts";
import type { DType } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { IndexLimit } from "../core/index-limit.ts";
import type { Layout } from "../core/layout.ts";
import { broadcastShapes, formatShape, type Shape } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Graph, Node, NodeType, StackedSum, TensorType, Value } from "../ir/types.ts";
import { int } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import type { Declaration } from "./declaration.ts";
import type { NdArray } from "./ndarray.ts";

/**
 * How fusion treats an op: `elementwise` follows its consumer's iteration; `row` is elementwise except for
 * reductions that are constant along rows; `view` moves no data; `contraction` is a reduced product and
 * anchors a kernel; `window` slides over its input; `sparse` is cheap to recompute and mostly zero; a
 * `generator` makes numbers from counters, several at once, in a kernel of its own; a `loop` is the kernels of its
 * body, run repeatedly; a `result` is one more value of the op that it reads, and is treated like that op.
 */
export type FusionPattern =
  | "elementwise"
  | "row"
  | "view"
  | "reduction"
  | "contraction"
  | "window"
  | "sparse"
  | "generator"
  | "loop"
  | "result";

/** An operand as a lowering sees it: its type, and its element at given indices as an expression. */
export interface Operand {
  readonly type: TensorType;
  at(indices: readonly Expr[]): Expr;
}

/** Types and attributes that drive the generated tests of an op. */
export interface Sample {
  readonly inputs: readonly SampleInput[];
  readonly attrs: Attrs;
}

/** How test data is drawn: away from kinks (`nonzero`), above zero or one, within (0, 1), or integers below `below`. */
export interface SampleInput extends TensorType {
  readonly draw?: "any" | "positive" | "nonzero" | "distinct" | "unit" | "above 1";
  readonly below?: number;
}

/** How the op appears when the graph is walked backwards from a tensor, in the spelling of PyTorch's tutorials. */
export interface BackwardInfo {
  /** `AddmmBackward`: no digit at the end; some names depend on types or attributes. */
  readonly name: string | ((inputs: readonly TensorType[], attrs: Attrs) => string);
  /** The inputs that its edges lead to, if not all of them in order. */
  readonly edges?: readonly number[] | ((attrs: Attrs) => readonly number[]);
  /** The input that PyTorch transposes first. */
  readonly transposed?: number;
}

/** How the elements of a tensor are laid out in the memory that it shows: strides count elements. */
export interface Strided {
  readonly shape: Shape;
  readonly strides: readonly number[];
}

/** Performs operations on whatever represents tensors while a rule is followed. */
export type Emit<T extends TensorType> = (op: string, inputs: readonly T[], attrs: Attrs) => T;

/**
 * What makes an op a view in PyTorch's sense: its result shows elements of its input's own memory, and what is written
 * to it is written there.
 */
export interface ViewRule {
  /** The strides of the result in the memory of `input`; `undefined` if these elements need a copy. */
  strides(input: Strided, output: TensorType, attrs: Attrs): readonly number[] | undefined;
  /** The input `base` with `written`, of the result's type, in place of the elements that the result shows. */
  put<T extends TensorType>(emit: Emit<T>, base: T, written: T, attrs: Attrs): T;
}

/** The least and the largest integer that may occur among the elements of a value. */
export type Range = readonly [least: number, most: number];

/** An input whose elements are indices, and their limits. */
export interface IndexUse extends Pick<IndexLimit, "of" | "below" | "least" | "ignoreIndex"> {
  /** The index of the input. */
  readonly input: number;
  /** The function that the user called, if it is not the op itself. */
  readonly op?: string;
}

/** Set for ops that move data and compute nothing: which element of the first input each element of the result is. */
export interface Movement {
  /** The index map: where in the input the element at `indices` of the result comes from. */
  source(indices: readonly Expr[], input: Shape, output: Shape, attrs: Attrs): readonly Expr[];
  /** Whether every element of the input is in the result, so that it suffices to check either. */
  readonly keepsAll?: true;
  /** Whether it is what elementwise ops do by themselves to an operand of a smaller shape. */
  readonly isBroadcast?: true;
}

/** Makes nodes in the form that the rewrites of their ops give them. */
export interface Rewriter {
  node(op: string, inputs: readonly Value[], attrs?: Attrs): Value;
}

/** An equal value that is simpler; `undefined` if the rewrite does not apply. */
export type Rewrite = (to: Rewriter, inputs: readonly Value[], attrs: Attrs) => Value | undefined;

/** An op that computes only some of its results: its remaining inputs and results. */
export interface Narrowed {
  readonly inputs: readonly number[];
  readonly results: readonly number[];
  readonly attrs: Attrs;
}

export interface OpDef extends Declaration {
  /** One paragraph: shapes, units, source of the formula. */
  readonly doc: string;
  readonly pattern: FusionPattern;
  /** Whether the two operands may be swapped. */
  readonly isCommutative?: true;
  /** Set for elementwise ops whose operands must have one shape; the others broadcast them. */
  readonly needsEqualShapes?: true;
  /**
   * Set for elementwise ops whose attributes give the shape of the
   * result: in another shape they would mean something else.
   */
  readonly shapedByAttributes?: true;
  /** Normalises attributes that mean the same, given the result. */
  canonicalAttrs?(attrs: Attrs, output: TensorType): Attrs;
  /** Simpler forms that equal the op: the first that applies is used. */
  readonly rewrites?: readonly Rewrite[];
  /** Set for ops that move data and compute nothing. */
  readonly movement?: Movement;
  /** Set for ops that move the elements of their inputs into one result, each to one place, and compute nothing. */
  readonly rearranges?: true;
  /** Whether recomputing an element costs less than loading it. */
  isFree?(inputs: readonly TensorType[]): boolean;
  /** Set for ops with several results, except loops: a word for each result after the first, which names its buffer. */
  readonly furtherResults?: readonly string[];
  /** Set for ops of pattern `row`: the axes of its rows. */
  rowAxes?(shape: Shape, attrs: Attrs): readonly number[];
  /** Set for windows over whose elements a contraction can be computed as they slide. */
  readonly holdsContraction?: boolean;
  /** Whether each element of the input is read at most once, and without a guard: for ops of pattern `window`. */
  readsOnce?(input: TensorType, output: TensorType, attrs: Attrs): boolean;
  /** Whether all elements of the result except one in each of the windows that tile it are known to be 0. */
  isMostlyZero?(inputs: readonly TensorType[], attrs: Attrs): boolean;
  /** The operand whose zeros kernels of the op can skip if it is mostly zero, if there is one. */
  skipsZerosOf?(attrs: Attrs): number | undefined;
  /** The order of axes that kernels prefer for each input in memory; row-major if absent. */
  readonly wantedLayouts?: readonly (Layout | undefined)[];
  /** Set for the gradient of a weight: it is used by an optimizer's update, which has a kernel of its own. */
  readonly isWeightGradient?: true;
  /**
   * Whether it takes any number of operands, of which adjacent
   * ones may be joined first: op(a, b, c) is op(op(a, b), c).
   */
  readonly joinsInParts?: boolean;
  /**
   * The inputs whose exact numbers matter because the result jumps: for a comparison, both. Each is computed in one
   * place only, so that a maximum is equal to the element that it was taken from, wherever either is read.
   */
  readonly compares?: readonly number[];
  /**
   * The result type; throws a KilnError that names the shapes and what was expected. It is only called with inputs and
   * attributes that its declaration allows (see `opTable`).
   */
  infer(inputs: readonly NodeType[], attrs: Attrs): NodeType;
  /**
   * The cotangents of the inputs, written with graph ops; `undefined` if no gradient flows. Elementwise
   * ops may return them in the broadcast shape of the output: autodiff sums them back in one place. `others` are the
   * cotangents of the further results, if there are any.
   */
  vjp(
    b: GraphBuilder,
    cotangent: Value,
    inputs: readonly Value[],
    output: Value,
    attrs: Attrs,
    others?: readonly (Value | undefined)[],
  ): readonly (Value | undefined)[];
  /** Set for ops whose vjp reads more than their results: the node with what it reads appended as further results. */
  saving?(b: GraphBuilder, node: Node): Node;
  /**
   * Set for ops with a body, to whose outputs stacked ones can be added: the input of the op that holds the value of a
   * body's input in any iteration; `undefined` if iterations compute it.
   */
  bodyInputs?(attrs: Attrs): readonly (number | undefined)[];
  /** Set for ops that need not compute all their results: what remains if only some are `used`. */
  without?(inputs: readonly Value[], attrs: Attrs, used: ReadonlySet<number>): Narrowed;
  /** Set for ops whose sum over the iterations of a loop can be computed at once from their stacked inputs. */
  sumOverStacks?(inputs: readonly TensorType[], attrs: Attrs): StackedSum | undefined;
  /** How `gradFn` shows it. */
  readonly backward: BackwardInfo;
  /** Set for ops that show their input's own memory. */
  readonly view?: ViewRule;
  /** Set for ops that only say something about gradients or memory: after autodiff their first input replaces them. */
  readonly computesNothing?: true;
  /** The inputs that hold indices, which the runtime checks. */
  indices?(inputs: readonly TensorType[], attrs: Attrs): readonly IndexUse[];
  /**
   * The range of a result that is not a float, given those of the inputs; `undefined` if it is not known. What is
   * proved to be within a limit need not be checked against it. `result` says which result, if there are several.
   */
  range?(
    inputs: readonly (Range | undefined)[],
    types: readonly TensorType[],
    attrs: Attrs,
    result: number,
  ): Range | undefined;
  /**
   * The value of the output element at `indices`, reductions explicit. `result` says which of several results it
   * belongs to, whose type is `output`: results that are used are computed by one kernel if their shapes allow it.
   */
  lower(
    operands: readonly Operand[],
    output: TensorType,
    attrs: Attrs,
    result: number,
  ): (indices: readonly Expr[]) => Expr;
  /** A naive implementation in double precision, for tests only. */
  reference(
    inputs: readonly NdArray[],
    output: NodeType,
    attrs: Attrs,
    runBody?: (body: Graph, inputs: readonly NdArray[]) => readonly NdArray[],
  ): NdArray;
  samples(): readonly Sample[];
}

export const f32 = (...shape: number[]): TensorType => ({ dtype: "float32", shape });

/** The integer list in an attribute; declared attributes are known to exist. */
export const ints = (attrs: Attrs, name: string): readonly number[] => attrs[name] as readonly number[];
export const number = (attrs: Attrs, name: string): number => attrs[name] as number;
export const text = (attrs: Attrs, name: string): string => attrs[name] as string;

export const describe = (type: TensorType): string => `${type.dtype}${formatShape(type.shape)}`;

/** Throws unless every input is float32. */
export function requireFloat(op: string, inputs: readonly TensorType[]): void {
  for (const type of inputs) {
    if (type.dtype !== "float32")
      throw new KilnError(`${op} expects float32 tensors but got ${describe(type)}; use .float()`);
  }
}

/** Throws unless `value`, an attribute, is an element of `dtype`. */
export function requireElement(op: string, name: string, value: number, dtype: DType): void {
  if (!isElement(value, dtype))
    throw new KilnError(`${op} needs an element of ${dtype} as ${name}, not ${value}`);
}

/** The broadcast shape of two operands, or an error that shows both. */
export function requireBroadcast(op: string, a: Shape, b: Shape): number[] {
  const shape = broadcastShapes(a, b);
  if (shape === undefined) {
    throw new KilnError(
      `${op} cannot combine shapes ${formatShape(a)} and ${formatShape(b)}: ` +
        "aligned from the right, extents must be equal or 1",
    );
  }
  return shape;
}

/** The operand's element that broadcasting puts at `indices` of the result. */
export function broadcastRead(operand: Operand, indices: readonly Expr[]): Expr {
  const { shape } = operand.type;
  const skipped = indices.length - shape.length;
  return operand.at(shape.map((extent, axis) => (extent === 1 ? int(0) : indices[axis + skipped])));
}

/** The range of a result that takes its elements from all of its inputs. */
export function unionOf(ranges: readonly (Range | undefined)[]): Range | undefined {
  const known = ranges.filter((range) => range !== undefined);
  if (known.length < ranges.length || known.length === 0) return undefined;
  return [Math.min(...known.map(([least]) => least)), Math.max(...known.map(([, most]) => most))];
}

/** The properties of an op that moves data and computes nothing: all follow from its index map. */
export const moves = (movement: Movement): Pick<OpDef, "movement" | "range" | "lower"> => ({
  movement,
  range: ([range]) => range,
  lower:
    ([x], output, attrs) =>
    (indices) =>
      x.at(movement.source(indices, x.type.shape, output.shape, attrs)),
});

/** Whether `value` was computed by `op`. */
export const isNodeOf = (value: Value, op: string): value is Node => value.kind === "node" && value.op === op;

/** Replaces the index along `axis`. */
export const withIndex = <T>(indices: readonly T[], axis: number, index: T): T[] =>
  indices.map((own, k) => (k === axis ? index : own));
