/**
 * Tensor: a handle on a value. In a trace it represents a node of the graph; outside, it either holds data or is lazy,
 * and reading it makes an injected evaluator compute it.
 */

import { describeValue } from "../core/describe-value.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { invariant, KilnError } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { Origin } from "../core/origin.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../core/shape.ts";
import type { Attrs, NodeType, Value } from "../ir/types.ts";
import { definitionOf, opTable } from "../ops/registry.ts";
import { ownAxisOf } from "./axes.ts";
import { boundBacklog } from "./backlog.ts";
import { BACKWARD_OPTIONS, type BackwardOptions } from "./backward-options.ts";
import { checkedIndices } from "./checked-indices.ts";
import { currentDifferentiator, currentRecorder, type Recorder } from "./context.ts";
import { formatTensor, formatUnread } from "./format.ts";
import { AccumulateGrad, type GradFn, OperationGradFn } from "./grad-fn.ts";
import { isGradEnabled } from "./grad-mode.ts";
import { addGradientHook, type GradientHook, type RemovableHandle } from "./gradient-hooks.ts";
import { InPlaceMethods } from "./in-place.ts";
import { injectApply } from "./operation.ts";
import { rememberScalar } from "./pending.ts";
import { hasFloat, rememberTraced } from "./remember.ts";
import { HostStorage, type NestedNumbers, nest } from "./storage.ts";
import { Version } from "./version.ts";
import { bringUpToDate, type LateWrite, type Memory, shareDetached, type ViewLink } from "./view.ts";

export type { NestedNumbers, Storage } from "./storage.ts";

/**
 * The value of a tensor: numbers, or a value of the graph of a model that is being traced, to which gradients flow back
 * or not.
 */
export type Source =
  | Version
  | {
      readonly kind: "traced";
      readonly value: Value;
      readonly tracksGradient: boolean;
      /** Who recorded it. */
      readonly by: Recorder;
    };

/** The method whose text Node's `console.log` shows. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/**
 * Numbers of one dtype in a shape: a value that can be read (`await t.array()`), or inside of `forward` a value of the
 * graph that is being made. Made by {@link tensor}, {@link zeros}, {@link randn} and their like; operations are methods
 * with PyTorch's names in camelCase.
 *
 * ```ts
 * const x = tensor([[1, 2], [3, 4]]);
 * const y = x.matmul(x).relu().sum(0);
 * console.log(await y.array()); // [22, 32]
 * ```
 */
export class Tensor extends InPlaceMethods {
  /** The extent along each axis; [] for a single number. */
  readonly shape: Shape;
  /** The type of the elements: "float32", "int32", "bool", or "uint8" for bytes. */
  readonly dtype: DType;
  private source: Source;
  private wantsGrad = false;
  private gradient: Tensor | null = null;
  private madeBy: GradFn | null = null;
  private accumulator: AccumulateGrad | undefined;
  /** @internal Whose memory this tensor shows, if not its own; for view.ts, as are the four that follow. */
  link: ViewLink | undefined;
  /** @internal Its own memory, once another tensor shows the numbers there. */
  memory: Memory | undefined;
  /** @internal What was written to a view of this tensor and not yet put back. */
  late: LateWrite | undefined;
  /** @internal How often the value of this tensor has changed. */
  changes = 0;
  /** @internal How often it got a history by that. */
  recordedChanges = 0;

  /** @internal Users make tensors with `tensor()`, `zeros()` and the like. */
  constructor(shape: Shape, dtype: DType, source: Source) {
    super();
    this.shape = shape;
    this.dtype = dtype;
    this.source = source;
  }

  /** @internal A tensor over host data; the array is kept, not copied. */
  static fromData(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    invariant(data.length === sizeOf(shape), "data fits its shape");
    const made = new Tensor(shape, dtype, Version.of({ shape, dtype }, new HostStorage(data)));
    currentRecorder()?.made(made);
    return made;
  }

  /** @internal The value of this tensor; for the tracer, the evaluator and the store. */
  get behind(): Source {
    this.update();
    return this.source;
  }

  /** Shows what was written to memory that this tensor shares with others. */
  private update(): void {
    if (this.link !== undefined || this.late !== undefined) bringUpToDate(this);
  }

  /** @internal The current version of the numbers; throws inside of `forward`, where there are none. */
  get version(): Version {
    const { behind } = this;
    if (behind.kind === "traced") throw tracedValueError();
    return behind;
  }

  /** @internal Whether it represents a value of a graph that is being built. */
  get isTraced(): boolean {
    return this.source.kind === "traced";
  }

  /** @internal The recorder of its operations; undefined unless it represents a value of a graph. */
  get recorder(): Recorder | undefined {
    return this.source.kind === "traced" ? this.source.by : undefined;
  }

  /** @internal Makes only this tensor, not others that share its memory, refer to another value of the same type. */
  become(source: Source, madeBy = this.madeBy): void {
    this.source = source;
    this.madeBy = madeBy;
    this.changes++;
  }

