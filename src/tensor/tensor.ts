/**
 * Tensor: a handle on a value. While a model is traced it stands for a node of the graph; outside it either
 * holds data or is lazy, and reading it has an injected evaluator compute it.
 */

import { allocate, type DType, type TypedArray } from "../core/dtype.ts";
import { invariant, KilnError } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import { normalizeAxis, type Shape, sizeOf } from "../core/shape.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import { currentEvaluator, currentRecorder } from "./context.ts";
import { formatTensor } from "./format.ts";
import { TensorMethods } from "./methods.ts";
import { injectApply } from "./operation.ts";
import {
  dtypeOfArray,
  HostStorage,
  type NestedNumbers,
  nest,
  numbersIn,
  type Storage,
  shapeOfNested,
} from "./storage.ts";

export type { NestedNumbers, Storage } from "./storage.ts";

/** What stands behind a tensor. */
export type Source =
  | { readonly kind: "leaf"; readonly storage: Storage }
  | { readonly kind: "lazy"; readonly op: string; readonly inputs: readonly Tensor[]; readonly attrs: Attrs }
  | { readonly kind: "traced"; readonly value: Value };

export class Tensor extends TensorMethods {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Whether gradients are wanted; parameters set it. */
  requiresGrad = false;
  private source: Source;

  constructor(shape: Shape, dtype: DType, source: Source) {
    super();
    this.shape = shape;
    this.dtype = dtype;
    this.source = source;
  }

  /** A tensor over host data; the array is kept, not copied. */
  static fromData(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    invariant(data.length === sizeOf(shape), "data fits its shape");
    return new Tensor(shape, dtype, { kind: "leaf", storage: new HostStorage(data) });
  }

  /** What stands behind this tensor; for the tracer, the evaluator and the store. */
  get behind(): Source {
    return this.source;
  }

  /** Moves a leaf's numbers to another storage, when a store takes them over. */
  rebind(storage: Storage): void {
    this.source = { kind: "leaf", storage };
  }

  get ndim(): number {
    return this.shape.length;
  }

  numel(): number {
    return sizeOf(this.shape);
  }

  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    return dim === undefined ? this.shape : this.shape[normalizeAxis(dim, this.shape.length)];
  }

  /** The numbers themselves, not a copy, when they lie on the host; for feeding programs without waiting. */
  peek(): TypedArray | undefined {
    return this.source.kind === "leaf" ? this.source.storage.peek() : undefined;
  }

  /** The numbers in row-major order, as the caller's own copy. */
  data(): Promise<TypedArray> {
    this.requireValue();
    return this.read().then((data) => data.slice());
  }

  /** The only number of a tensor of one element. */
  item(): Promise<number> {
    this.requireValue();
    if (this.numel() !== 1) {
      return Promise.reject(new KilnError(`item() needs a tensor of one element, not shape [${this.shape}]`));
    }
    return this.read().then((data) => data[0]);
  }

  /** The numbers as nested arrays; a plain number for a scalar. */
  array(): Promise<NestedNumbers> {
    this.requireValue();
    return this.read().then((data) => nest(data, this.shape, 0, { at: 0 }));
  }

  /** The text that PyTorch's `print` gives. */
  format(): Promise<string> {
    this.requireValue();
    return this.read().then((data) => formatTensor(data, this.shape, this.dtype));
  }

  /** A tensor is no number and no condition: its value is not there without waiting. */
  [Symbol.toPrimitive](hint: string): string {
    this.requireValue();
    if (hint === "string") return `Tensor(${this.dtype}[${this.shape}])`;
    throw new KilnError("a tensor cannot be used as a number or in a condition: read it with await t.item()");
  }

  /** Inside `forward` there is no value; said at once, not by a promise that nobody awaits. */
  private requireValue(): void {
    if (this.source.kind === "traced") throw tracedValueError();
  }

  private async read(): Promise<TypedArray> {
    if (this.source.kind === "traced") throw tracedValueError();
    if (this.source.kind === "lazy") {
      const evaluator = currentEvaluator();
      invariant(evaluator !== undefined, "an evaluator is injected by src/compile.ts");
      const [result] = await evaluator.evaluate([this]);
      this.source = { kind: "leaf", storage: new HostStorage(result) };
    }
    return this.source.storage.read();
  }
}

