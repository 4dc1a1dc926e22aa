/** Rounding: to integers, of almost nothing to 0; and the remainders of division. */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { add, and, binary, compare, constant, div, float, select, sub, unary } from "../loop/build.ts";
import { evaluateBinary, evaluateUnary } from "../loop/semantics.ts";
import type { Expr, UnaryOp } from "../loop/types.ts";
import { binaryOp } from "./arithmetic.ts";
import { NUMBER } from "./declaration.ts";
import { broadcastRead, f32, type OpDef } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";
import { pointwiseOp } from "./pointwise.ts";

/** A step function, whose gradient is zero everywhere. Its operand must be the same wherever it is computed. */
const rounding = (name: UnaryOp, doc: string, lower: (x: Expr) => Expr = (x) => unary(name, x)): OpDef => ({
  ...pointwiseOp({
    name,
    doc: `${doc}; its gradient is zero everywhere (torch.${name}).`,
    backward: `${name[0].toUpperCase()}${name.slice(1)}Backward`,
    gradient: () => undefined,
    lower,
    reference: (x) => evaluateUnary(name, x),
  }),
  compares: [0],
});

/** Rounds the absolute value, so that a negative number that becomes 0 keeps its sign. */
const roundBySize = (x: Expr): Expr =>
  select(
    compare("lt", x, constant(0, x.dtype)),
    unary("neg", unary("round", unary("neg", x))),
    unary("round", x),
  );

/** Minus the integer quotient times the cotangent goes to the divisor. */
const shares = (b: GraphBuilder, ct: Value, quotient: Value): readonly Value[] => [
  ct,
  b.node("neg", [b.node("mul", [ct, quotient])]),
];

const fmod = binaryOp(
  "fmod",
  "fmod",
  "The remainder of division of `a` by `b`, truncated towards 0, with the sign of `a` and without rounding (torch.fmod); for int32, 0 where `b` is 0. The gradient of `b` is minus the whole quotient.",
  "FmodBackward",
  "nonzero",
  (b, ct, x, y) => shares(b, ct, b.node("trunc", [b.node("div", [x, y])])),
);

/** Whether the remainder of a truncated division and the divisor have different signs. */
const areOpposite = (rest: Expr, b: Expr): Expr => {
  const zero = constant(0, rest.dtype);
  return and(compare("ne", rest, zero), compare("ne", compare("lt", rest, zero), compare("lt", b, zero)));
};

/** A remainder with the sign of the divisor, from one with the sign of the dividend. */
function floorRemainder(a: Expr, b: Expr): Expr {
  const rest = binary("fmod", a, b);
  return select(areOpposite(rest, b), add(rest, b), rest);
}

const remainder: OpDef = {
  ...fmod,
  name: "remainder",
  doc: "The remainder of division of `a` by `b`, rounded down, with the sign of `b` (torch.remainder, Python's `%`); for int32, 0 where `b` is 0. The gradient of `b` is minus the whole quotient.",
  vjp: (b, ct, [x, y]) => shares(b, ct, b.node("floor_divide", [x, y])),
  backward: { name: "RemainderBackward" },
  lower:
    ([a, b]) =>
    (indices) =>
      floorRemainder(broadcastRead(a, indices), broadcastRead(b, indices)),
  reference: ([a, b], output) =>
    generate(output.shape, (index) => {
      const y = broadcastAt(b, index);
      const rest = evaluateBinary("fmod", broadcastAt(a, index), y, output.dtype);
      return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
    }),
};

/**
 * The remainder is subtracted first: then the quotient is an integer
 * except for its rounding, and never one that `a/b` was rounded up to.
 */
function floorQuotient(a: Expr, b: Expr): Expr {
  const rest = binary("fmod", a, b);
  const whole = div(sub(a, rest), b);
  const quotient = select(areOpposite(rest, b), sub(whole, float(1)), whole);
  return select(compare("eq", b, float(0)), div(a, b), unary("round", quotient));
}

const floorDivide: OpDef = {
  ...binaryOp("div", "floor_divide", "", "FloorDivideBackward", "nonzero", () => [undefined, undefined]),
  doc: "`⌊a/b⌋` with broadcasting, computed from the exact quotient (torch.floor_divide); its gradient is zero everywhere.",
  compares: [0, 1],
  lower:
    ([a, b]) =>
    (indices) =>
      floorQuotient(broadcastRead(a, indices), broadcastRead(b, indices)),
  reference: ([a, b], output) =>
    generate(output.shape, (index) => Math.floor(broadcastAt(a, index) / broadcastAt(b, index))),
};

/** Whether a number's absolute value is below `least`. */
const isTiny = (x: Expr, least: number): Expr => compare("lt", unary("abs", x), float(least));

const flush: OpDef = {
  ...pointwiseOp({
    name: "flush",
    doc: "`x`, but 0 where `|x|` is less than `least`; NaN stays NaN. The gradient passes where `x` does. Applied to the states of optimizers, because subnormal numbers are slow on processors.",
    backward: "FlushBackward",
    gradient: () => undefined,
    lower: (x) => x,
    reference: (x) => x,
  }),
  attributes: { least: NUMBER },
  vjp(b, ct, [x], _out, { least }) {
    const tiny = b.node("compare", [b.node("abs", [x]), b.constant(Number(least))], { relation: "lt" });
    return [b.node("where", [tiny, b.constant(0), ct])];
  },
  lower:
    ([x], _output, { least }) =>
    (indices) =>
      select(isTiny(x.at(indices), Number(least)), float(0), x.at(indices)),
  reference: ([x], _output, { least }) => ({
    shape: x.shape,
    data: x.data.map((v) => (Math.abs(v) < Number(least) ? 0 : v)),
  }),
  samples: () => [
    { inputs: [{ ...f32(60), draw: "distinct" }], attrs: { least: 1.2345 } },
    { inputs: [{ ...f32(), draw: "nonzero" }], attrs: { least: 2 ** -126 } },
    { inputs: [f32(0, 3)], attrs: { least: 0.5 } },
  ],
};

export const ROUNDING = {
  floor: rounding("floor", "The largest whole number not above `x`"),
  ceil: rounding("ceil", "The smallest whole number not below `x`"),
  trunc: rounding("trunc", "`x` without its fraction"),
  round: rounding("round", "The whole number nearest to `x`, the even one in a tie", roundBySize),
  fmod,
  remainder,
  floor_divide: floorDivide,
  flush,
};