  /** @internal Another tensor of the same numbers, without a history, which shares no memory with this one. */
  twin(): Tensor {
    const { behind } = this;
    const source = behind.kind === "traced" ? { ...behind, tracksGradient: false } : behind.shared();
    return new Tensor(this.shape, this.dtype, source);
  }

  /** Whether gradients are wanted for it: set on a leaf, and true for what is computed from such leaves. */
  get requiresGrad(): boolean {
    this.update();
    const { source } = this;
    return source.kind === "traced" ? source.tracksGradient : this.wantsGrad || this.madeBy !== null;
  }

  set requiresGrad(wanted: boolean) {
    this.update();
    if (this.madeBy !== null && !wanted) {
      throw new KilnError(
        "requiresGrad can be changed on leaves alone: use detach() for a tensor without history",
      );
    }
    if (wanted && this.dtype !== "float32") {
      throw new KilnError(`only float32 tensors can require gradients, not ${this.dtype}`);
    }
    if (this.madeBy !== null) return;
    this.wantsGrad = wanted;
    if (wanted && this.source.kind === "traced") this.source = { ...this.source, tracksGradient: true };
  }

  /** Sets {@link requiresGrad}, true by default, and gives the tensor back. */
  requiresGrad_(wanted = true): this {
    this.requiresGrad = wanted;
    return this;
  }

  /** Whether no operation that is remembered made this tensor. */
  get isLeaf(): boolean {
    return this.gradFn === null;
  }

  /** What `backward` has added up for this leaf; `null` before the first, and after zeroGrad(). */
  get grad(): Tensor | null {
    return this.gradient;
  }

  set grad(gradient: Tensor | null) {
    if (gradient !== null) checkGradient(gradient, this);
    this.gradient = gradient;
  }

  /** The operation that made this tensor, to walk back from; `null` for leaves. */
  get gradFn(): GradFn | null {
    this.update();
    return this.madeBy;
  }

  /** @internal Where gradients for this tensor go: to what made it, or to its own `grad`. */
  get gradEdge(): GradFn | undefined {
    return this.gradFn ?? (this.wantsGrad || this.requiresGrad ? this.asLeaf : undefined);
  }

  /** @internal Its function as a leaf, whatever it was computed from. */
  get asLeaf(): AccumulateGrad {
    this.accumulator ??= new AccumulateGrad(this);
    return this.accumulator;
  }

  /**
   * Adds to `grad` of every leaf that this tensor was computed from. A result of one element needs no argument, any
   * other the gradient that arrives at it. The graph is freed unless it is retained. Inside of `forward` it reaches
   * tensors that forward itself created, never parameters; in a step that `compileStep` traces, it reaches all.
   */
  backward(gradient?: Tensor | null, options?: BackwardOptions): void;
  backward(options: BackwardOptions): void;
  backward(first?: Tensor | null | BackwardOptions, last?: BackwardOptions): void {
    const isTensor = first instanceof Tensor || (first ?? undefined) === undefined;
    const options = (isTensor ? last : (first as BackwardOptions)) ?? {};
    checkOptionNames("backward", options, BACKWARD_OPTIONS);
    const gradient = isTensor ? ((first as Tensor | null | undefined) ?? undefined) : options.gradient;
    const { createGraph = false, retainGraph = createGraph, inputs } = options;
    const wanted = inputs instanceof Tensor ? [inputs] : inputs;
    currentDifferentiator().backward(this, gradient, wanted, { createGraph, retainGraph });
  }

  /**
   * Has `hook` called with the gradient of this tensor whenever one has been derived, before it goes further back or is
   * added to `grad`; a tensor that it returns takes its place. In a compiled model it is called once, when that is
   * traced.
   */
  registerHook(hook: GradientHook): RemovableHandle {
    return addGradientHook(this, hook);
  }

  /**
   * The same memory without a history, so that no gradient flows back: writes to one are visible in the other. An
   * optimizer's step gives a parameter new memory, so that this keeps the numbers from before; `detach().clone()` keeps
   * the current numbers, whatever is written.
   */
  detach(): Tensor {
    const { behind } = this;
    const result =
      behind.kind === "traced" || currentRecorder() !== undefined
        ? apply("detach", [this])
        : new Tensor(this.shape, this.dtype, behind.shared());
    shareDetached(result, this);
    return result;
  }

  /** How many dimensions there are. */
  get ndim(): number {
    return this.shape.length;
  }

  /** How many elements there are. */
  numel(): number {
    return sizeOf(this.shape);
  }

