/**
 * A value of an ONNX graph while the graph runs: a tensor, or numbers that are known already, as shapes are. Those become a
 * tensor where an operator computes with them.
 */

import type { Shape } from "../core/shape.ts";
import { sizeOf } from "../core/shape.ts";
import { constant as scalar } from "../tensor/operation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Constant, tensorFrom } from "./constant.ts";
import { dtypeOf, type ElementType } from "./element-types.ts";

export class Value {
  /** The element type that the model speaks of; Kiln computes with {@link dtypeOf} it. */
  readonly type: ElementType;
  readonly shape: Shape;
  /** The numbers, where they are known. */
  readonly known: Constant | undefined;
  /** What messages call it. */
  readonly name: string;
  #tensor: Tensor | undefined;

  private constructor(
    type: ElementType,
    shape: Shape,
    name: string,
    known: Constant | undefined,
    tensor?: Tensor,
  ) {
    this.type = type;
    this.shape = shape;
    this.name = name;
    this.known = known;
    this.#tensor = tensor;
  }

  /** A value whose numbers come out when the program runs. */
  static of(type: ElementType, tensor: Tensor, name: string): Value {
    return new Value(type, tensor.shape, name, undefined, tensor);
  }

  /** A value whose numbers are known. */
  static known(known: Constant, name: string): Value {
    return new Value(known.type, known.shape, name, known);
  }

  /** The same value under another name. */
  named(name: string): Value {
    return new Value(this.type, this.shape, name, this.known, this.#tensor);
  }

  /** The value as a tensor. */
  get tensor(): Tensor {
    this.#tensor ??= tensorOf(this.known!, this.name);
    return this.#tensor;
  }
}

/** Numbers that are all alike are one that is spread, which passes see through. */
function tensorOf(known: Constant, name: string): Tensor {
  const { shape, data } = known;
  const size = sizeOf(shape);
  if (size === 0 || !data.every((number) => Object.is(number, data[0]))) return tensorFrom(known, name);
  const { data: first } = {
    data: tensorFrom({ ...known, shape: [], data: data.subarray(0, 1) }, name).peek()!,
  };
  const one = scalar(first[0], dtypeOf(known.type));
  return shape.length === 0 ? one : one.expand(...shape);
}
