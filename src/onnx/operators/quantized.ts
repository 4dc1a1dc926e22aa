/**
 * Exact products of small integers: one factor is split into its upper and lower bits, so that sums of products stay
 * within the integers that float32 can hold, and the sums are combined in int32.
 */

import { sizeOf } from "../../core/shape.ts";
import { matmul } from "../../tensor/products.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { infoOf } from "../element-types.ts";
import type { Operator } from "../operator.ts";
import { Value } from "../value.ts";
import { convolve } from "./convolution.ts";

/** A factor of nine bits is this many times its upper five bits plus its lower four, which are 15 at most. */
const SPLIT = 16;
/** Sums of this many products of 15 and 255 stay below 2²⁴. */
const MOST_TERMS = 4096;

/** A sum of products of two factors, linear in both, of whole numbers between -255 and 255. */
function exactly(
  call: Call,
  terms: number,
  a: Tensor,
  b: Tensor,
  product: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  if (terms > MOST_TERMS)
    call.lacks(`it adds up ${terms} products of whole numbers, where Kiln has ${MOST_TERMS} at most`);
  const upper = a.div(SPLIT, { roundingMode: "floor" });
  const lower = a.sub(upper.mul(SPLIT));
  const [high, low] = [upper, lower].map((part) => product(part.float(), b.float()).int());
  return high.mul(SPLIT).add(low);
}

/** Whole numbers without their zero point: one, or one for each row or column along `axis`. */
function centred(x: Tensor, zero: Tensor | undefined, axis: number): Tensor {
  if (zero === undefined) return x;
  return x.sub(along(zero, x, axis));
}

/** One number, or one for each place along an axis, in a shape that spreads over x. */
const along = (numbers: Tensor, x: Tensor, axis: number): Tensor => {
  if (numbers.numel() === 1) return numbers.reshape([]);
  if (numbers.ndim === x.ndim) return numbers;
  const at = axis < 0 ? axis + x.ndim : axis;
  return numbers.reshape(x.shape.map((_, k) => (k === at ? -1 : 1)));
};

/** Rows of the first factor and columns of the second have zero points. */
const wholeProduct = (
  call: Call,
  a: Tensor,
  aZero: Tensor | undefined,
  b: Tensor,
  bZero: Tensor | undefined,
): Tensor => exactly(call, a.shape.at(-1)!, centred(a, aZero, -2), centred(b, bZero, -1), matmul);

/** The weight's zero point is one, or one for each output channel. */
const wholeConvolution = (
  call: Call,
  x: Tensor,
  xZero: Tensor | undefined,
  w: Tensor,
  wZero: Tensor | undefined,
): Tensor =>
  exactly(call, sizeOf(w.shape.slice(1)), centred(x, xZero, 0), centred(w, wZero, 0), (a, b) =>
    convolve(call, a, b),
  );

/** Whole sums times their scale, rounded and moved into the range of the result's type. */
function requantized(call: Call, scaled: Tensor, scale: Tensor, zero: Value): Value {
  const { word } = infoOf(zero.type);
  if (word === undefined) return call.lacks(`it gives ${zero.type}, where Kiln quantises to 8 and 16 bits`);
  const least = word.isSigned ? -(2 ** (word.bits - 1)) : 0;
  const whole = scaled.div(scale).round().add(zero.tensor.float());
  return Value.of(zero.type, whole.clamp(least, least + 2 ** word.bits - 1).int(), call.node.outputs[0]);
}

const LIMITS = `at most ${MOST_TERMS} products in a sum`;

export const QUANTIZED: readonly Operator[] = [
  {
    name: "MatMulInteger",
    limits: LIMITS,
    run: (call) => {
      const product = wholeProduct(call, call.tensor(0), call.optional(2), call.tensor(1), call.optional(3));
      return Value.of("int32", product, call.node.outputs[0]);
    },
  },
  {
    name: "ConvInteger",
    limits: LIMITS,
    run: (call) => {
      const sums = wholeConvolution(call, call.tensor(0), call.optional(2), call.tensor(1), call.optional(3));
      return Value.of("int32", sums, call.node.outputs[0]);
    },
  },
  {
    name: "QLinearMatMul",
    limits: LIMITS,
    run: (call) => {
      const [a, aScale, aZero, b, bScale, bZero, scale] = call.tensors();
      const sums = wholeProduct(call, a, aZero, b, bZero).float();
      const scaled = sums.mul(along(aScale, sums, -2)).mul(along(bScale, sums, -1));
      return requantized(call, scaled, along(scale, sums, -2), call.value(7));
    },
  },
  {
    name: "QLinearConv",
    limits: LIMITS,
    run: (call) => {
      const [x, xScale, xZero, w, wScale, wZero, scale] = [0, 1, 2, 3, 4, 5, 6].map((k) => call.tensor(k));
      const sums = wholeConvolution(call, x, xZero, w, wZero);
      const bias = call.optional(8);
      const whole = bias === undefined ? sums : sums.add(along(bias, sums, 1));
      const scaled = whole
        .float()
        .mul(xScale.reshape([]))
        .mul(along(wScale, sums, 1));
      return requantized(call, scaled, scale.reshape([]), call.value(7));
    },
  },
];
