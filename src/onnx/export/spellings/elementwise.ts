/** Elementwise functions that ONNX has operators for, and the bits of integers. */

import { number } from "../../../ops/definition.ts";
import { infoOf } from "../../element-types.ts";
import type { GraphWriter } from "../graph-writer.ts";
import type { Spelling } from "../spelling.ts";

const named =
  (op: string): Spelling =>
  ({ w, inputs }) =>
    w.node(
      op,
      inputs.map(({ name }) => name),
    );

/** `x·Φ(x)`, as PyTorch exports it. */
const gelu: Spelling = ({ w, inputs: [{ name: x }] }) => {
  const erf = w.node("Erf", [w.node("Mul", [x, w.float(Math.SQRT1_2)])]);
  const share = w.node("Mul", [w.node("Add", [erf, w.float(1)]), w.float(0.5)]);
  return w.node("Mul", [x, share]);
};

const clamp: Spelling = ({ w, inputs: [x], attrs }) => {
  const bound = (name: string): string =>
    attrs[name] === undefined ? "" : w.number(x.dtype, number(attrs, name));
  const bounds = [bound("min"), bound("max")];
  return w.node("Clip", [x.name, ...(bounds[1] === "" ? bounds.slice(0, 1) : bounds)]);
};

const cast = (w: GraphWriter, x: string, to: "uint32" | "int32"): string =>
  w.node("Cast", [x], { to: infoOf(to).code });

const whole = (w: GraphWriter, value: number): string => w.number("int32", value);

/** Whether a shift is by 0 to 31. */
const isWithin = (w: GraphWriter, amount: string): string =>
  w.node("And", [w.node("GreaterOrEqual", [amount, whole(w, 0)]), w.node("Less", [amount, whole(w, 32)])]);

/** Shifts 32-bit words by `amount` if that is from 0 to 31. */
function shifted(w: GraphWriter, x: string, amount: string, direction: "LEFT" | "RIGHT"): string {
  const by = w.node("Where", [isWithin(w, amount), amount, whole(w, 0)]);
  return cast(w, w.node("BitShift", [cast(w, x, "uint32"), cast(w, by, "uint32")], { direction }), "int32");
}

const shiftLeft: Spelling = ({ w, inputs: [{ name: x }, { name: amount }] }) =>
  w.node("Where", [isWithin(w, amount), shifted(w, x, amount, "LEFT"), whole(w, 0)]);

/** For a negative number, shifts its complement and inverts the result. */
const shiftRight: Spelling = ({ w, inputs: [{ name: x }, { name: amount }] }) => {
  const isNegative = w.node("Less", [x, whole(w, 0)]);
  const sign = w.node("Where", [isNegative, whole(w, -1), whole(w, 0)]);
  const moved = shifted(w, w.node("BitwiseXor", [x, sign]), amount, "RIGHT");
  return w.node("Where", [isWithin(w, amount), w.node("BitwiseXor", [moved, sign]), sign]);
};

export const ELEMENTWISE = {
  relu: named("Relu"),
  sigmoid: named("Sigmoid"),
  softplus: named("Softplus"),
  erf: named("Erf"),
  gelu,
  clamp,
  bitwise_and: named("BitwiseAnd"),
  bitwise_or: named("BitwiseOr"),
  bitwise_xor: named("BitwiseXor"),
  bitwise_left_shift: shiftLeft,
  bitwise_right_shift: shiftRight,
} as const satisfies Readonly<Record<string, Spelling>>;
