/** Conversions of element types, and quantisation. */

import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { type Constant, constant } from "../constant.ts";
import { dtypeOf, infoOf, isFloating } from "../element-types.ts";
import type { Operator } from "../operator.ts";
import type { ElementType } from "../port.ts";
import { Value } from "../value.ts";
import { floatsFrom, toWhole } from "../whole-numbers.ts";
import { wrapped } from "../words.ts";
import { typeIn } from "./creation.ts";
import { axisOf } from "./define.ts";

/** The numbers as elements of another type: truncated for integers, and 0 or 1 for booleans. */
function known({ type, shape, data }: Constant, to: ElementType): Constant {
  if (to === "bool")
    return constant(
      to,
      shape,
      Array.from(data, (number) => Number(number !== 0)),
    );
  const numbers = isFloating(type) && !isFloating(to) ? data.map(Math.trunc) : data;
  return constant(to, shape, [...numbers]);
}

function converted(call: Call, to: ElementType): Tensor {
  const [x, { type }] = [call.tensor(0), call.value(0)];
  if (dtypeOf(to) === "int32") return toWhole(call, x, type, to);
  return type === "uint32" && isFloating(to) ? floatsFrom(x) : x.to(dtypeOf(to));
}

const cast = (name: string, target: (call: Call) => ElementType): Operator => ({
  name,
  moves: true,
  wraps: true,
  unsigned: "type",
  limits: "16-bit floats are not rounded to their precision",
  run: (call) => {
    const to = target(call);
    return Value.of(to, wrapped(to, converted(call, to)), call.node.outputs[0]);
  },
  fold: (call) => known(call.constant(0), target(call)),
});

/**
 * The numbers of a scale or zero point in a shape that spreads over x: one, one along an axis, or one for each block
 * there.
 */
function spread(call: Call, numbers: Tensor, x: Tensor): Tensor {
  if (numbers.numel() === 1) return numbers.reshape([]);
  const axis = axisOf(call, x.ndim, "axis", 1);
  const block = call.int("block_size", 0);
  if (block > 0) return numbers.repeatInterleave(block, axis).narrow(axis, 0, x.shape[axis]);
  return numbers.reshape(x.shape.map((_, k) => (k === axis ? -1 : 1)));
}

function dequantized(call: Call): Tensor {
  const x = call.tensor(0);
  const zero = call.optional(2);
  const centred = zero === undefined ? x : x.sub(spread(call, zero, x));
  return centred.float().mul(spread(call, call.tensor(1), x));
}

function quantized(call: Call): Value {
  const x = call.tensor(0);
  const zero = call.inputs[2];
  const type = zero?.type ?? typeIn(call, "output_dtype", "uint8");
  const { word } = infoOf(type);
  if (word === undefined) return call.lacks(`it gives ${type}, where Kiln quantises to 8 and 16 bits`);
  const least = word.isSigned ? -(2 ** (word.bits - 1)) : 0;
  const whole = x
    .float()
    .div(spread(call, call.tensor(1), x))
    .round();
  const moved = zero === undefined ? whole : whole.add(spread(call, zero.tensor, x).float());
  const bounded = moved.clamp(least, least + 2 ** word.bits - 1);
  return Value.of(type, bounded.int(), call.node.outputs[0]);
}

function dynamicallyQuantized(call: Call): readonly (Value | Tensor)[] {
  const x = call.tensor(0);
  const [least, most] = [x.amin().minimum(0), x.amax().maximum(0)];
  const scale = most.sub(least).div(255);
  const zero = least.neg().div(scale).round().clamp(0, 255);
  const [y, , point] = call.node.outputs;
  const whole = x.div(scale).round().add(zero).clamp(0, 255);
  return [Value.of("uint8", whole.int(), y), scale, Value.of("uint8", zero.int(), point)];
}

export const CASTING: readonly Operator[] = [
  cast("Cast", (call) => typeIn(call, "to", call.type)),
  cast("CastLike", (call) => call.value(1).type),
  { name: "QuantizeLinear", limits: "8 and 16 bits", run: quantized },
  { name: "DequantizeLinear", run: dequantized },
  { name: "DynamicQuantizeLinear", run: dynamicallyQuantized },
];
