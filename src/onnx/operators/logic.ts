/** Comparisons, truths and bits. */

import { constant } from "../../tensor/operation.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { infoOf } from "../element-types.ts";
import { combined } from "../known-arrays.ts";
import type { Operator } from "../operator.ts";
import { unary } from "./define.ts";

/** A predicate of two tensors, and of known numbers, to compute shapes. */
const question = (
  name: string,
  compute: (a: Tensor, b: Tensor) => Tensor,
  known: (a: number, b: number) => boolean,
  unsigned: Operator["unsigned"] = "bits",
): Operator => ({
  name,
  unsigned,
  run: (call) => compute(call.tensor(0), call.tensor(1)),
  fold: (call) => combined("bool", [call.constant(0), call.constant(1)], (a, b) => Number(known(a, b))),
});

const onBits = (name: string, compute: (a: Tensor, b: Tensor) => Tensor): Operator => ({
  name,
  wraps: true,
  unsigned: "bits",
  run: (call) => compute(call.tensor(0), call.tensor(1)),
});

/** Bits that leave a number of 32 bits are gone; those of narrower ones are wrapped away. */
function shifted(call: Call): Tensor {
  const [x, by] = call.tensors();
  if (infoOf(call.type).bytes > 4) call.lacks(`it shifts ${call.type}, whose upper bits int32 does not have`);
  if (call.string("direction", ["LEFT", "RIGHT"], "LEFT") === "LEFT") return x.bitwiseLeftShift(by);
  const right = x.bitwiseRightShift(by);
  // The upper bit of a word is not a sign: zeros are shifted in, not copies of it.
  return call.type === "uint32" ? where(by.eq(0), x, right.bitwiseAnd(kept(by))) : right;
}

/** The bits that are left of a word that is moved to the right by one place or more. */
const kept = (by: Tensor): Tensor => constant(-1, "int32").bitwiseLeftShift(by.rsub(32)).bitwiseNot();

export const LOGIC: readonly Operator[] = [
  question(
    "Equal",
    (a, b) => a.eq(b),
    (a, b) => a === b,
  ),
  question(
    "Less",
    (a, b) => a.lt(b),
    (a, b) => a < b,
    "order",
  ),
  question(
    "LessOrEqual",
    (a, b) => a.le(b),
    (a, b) => a <= b,
    "order",
  ),
  question(
    "Greater",
    (a, b) => a.gt(b),
    (a, b) => a > b,
    "order",
  ),
  question(
    "GreaterOrEqual",
    (a, b) => a.ge(b),
    (a, b) => a >= b,
    "order",
  ),
  question(
    "And",
    (a, b) => a.logicalAnd(b),
    (a, b) => a !== 0 && b !== 0,
  ),
  question(
    "Or",
    (a, b) => a.logicalOr(b),
    (a, b) => a !== 0 || b !== 0,
  ),
  question(
    "Xor",
    (a, b) => a.logicalXor(b),
    (a, b) => (a !== 0) !== (b !== 0),
  ),
  unary(
    "Not",
    (x) => x.logicalNot(),
    (x) => Number(x === 0),
  ),
  {
    name: "Where",
    unsigned: "bits",
    run: (call) => where(call.tensor(0), call.tensor(1), call.tensor(2)),
    fold: (call) =>
      combined(
        call.value(1).type,
        [call.constant(0), call.constant(1), call.constant(2)],
        (condition, a, b) => (condition === 0 ? b : a),
      ),
  },
  onBits("BitwiseAnd", (a, b) => a.bitwiseAnd(b)),
  onBits("BitwiseOr", (a, b) => a.bitwiseOr(b)),
  onBits("BitwiseXor", (a, b) => a.bitwiseXor(b)),
  {
    name: "BitwiseNot",
    wraps: true,
    unsigned: "bits",
    run: (call) =>
      call.type === "uint64"
        ? call.lacks("it inverts uint64, whose upper bits int32 does not have")
        : call.tensor(0).bitwiseNot(),
  },
  { name: "BitShift", wraps: true, unsigned: "type", run: shifted },
];