/** The one way an operation happens: recorded while tracing, else lazy. Shapes are checked at once. */
export function apply(op: string, inputs: readonly Tensor[], attrs: Attrs = {}): Tensor {
  const recorder = currentRecorder();
  const stranger = inputs.find((input) => !(input instanceof Tensor));
  if (stranger !== undefined || inputs.includes(undefined as never)) {
    throw new KilnError(
      `${op} is given ${describeStranger(stranger)} where it expects a tensor`,
      originNow(),
    );
  }
  if (recorder !== undefined) return recorder.record(op, inputs, attrs);
  if (inputs.some((t) => t.behind.kind === "traced")) {
    throw new KilnError(
      `${op} is given a tensor that belongs to a model being traced, after the trace has ended`,
    );
  }
  const type = opTable.infer(op, inputs, attrs);
  return new Tensor(type.shape, type.dtype, { kind: "lazy", op, inputs, attrs });
}

injectApply(apply);

const describeStranger = (value: unknown): string =>
  value === undefined ? "undefined" : `a ${typeof value}`;

/** The line of the model that is being traced, if one is. */
const originNow = (): Origin[] => [currentRecorder()?.origin()].filter((origin) => origin !== undefined);

function tracedValueError(): KilnError {
  return new KilnError(
    "a tensor's value cannot be read inside forward: forward runs once, on shapes alone, to build the graph, " +
      "and there are no numbers yet; return the tensor, or read it outside",
    originNow(),
  );
}

/** A tensor from nested or typed arrays; float32 unless told or a typed array says otherwise. */
export function tensor(
  values: NestedNumbers | TypedArray,
  options: { readonly shape?: Shape; readonly dtype?: DType } = {},
): Tensor {
  const typed = ArrayBuffer.isView(values) ? (values as TypedArray) : undefined;
  const dtype = options.dtype ?? (typed === undefined ? "float32" : dtypeOfArray(typed));
  const ownShape = typed === undefined ? shapeOfNested(values as NestedNumbers) : [typed.length];
  const shape = options.shape ?? ownShape;
  if (sizeOf(shape) !== sizeOf(ownShape)) {
    throw new KilnError(`tensor() is given ${sizeOf(ownShape)} numbers for the shape [${shape}]`);
  }
  if (typed !== undefined && dtypeOfArray(typed) === dtype && !(typed instanceof Float64Array)) {
    return Tensor.fromData(typed, shape, dtype);
  }
  const data = allocate(dtype, sizeOf(shape));
  if (typed !== undefined) data.set(typed);
  else data.set([...numbersIn(values as NestedNumbers)]);
  return Tensor.fromData(data, shape, dtype);
}

const filled = (shape: readonly (number | readonly number[])[], value: number): Tensor => {
  const extents = shape.flat() as number[];
  return Tensor.fromData(new Float32Array(sizeOf(extents)).fill(value), extents, "float32");
};

export const zeros = (...shape: readonly (number | readonly number[])[]): Tensor => filled(shape, 0);
export const ones = (...shape: readonly (number | readonly number[])[]): Tensor => filled(shape, 1);
export const full = (shape: Shape, value: number): Tensor => filled([shape], value);

/** `start`, `start + step`, … below `end`; with one argument from 0 to it. */
export function arange(start: number, end?: number, step = 1): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const length = Math.max(0, Math.ceil((to - from) / step));
  return Tensor.fromData(
    Float32Array.from({ length }, (_, k) => from + k * step),
    [length],
    "float32",
  );
}
