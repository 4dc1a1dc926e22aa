/**
 * Integers that int32 does not hold. uint32 has the same bits in int32, so that sums, products and bitwise operations
 * are right; operations that depend on order are computed with the upper bit inverted, which gives int32 the same
 * order. 64-bit integers must be within int32: programs check all operations that may leave it.
 */

import { exact } from "../tensor/lookup.ts";
import { where } from "../tensor/rearrange.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Call } from "./call.ts";
import { constant } from "./constant.ts";
import { dtypeOf } from "./element-types.ts";
import { type Operator, type Result, resultList } from "./operator.ts";
import type { ElementType } from "./port.ts";
import { Value } from "./value.ts";

const SIGN = -(2 ** 31);
const LARGEST = 2 ** 31 - 1;

/** Converts between uint32 and the int32 numbers that have the same order. */
export const inverted = (words: Tensor): Tensor => words.bitwiseXor(SIGN);

/** Runs an operator on numbers that a program computes; integer results are right, or an error. */
export function runExactly(operator: Operator, call: Call): readonly (Result | undefined)[] {
  if (call.inputs.some(isLarge)) return unsigned(operator, call);
  const results = resultList(operator.run(call));
  const type = call.inputs[0]?.type;
  const [first, ...others] = results;
  if (!operator.grows || !(first instanceof Tensor) || (type !== "int64" && type !== "uint64"))
    return results;
  return [within(operator, call, first, type), ...others];
}

/** Whether an input has unsigned numbers from 2³¹ on, or may have. */
const isLarge = (input: Value | undefined): boolean =>
  input?.type === "uint32" && (input.known === undefined || input.known.data.some((n) => n > LARGEST));

function unsigned(operator: Operator, call: Call): readonly (Result | undefined)[] {
  const reads = operator.moves ? (operator.unsigned ?? "bits") : operator.unsigned;
  switch (reads) {
    case undefined:
      return call.lacks(
        "it is given numbers of uint32, which it would take for those of int32 from 2³¹ on: cast them to int32 or to float in front of it",
      );
    case "bits":
    case "type":
      return resultList(operator.run(call));
    case "order":
    case "elements": {
      const inOrder = call.inputs.map((input) =>
        input?.type === "uint32" ? Value.of("int32", inverted(input.tensor), input.name) : input,
      );
      const [first, ...others] = resultList(operator.run(call.withInputs(inOrder)));
      return [reads === "elements" && first instanceof Tensor ? inverted(first) : first, ...others];
    }
    default:
      return reads satisfies never;
  }
}

/** A 64-bit result, checked against the same computation in floats: if they differ, it has left int32. */
function within(operator: Operator, call: Call, whole: Tensor, type: ElementType): Tensor {
  const inFloats = call.inputs.map((input, k) => {
    if (input === undefined || dtypeOf(input.type) !== "int32" || operator.known?.includes(k)) return input;
    const { known, tensor, name } = input;
    return known === undefined
      ? Value.of("float", tensor.float(), name)
      : Value.known(constant("float", known.shape, [...known.data]), name);
  });
  const [approximate] = resultList(operator.run(call.withInputs(inFloats)));
  if (!(approximate instanceof Tensor)) return whole;
  return checked(call, whole, approximate, type);
}

/** Numbers that wrapped around are off by at least 2³², floats in int32's range by far less. */
export function checked(call: Call, whole: Tensor, approximate: Tensor, type: ElementType): Tensor {
  const isOff = approximate
    .sub(whole.float())
    .abs()
    .lt(2 ** 30)
    .logicalNot();
  return exact(beyond(call, type), whole, type === "uint64" ? isOff.logicalOr(whole.lt(0)) : isOff);
}

/** The quotient of int64 numbers, checked: -2³¹ by -1 is the only one that leaves int32. */
export function checkedQuotient(call: Call, a: Tensor, b: Tensor, quotient: Tensor): Tensor {
  const divisor = call.value(1).known;
  if (divisor !== undefined && !divisor.data.some((n) => n === -1)) return quotient;
  return exact(beyond(call, "int64"), quotient, a.eq(SIGN).logicalAnd(b.eq(-1)));
}

const beyond = (call: Call, type: ElementType): string =>
  `${call.title} gives numbers of ${type} that int32 cannot hold, with which Kiln computes them`;

/** Converts numbers to an integer type, as far as int32 can hold them. */
export function toWhole(call: Call, x: Tensor, from: ElementType, to: ElementType): Tensor {
  if (x.dtype === "float32") {
    if (to === "uint32") return wordsFrom(x);
    if (to !== "int64" && to !== "uint64") return x.int();
    const isBelow = to === "uint64" ? x.le(-1) : x.lt(SIGN);
    return exact(beyond(call, to), x.int(), isBelow.logicalOr(x.ge(2 ** 31)));
  }
  const mayBeLarge = from === "uint32" && (to === "int64" || to === "uint64");
  const mayBeNegative = to === "uint64" && from !== "uint64";
  return mayBeLarge || mayBeNegative ? exact(beyond(call, to), x.int(), x.int().lt(0)) : x.int();
}

/** uint32 as floats: both halves are exact, and their sum is rounded once. */
export function floatsFrom(words: Tensor): Tensor {
  const [high, low] = [words.bitwiseRightShift(16), words].map((half) => half.bitwiseAnd(0xffff).float());
  return high.mul(2 ** 16).add(low);
}

const wordsFrom = (x: Tensor): Tensor => where(x.lt(2 ** 31), x.int(), inverted(x.sub(2 ** 31).int()));

/**
 * The integer quotient of uint32 numbers, 0 where the divisor is 0: for divisors below 2³¹ from the quotient of the
 * upper 31 bits, which may be too small by 1 (Warren, Hacker's Delight, 9-3); for larger ones it is 0 or 1.
 */
export function quotientOf(a: Tensor, b: Tensor): Tensor {
  const isAtLeast = (x: Tensor, y: Tensor): Tensor => inverted(x).ge(inverted(y)).int();
  const upper = a.bitwiseRightShift(1).bitwiseAnd(LARGEST);
  const first = upper.div(b, { roundingMode: "trunc" }).mul(2);
  const small = first.add(isAtLeast(a.sub(first.mul(b)), b));
  return where(b.eq(0), 0, where(b.lt(0), isAtLeast(a, b), small));
}
