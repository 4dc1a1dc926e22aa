/** Operations on the bits of int32 numbers, in the arithmetic of 32-bit words that every backend has. */

import { KilnError } from "../core/errors.ts";
import { add, binary, bits, cast, compare, int, select, shiftRight, sub, word, xor } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { broadcastRead, describe, type OpDef, requireBroadcast } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";

interface BitOperation {
  readonly name: string;
  readonly doc: string;
  readonly backward: string;
  /** Of words. */
  lower(a: Expr, b: Expr): Expr;
  reference(a: number, b: number): number;
}

const bitOp = ({ name, doc, backward, lower, reference }: BitOperation): OpDef => ({
  name,
  doc,
  arity: 2,
  attributes: {},
  pattern: "elementwise",
  infer([a, b]) {
    if (a.dtype !== "int32" || b.dtype !== "int32")
      throw new KilnError(`${name} expects int32 tensors but got ${describe(a)} and ${describe(b)}`);
    return { dtype: "int32", shape: requireBroadcast(name, a.shape, b.shape) };
  },
  vjp: () => [undefined, undefined],
  backward: { name: backward },
  lower:
    ([a, b]) =>
    (indices) => {
      const [x, y] = [a, b].map((operand) => cast(broadcastRead(operand, indices), "uint32"));
      return cast(lower(x, y), "int32");
    },
  reference: ([a, b], output) =>
    generate(output.shape, (index) => reference(broadcastAt(a, index), broadcastAt(b, index))),
  samples: () => [
    { inputs: [whole(2000, 3, 40), whole(12, 40)], attrs: {} },
    { inputs: [whole(9), whole(9)], attrs: {} },
    { inputs: [whole(9, 1), whole(5, 4)], attrs: {} },
    { inputs: [whole(9, 0, 3), whole(9, 3)], attrs: {} },
  ],
});

const whole = (below: number, ...shape: number[]) => ({ dtype: "int32" as const, shape, below });

/** The bits of a shift's amount: it is decomposed, as words are shifted by known numbers only. */
const AMOUNTS = [16, 8, 4, 2, 1];

/** `shift` by each power of two in `amount`. */
const shifted = (value: Expr, amount: Expr, shift: (value: Expr, by: number) => Expr): Expr =>
  AMOUNTS.reduce(
    (rest, by) => select(compare("ne", bits(amount, by), word(0)), shift(rest, by), rest),
    value,
  );

/** Whether `amount` is one that leaves some bits of a number: from 0 to 31. */
const isWithin = (amount: Expr): Expr => compare("lt", amount, word(32));

const and = (a: Expr, b: Expr): Expr => binary("bitand", a, b);
const isNegative = (a: Expr): Expr => compare("lt", cast(a, "int32"), int(0));
const ALL = word(2 ** 32 - 1);

/** Zeros are shifted in from above; for a negative number ones, which are the zeros of its complement. */
function shiftedRight(a: Expr, amount: Expr): Expr {
  const sign = select(isNegative(a), ALL, word(0));
  const moved = xor(shifted(xor(a, sign), amount, shiftRight), sign);
  return select(isWithin(amount), moved, sign);
}

export const BITS = {
  bitwise_and: bitOp({
    name: "bitwise_and",
    doc: "The bitwise AND of int32 numbers, with broadcasting (torch.bitwise_and).",
    backward: "BitwiseAndBackward",
    lower: and,
    reference: (a, b) => a & b,
  }),
  bitwise_or: bitOp({
    name: "bitwise_or",
    doc: "The bitwise OR of int32 numbers, with broadcasting (torch.bitwise_or).",
    backward: "BitwiseOrBackward",
    lower: (a, b) => sub(add(a, b), and(a, b)),
    reference: (a, b) => a | b,
  }),
  bitwise_xor: bitOp({
    name: "bitwise_xor",
    doc: "The bitwise XOR of int32 numbers, with broadcasting (torch.bitwise_xor).",
    backward: "BitwiseXorBackward",
    lower: xor,
    reference: (a, b) => a ^ b,
  }),
  bitwise_left_shift: bitOp({
    name: "bitwise_left_shift",
    doc: "An int32 number shifted left, with broadcasting; the result is 0 if the amount is outside of 0 to 31 (torch.bitwise_left_shift).",
    backward: "BitwiseLeftShiftBackward",
    lower: (a, amount) =>
      select(
        isWithin(amount),
        shifted(a, amount, (value, by) => binary("mul", value, word(2 ** by))),
        word(0),
      ),
    reference: (a, b) => (b >= 0 && b < 32 ? a << b : 0),
  }),
  bitwise_right_shift: bitOp({
    name: "bitwise_right_shift",
    doc: "An int32 number shifted right arithmetically, with broadcasting; only the sign is left (0 or -1) if the amount is outside of 0 to 31 (torch.bitwise_right_shift).",
    backward: "BitwiseRightShiftBackward",
    lower: shiftedRight,
    reference: (a, b) => a >> (b >= 0 && b < 32 ? b : 31),
  }),
};
