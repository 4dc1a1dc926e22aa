/**
 * A value of an ONNX graph while the graph runs: a tensor, or known numbers, such as shapes. Those become a tensor when
 * an operator computes with them.
 */

import { type Shape, sizeOf } from "../core/shape.ts";
import { currentRecorder, type Recorder } from "../tensor/context.ts";
import { constant as scalar } from "../tensor/operation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Constant, tensorFrom } from "./constant.ts";
import { dtypeOf } from "./element-types.ts";
import type { ElementType } from "./port.ts";

export class Value {
  /** The element type that the model declares; Kiln computes with its `dtypeOf`. */
  readonly type: ElementType;
  readonly shape: Shape;
  /** The numbers, if they are known. */
  readonly known: Constant | undefined;
  /** Its name in messages. */
  readonly name: string;
  readonly #given: Tensor | undefined;
  /** The tensors of known numbers, by the trace that records them: a loop's body has its own. */
  readonly #made = new Map<Recorder | undefined, Tensor>();

  private constructor(like: Pick<Value, "type" | "shape" | "known">, name: string, given?: Tensor) {
    this.type = like.type;
    this.shape = like.shape;
    this.known = like.known;
    this.name = name;
    this.#given = given;
  }

  /** A value that the program computes when it runs. */
  static of(type: ElementType, tensor: Tensor, name: string): Value {
    return new Value({ type, shape: tensor.shape, known: undefined }, name, tensor);
  }

  /** A value whose numbers are known. */
  static known(known: Constant, name: string): Value {
    return new Value({ ...known, known }, name);
  }

  /** The same value under another name. */
  named(name: string): Value {
    return new Value(this, name, this.#given);
  }

  /** The value as a tensor. */
  get tensor(): Tensor {
    if (this.#given !== undefined) return this.#given;
    const recorder = currentRecorder();
    const made = this.#made.get(recorder) ?? tensorOf(this.known!, this.name);
    this.#made.set(recorder, made);
    return made;
  }
}

/** Equal numbers become one that is broadcast, which passes can see through. */
function tensorOf(known: Constant, name: string): Tensor {
  const { shape, data } = known;
  const size = sizeOf(shape);
  if (size === 0 || !data.every((number) => Object.is(number, data[0]))) return tensorFrom(known, name);
  const first = tensorFrom({ ...known, shape: [], data: data.subarray(0, 1) }, name).peek()!;
  const one = scalar(first[0], dtypeOf(known.type));
  return shape.length === 0 ? one : one.expand(...shape);
}
