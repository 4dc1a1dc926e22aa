/**
 * Whole numbers that int32 does not hold. Those of 32 bits without a sign are the same bits in int32, so that sums, products
 * and bits come out right, and what depends on their order is computed with the upper bit inverted, which gives int32 the
 * same order. Those of 64 bits must lie within int32: programs check what may leave it.
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

/** Words of 32 bits as the int32 that have their order, and the way back. */
export const inverted = (words: Tensor): Tensor => words.bitwiseXor(SIGN);

/** Runs an operator on numbers that a program computes; whole ones come out right, or as an error. */
export function runExactly(operator: Operator, call: Call): readonly (Result | undefined)[] {
  if (call.inputs.some(isLarge)) return unsigned(operator, call);
  const results = resultList(operator.run(call));
  const type = call.inputs[0]?.type;
  const [first, ...others] = results;
  if (!operator.grows || !(first instanceof Tensor) || (type !== "int64" && type !== "uint64"))
    return results;
  return [within(operator, call, first, type), ...others];
}

/** Whether an input has numbers without a sign from 2³¹ on, or may have. */
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

/** A result of 64 bits, for which there is an error where the same in floats is another number: then it has left int32. */
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

/** What has wrapped around is off by 2³² at least, and floats of int32's size by far less. */
export function checked(call: Call, whole: Tensor, approximate: Tensor, type: ElementType): Tensor {
  const isOff = approximate
    .sub(whole.float())
    .abs()
    .lt(2 ** 30)
    .logicalNot();
  return exact(beyond(call, type), whole, type === "uint64" ? isOff.logicalOr(whole.lt(0)) : isOff);
}

const beyond = (call: Call, type: ElementType): string =>
  `${call.title} gives numbers of ${type} that int32 cannot hold, with which Kiln computes them`;

/** Numbers of one type as another that holds whole ones, as far as int32 does. */
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

/** Words of 32 bits as floats: both halves are exact, and their sum is rounded once. */
export function floatsFrom(words: Tensor): Tensor {
  const [high, low] = [words.bitwiseRightShift(16), words].map((half) => half.bitwiseAnd(0xffff).float());
  return high.mul(2 ** 16).add(low);
}

const wordsFrom = (x: Tensor): Tensor => where(x.lt(2 ** 31), x.int(), inverted(x.sub(2 ** 31).int()));

/**
 * The whole quotient of words without a sign, 0 where the divisor is: for divisors below 2³¹ from that of the upper 31 bits,
 * which may lack 1 (Warren, Hacker's Delight, 9-3); others go in once or not at all.
 */
export function quotientOf(a: Tensor, b: Tensor): Tensor {
  const isAtLeast = (x: Tensor, y: Tensor): Tensor => inverted(x).ge(inverted(y)).int();
  const upper = a.bitwiseRightShift(1).bitwiseAnd(LARGEST);
  const first = upper.div(b, { roundingMode: "trunc" }).mul(2);
  const small = first.add(isAtLeast(a.sub(first.mul(b)), b));
  return where(b.eq(0), 0, where(b.lt(0), isAtLeast(a, b), small));
}
