/** Tensors of numbers that the node contains, and random ones. */

import { type Shape, sizeOf } from "../../core/shape.ts";
import { tensor } from "../../tensor/creation.ts";
import { eye } from "../../tensor/likes.ts";
import { rand, randn } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { type Constant, constant, integers, tensorFrom } from "../constant.ts";
import { describeCode, dtypeOf, elementTypeFrom, infoOf } from "../element-types.ts";
import { checkCount } from "../most-numbers.ts";
import type { Operator } from "../operator.ts";
import type { ElementType } from "../port.ts";
import { Value } from "../value.ts";

/** The element type that an attribute names. */
export function typeIn(call: Call, name: string, fallback: ElementType): ElementType {
  const code = call.hasAttribute(name) ? call.int(name) : undefined;
  if (code === undefined) return fallback;
  return (
    elementTypeFrom(code) ??
    call.lacks(`its result has elements of ${describeCode(code)}, which Kiln does not compute with`)
  );
}

/** A tensor of a type that the node specifies. */
export const typed = (type: ElementType, x: Tensor, call: Call): Value =>
  Value.of(type, x.to(dtypeOf(type)), call.node.outputs[0]);

function literal(call: Call): Constant {
  if (call.hasAttribute("value")) return call.attached("value")!;
  if (call.hasAttribute("value_float")) return constant("float", [], [call.float("value_float")]);
  if (call.hasAttribute("value_int")) return constant("int64", [], [call.int("value_int")]);
  const floats = call.floats("value_floats");
  if (floats !== undefined) return constant("float", [floats.length], floats);
  const ints = call.ints("value_ints");
  if (ints !== undefined) return integers(ints);
  return call.lacks("it holds no numbers");
}

/** How many equal numbers are listed at most: more of them are one that is broadcast. */
const MOST_LISTED = 2 ** 16;

function filled(call: Call): Constant | Value {
  const shape = call.numbers(0);
  const value = call.attached("value") ?? constant("float", [1], [0]);
  if (sizeOf(shape) > MOST_LISTED) {
    const one = tensorFrom({ ...value, shape: [], data: value.data.subarray(0, 1) }, "its value");
    return Value.of(value.type, one.expand(...shape), call.node.outputs[0]);
  }
  return constant(value.type, shape, new (infoOf(value.type).array)(sizeOf(shape)).fill(value.data[0]));
}

function range(call: Call): Constant {
  const [start, limit, delta] = [0, 1, 2].map((k) => call.number(k));
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  checkCount(count, "numbers");
  return constant(
    call.type,
    [count],
    Array.from({ length: count }, (_, k) => start + k * delta),
  );
}

/** Random numbers of the shape of an attribute, or of the input. */
const random = (name: string, draw: (shape: Shape, call: Call) => Tensor): Operator => ({
  name,
  unsigned: "bits",
  limits: "random numbers are Kiln's own",
  run: (call) => {
    const shape = call.ints("shape") ?? call.value(0).shape;
    const type = typeIn(call, "dtype", call.has(0) ? call.type : "float");
    return typed(type, draw(shape, call), call);
  },
});

const uniform = (shape: Shape, call: Call): Tensor => {
  const [low, high] = [call.float("low", 0), call.float("high", 1)];
  return rand([...shape])
    .mul(high - low)
    .add(low);
};

const normal = (shape: Shape, call: Call): Tensor =>
  randn([...shape])
    .mul(call.float("scale", 1))
    .add(call.float("mean", 0));

/** A window of signals, whose length is known. */
const signalWindow = (name: string, weights: readonly number[]): Operator => ({
  name,
  known: [0],
  run: (call) => {
    const size = call.number(0);
    const period = call.flag("periodic", true) ? size : size - 1;
    const type = typeIn(call, "output_datatype", "float");
    const numbers = Array.from({ length: size }, (_, k) =>
      weights.reduce((sum, weight, n) => sum + weight * Math.cos((2 * Math.PI * n * k) / period), 0),
    );
    return constant(type, [size], numbers);
  },
});

export const CREATION: readonly Operator[] = [
  { name: "Constant", run: literal },
  { name: "ConstantOfShape", known: [0], run: filled },
  { name: "Range", known: [0, 1, 2], run: range },
  {
    name: "EyeLike",
    unsigned: "bits",
    run: (call) => {
      const [rows, columns] = call.value(0).shape;
      const k = call.int("k", 0);
      const type = typeIn(call, "dtype", call.type);
      if (k === 0) return typed(type, eye(rows, columns), call);
      const numbers = new Float32Array(rows * columns);
      for (let row = 0; row < rows; row++)
        if (row + k >= 0 && row + k < columns) numbers[row * columns + row + k] = 1;
      return typed(type, tensor(numbers, { shape: [rows, columns] }), call);
    },
  },
  random("RandomUniform", uniform),
  random("RandomUniformLike", uniform),
  random("RandomNormal", normal),
  random("RandomNormalLike", normal),
  {
    name: "Bernoulli",
    limits: "random numbers are Kiln's own",
    run: (call) => typed(typeIn(call, "dtype", call.type), call.tensor(0).bernoulli(), call),
  },
  signalWindow("HannWindow", [0.5, -0.5]),
  signalWindow("HammingWindow", [25 / 46, -21 / 46]),
  signalWindow("BlackmanWindow", [0.42, -0.5, 0.08]),
];
