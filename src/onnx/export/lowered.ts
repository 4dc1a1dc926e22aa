/**
 * Writes any op in ONNX's operators, from its lowering: the expression for one element of the result becomes operators
 * on tensors of all elements. So the definition of an op is enough to write it. Loop variables are tensors that count
 * along an axis; a reduction's axes come before those of the result until it is computed.
 */

import { allocate, type DType, kindOf } from "../../core/dtype.ts";
import { InternalError } from "../../core/errors.ts";
import { broadcastShapes, type Shape, sameShape, sizeOf, stridesOf } from "../../core/shape.ts";
import { binary, dot, int, load, scalar, variable } from "../../loop/build.ts";
import type { Expr, ExprType, ReduceAxis } from "../../loop/types.ts";
import type { OpDef, Operand } from "../../ops/definition.ts";
import { elementTypeOf, infoOf } from "../element-types.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { binaryOperator, compareOperator, selectOperator, unaryOperator } from "./scalar-operators.ts";
import { type Call, type Named, NoSpelling } from "./spelling.ts";

/** Writes result number `result` of an op; returns the name of the value. */
export function writeLowered({ w, inputs, attrs, output }: Call, { lower }: OpDef, result: number): string {
  const type = result === 0 ? output : output.others![result - 1];
  const operands = inputs.map(
    (input, k): Operand => ({ type: input, at: (indices) => element(k, input, indices) }),
  );
  const axes = type.shape.map((extent, axis): ReduceAxis => ({ name: `o${axis}`, extent }));
  const expression = lower(operands, type, attrs, result)(axes.map(({ name }) => variable(name)));
  const writer = new ExpressionWriter(w, inputs);
  return writer.inShape(writer.write(expression, new Scope(axes)), type.shape).name;
}

/** The beginning of a list of indices. */
const LIST = scalar("indices", "int32");

/** An element of an operand: its load keeps all indices, as a list that rewriting traverses but does not change. */
const element = (operand: number, { dtype }: Named, indices: readonly Expr[]): Expr =>
  load(
    `${operand}`,
    dtype,
    indices.reduce((list, index) => binary("max", list, index), LIST),
  );

function indicesIn(list: Expr): readonly Expr[] {
  return list.kind === "binary" && list !== LIST ? [...indicesIn(list.a), list.b] : [];
}

/** A tensor of the ONNX graph whose axes are the last ones of a scope, each with the full extent or 1. */
interface Written {
  readonly name: string;
  readonly shape: Shape;
}

/** The axes of the loop variables of expressions, and the parts that have been written. */
class Scope {
  readonly axes: readonly ReduceAxis[];
  readonly shape: Shape;
  private readonly known = new Map<Expr, Written>();
  private readonly outer: Scope | undefined;

  constructor(axes: readonly ReduceAxis[], outer?: Scope) {
    this.axes = axes;
    this.shape = axes.map(({ extent }) => extent);
    this.outer = outer;
  }

  /** Within a reduction. Its names hide those outside. */
  within(axes: readonly ReduceAxis[]): Scope {
    const hidden = new Set(axes.map(({ name }) => name));
    const outer = this.axes.map((axis) => (hidden.has(axis.name) ? { ...axis, name: "" } : axis));
    return new Scope([...axes, ...outer], outer.some(({ name }) => name === "") ? undefined : this);
  }

  find(e: Expr): Written | undefined {
    return this.known.get(e) ?? this.outer?.find(e);
  }

  add(e: Expr, written: Written): Written {
    this.known.set(e, written);
    return written;
  }
}

class ExpressionWriter {
  private readonly w: GraphWriter;
  private readonly inputs: readonly Named[];

  constructor(w: GraphWriter, inputs: readonly Named[]) {
    this.w = w;
    this.inputs = inputs;
  }

  write(e: Expr, scope: Scope): Written {
    return scope.find(e) ?? scope.add(e, this.writeNew(e, scope));
  }

  private writeNew(e: Expr, scope: Scope): Written {
    const { w } = this;
    switch (e.kind) {
      case "const":
        return this.numbers(e, [], [e.value]);
      case "var":
        return this.counter(e, scope);
      case "load":
        return this.load(e, scope);
      case "unary": {
        const a = this.write(e.a, scope);
        return { name: unaryOperator(w, e.op, a.name), shape: a.shape };
      }
      case "binary": {
        const [a, b] = [this.write(e.a, scope), this.write(e.b, scope)];
        return { name: binaryOperator(w, e.op, e.dtype, a.name, b.name), shape: joined(a, b) };
      }
      case "compare": {
        if (kindOf(e.a.dtype) === "word" && e.op !== "eq" && e.op !== "ne")
          throw new NoSpelling("the order of words of 32 bits");
        const [a, b] = [e.a, e.b].map((side) => this.comparable(side, scope));
        return { name: compareOperator(w, e.op, a.name, b.name), shape: joined(a, b) };
      }
      case "select": {
        const [condition, a, b] = [e.condition, e.a, e.b].map((part) => this.write(part, scope));
        return {
          name: selectOperator(w, e.dtype, condition.name, a.name, b.name),
          shape: joined(condition, a, b),
        };
      }
      case "cast": {
        const { name, shape } = this.write(e.a, scope);
        if (typeOf(e.dtype) === typeOf(e.a.dtype)) return { name, shape };
        if (kindOf(e.a.dtype) === "word") throw new NoSpelling("words of 32 bits as other numbers");
        return { name: w.node("Cast", [name], { to: this.codeOf(e) }), shape };
      }
      case "reduce":
        return this.reduce(e, scope);
      case "scalar":
        throw new NoSpelling(`the number ${e.name}, which changes from run to run`);
      case "local":
        throw new InternalError("lowered expressions have no locals");
      default:
        return e satisfies never;
    }
  }