  /** The shape, or the extent along `dim`; a negative one counts from the end. */
  /** The shape, or the extent along `dim`; a negative one counts from the end. */
  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    return dim === undefined ? this.shape : this.shape[ownAxisOf("size", this, dim)];
  }

  /** The numbers themselves, not a copy, if they are on the host; for feeding programs without waiting. */
  peek(): TypedArray | undefined {
    const { behind } = this;
    return behind.kind === "version" ? behind.storage?.peek() : undefined;
  }

  /** The numbers in row-major order, as the caller's own copy. */
  data(): Promise<TypedArray> {
    return this.version.read().then((data) => data.slice());
  }

  /** The only number of a tensor of one element. */
  item(): Promise<number> {
    const { version } = this;
    if (this.numel() !== 1) {
      return Promise.reject(new KilnError(`item() needs a tensor of one element, not shape [${this.shape}]`));
    }
    return version.read().then((data) => data[0]);
  }

  /** The numbers as nested arrays; a plain number for a scalar. */
  array(): Promise<NestedNumbers> {
    return this.version.read().then((data) => nest(data, this.shape, 0, { at: 0 }));
  }

  /** The text that PyTorch's `print` gives. */
  format(): Promise<string> {
    return this.version.read().then((data) => formatTensor(data, this.shape, this.dtype, this.suffixes));
  }

  /** The suffix after the numbers in the printed text. */
  private get suffixes(): readonly string[] {
    const { gradFn } = this;
    if (gradFn !== null) return [`grad_fn=<${gradFn.name}>`];
    return this.wantsGrad ? ["requires_grad=True"] : [];
  }

  /** The text of {@link format} if the numbers are on the host; else shape and dtype, and how to read the numbers. */
  override toString(): string {
    const { isTraced, shape, dtype } = this;
    const data = this.peek();
    return data === undefined
      ? formatUnread(shape, dtype, isTraced)
      : formatTensor(data, shape, dtype, this.suffixes);
  }

  /** As text; `await t.array()` gives numbers for JSON. */
  toJSON(): string {
    return this.toString();
  }

  /** What Node's `console.log` shows. */
  [INSPECT](): string {
    return this.toString();
  }

  /** A tensor is no number and no condition: its value is not there without waiting. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    if (this.isTraced) throw tracedValueError();
    throw new KilnError("a tensor cannot be used as a number or in a condition: read it with await t.item()");
  }
}

/** Whether gradients flow back from one of an operation's results to its inputs. */
export const isLearned = (type: NodeType, inputs: readonly Tensor[]): boolean =>
  hasFloat(type) && inputs.some(({ requiresGrad }) => requiresGrad);

/** For a tensor that the body of a loop has made, after the loop. */
export const outsideBody = (op: string): string =>
  `${op} is given a tensor from the body of a scan, outside of it: what is needed outside must be among its results`;

/** The one way an operation happens: recorded while tracing, else lazy. Shapes are checked at once. */
export function apply(op: string, inputs: readonly Tensor[], attrs: Attrs = {}): Tensor {
  const recorder = currentRecorder();
  const stranger = inputs.find((input) => !(input instanceof Tensor));
  if (stranger !== undefined || inputs.includes(undefined as never)) {
    const advice = isNumbers(stranger) ? ": tensor([...]) makes one" : "";
    throw new KilnError(
      `${op} is given ${describeValue(stranger)} where it expects a tensor${advice}`,
      originNow(),
    );
  }
  if (recorder !== undefined) {
    const detached = (input: Tensor): Tensor =>
      input.requiresGrad ? recorder.record("detach", [input], {}) : input;
    if (!isGradEnabled()) return recorder.record(op, op === "detach" ? inputs : inputs.map(detached), attrs);
    return rememberTraced(recorder, op, inputs, attrs);
  }
  const versions = inputs.map(({ behind }): Version => {
    if (behind.kind === "version") return behind;
    throw new KilnError(
      behind.by.isBody
        ? outsideBody(op)
        : `${op} is given a tensor that belongs to a model being traced, after the trace has ended`,
    );
  });
  const type = opTable.infer(
    op,
    versions.map((version) => version.type),
    attrs,
  );
  const origins = definitionOf(op).indices === undefined ? undefined : checkedIndices(op, versions, attrs);
  const output = Version.from(type, { op, inputs: versions, attrs, ...(origins && { origins }) });
  if (sizeOf(type.shape) === 1 && type.others === undefined) rememberScalar(output);
  const result = new Tensor(type.shape, type.dtype, output);
  if (isGradEnabled() && hasFloat(type)) {
    const edges = inputs.map(({ gradEdge }) => gradEdge);
    if (edges.some((edge) => edge !== undefined)) {
      result.become(output, new OperationGradFn({ op, attrs, inputs: versions, output }, edges));
    }
  }
  boundBacklog(output, result.gradFn !== null);
  return result;
}

injectApply(apply);

function checkGradient(gradient: Tensor, leaf: Tensor): void {
  if (gradient.dtype === leaf.dtype && sameShape(gradient.shape, leaf.shape)) return;
  throw new KilnError(
    `a gradient must have its tensor's type ${leaf.dtype}${formatShape(leaf.shape)}, ` +
      `not ${gradient.dtype}${formatShape(gradient.shape)}`,
  );
}

const isNumbers = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

/** The line of the model that is being traced, if one is. */
const originNow = (): Origin[] => [currentRecorder()?.origin()].filter((origin) => origin !== undefined);

function tracedValueError(): KilnError {
  return new KilnError(
    "a tensor's value cannot be read inside forward: forward runs once, on shapes alone, to build the graph, " +
      "and there are no numbers yet; return the tensor, or read it outside",
    originNow(),
  );
}