  /** The value expanded to `shape`, to which it broadcasts. */
  inShape({ name, shape }: Written, wanted: Shape): Written {
    if (sameShape(shape, wanted)) return { name, shape };
    return { name: this.w.node("Expand", [name, this.w.ints(wanted)]), shape: wanted };
  }

  private codeOf({ dtype }: Expr): number {
    return infoOf(elementTypeOf(typeOf(dtype))).code;
  }

  private numbers(e: Expr, shape: Shape, values: readonly number[]): Written {
    const dtype = typeOf(e.dtype);
    const data = allocate(dtype, values.length);
    data.set(values);
    return { name: this.w.constant(elementTypeOf(dtype), shape, data), shape };
  }

  /** 0, 1, … along the axis of a loop variable. */
  private counter(e: Expr & { readonly kind: "var" }, { axes }: Scope): Written {
    const axis = axes.findIndex(({ name }) => name === e.name);
    const { extent } = axes[axis];
    const shape = [extent, ...axes.slice(axis + 1).map(() => 1)];
    return this.numbers(e, shape, [...Array(extent).keys()]);
  }

  /** Booleans are compared as numbers. */
  private comparable(e: Expr, scope: Scope): Written {
    const { name, shape } = this.write(e, scope);
    if (e.dtype !== "bool") return { name, shape };
    return { name: this.w.node("Cast", [name], { to: this.codeOf(int(0)) }), shape };
  }

  private load(e: Expr & { readonly kind: "load" }, scope: Scope): Written {
    const input = this.inputs[Number(e.buffer)];
    const indices = indicesIn(e.index);
    return this.broadcast(input, indices, scope) ?? this.gathered(e, input, indices, scope);
  }

  /** An operand whose axes are each read along one axis of the scope: it is transposed if necessary. */
  private broadcast({ name, shape }: Named, indices: readonly Expr[], { axes }: Scope): Written | undefined {
    const places = indices.map((index, k) => {
      if (index.kind === "const") return shape[k] === 1 ? -1 : undefined;
      if (index.kind !== "var") return undefined;
      const axis = axes.findIndex((own) => own.name === index.name);
      return axes[axis].extent === shape[k] ? axis : undefined;
    });
    const read = places.filter((place) => place !== undefined && place >= 0) as number[];
    if (places.includes(undefined) || new Set(read).size < read.length) return undefined;
    const order = places.map((_, k) => k).sort((a, b) => places[a]! - places[b]!);
    const isInOrder = order.every((k, at) => k === at);
    const turned = isInOrder ? name : this.w.node("Transpose", [name], { perm: order });
    const first = Math.min(...read, axes.length);
    const spread = axes.slice(first).map((axis, k) => (read.includes(first + k) ? axis.extent : 1));
    const asItIs = order.map((k) => shape[k]);
    if (sameShape(asItIs, spread)) return { name: turned, shape: spread };
    return { name: this.reshaped(turned, spread), shape: spread };
  }

  private reshaped(name: string, shape: Shape): string {
    return this.w.node("Reshape", [name, this.w.ints(shape)], { allowzero: 1 });
  }

  /**
   * An operand that is read at computed positions. Reads that guards exclude happen at any position, and are discarded.
   */
  private gathered(e: Expr, input: Named, indices: readonly Expr[], scope: Scope): Written {
    const size = sizeOf(input.shape);
    if (size === 0) return this.numbers(e, [], [0]);
    const isWithin = indices.every(
      (index, k) =>
        (index.kind === "const" && index.value >= 0 && index.value < input.shape[k]) ||
        (index.kind === "var" &&
          scope.axes.find(({ name }) => name === index.name)!.extent <= input.shape[k]),
    );
    const place = dot(indices, stridesOf(input.shape));
    const held = isWithin ? place : binary("min", binary("max", place, int(0)), int(size - 1));
    const { name, shape } = this.write(held, scope);
    return { name: this.w.node("Gather", [this.reshaped(input.name, [size]), name]), shape };
  }

  private reduce(e: Expr & { readonly kind: "reduce" }, scope: Scope): Written {
    const { w } = this;
    const inner = scope.within(e.axes);
    const count = e.axes.length;
    const body = this.write(e.body, inner);
    if (count === 0) return e.op === "sum" || e.op === "max" ? body : this.numbers(e, [], [0]);
    // A term that does not depend on an axis counts once for each of its positions.
    const own = [...inner.shape.slice(0, count), ...padded(body.shape, scope.axes.length)];
    const { name } = this.inShape(body, own);
    const shape = own.slice(count);
    switch (e.op) {
      case "sum":
      case "max": {
        const axes = w.ints([...Array(count).keys()]);
        const op = e.op === "sum" ? "ReduceSum" : "ReduceMax";
        return { name: w.node(op, [name, axes], { keepdims: 0 }), shape };
      }
      case "argmax":
      case "winner": {
        const flat = this.reshaped(name, [sizeOf(own.slice(0, count)), ...shape]);
        const position = w.node("ArgMax", [flat], { axis: 0, keepdims: 0 });
        return { name: w.node("Cast", [position], { to: this.codeOf(e) }), shape };
      }
      default:
        return e.op satisfies never;
    }
  }
}

/** The ONNX type for an expression's type: 32-bit words are integers with the same bits. */
const typeOf = (dtype: ExprType): DType => (dtype === "uint32" ? "int32" : dtype);

/** The last `rank` extents of a shape, padded with 1. */
const padded = (shape: Shape, rank: number): Shape =>
  Array.from({ length: rank }, (_, axis) => shape[shape.length - rank + axis] ?? 1);

const joined = (...parts: readonly Written[]): Shape =>
  parts.reduce<Shape>((shape, part) => broadcastShapes(shape, part.shape)!, []);
