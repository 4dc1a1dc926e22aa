/** Running sums and powers: cumsum along an axis, and `pow` with the gradients of both operands. */

import type { Shape } from "../core/shape.ts";
import { and, binary, compare, div, float, reduce, select, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { AXIS, BOOLEAN } from "./declaration.ts";
import {
  broadcastRead,
  f32,
  number,
  type OpDef,
  requireBroadcast,
  requireFloat,
  type Sample,
  withIndex,
} from "./definition.ts";
import { at, broadcastAt, generate, sumOver } from "./ndarray.ts";

const cumsum: OpDef = {
  name: "cumsum",
  doc: "The sum of all elements up to and including each one along `axis`; with `reverse`, from each one on (torch.cumsum).",
  arity: 1,
  attributes: { axis: AXIS, reverse: BOOLEAN },
  pattern: "contraction",
  infer([x]) {
    requireFloat("cumsum", [x]);
    return x;
  },
  vjp: (b, ct, _inputs, _out, attrs) => [
    b.node("cumsum", [ct], { axis: attrs.axis, reverse: attrs.reverse !== true }),
  ],
  backward: { name: "CumsumBackward" },
  lower([x], _output, attrs) {
    const axis = number(attrs, "axis");
    return (indices) =>
      reduce("sum", [{ name: "k", extent: x.type.shape[axis] }], ([k]) => {
        const counts = compare(attrs.reverse === true ? "ge" : "le", k, indices[axis]);
        return select(counts, x.at(withIndex(indices, axis, k)), float(0));
      });
  },
  reference([x], output, attrs) {
    const axis = number(attrs, "axis");
    return generate(output.shape, (index) =>
      sumOver([x.shape[axis]], ([k]) => {
        const counts = attrs.reverse === true ? k >= index[axis] : k <= index[axis];
        return counts ? at(x, withIndex(index, axis, k)) : 0;
      }),
    );
  },
  samples: () => [
    { inputs: [f32(6)], attrs: { axis: 0, reverse: false } },
    { inputs: [f32(1)], attrs: { axis: 0, reverse: false } },
    { inputs: [f32(3, 1)], attrs: { axis: 1, reverse: true } },
    { inputs: [f32(0, 3)], attrs: { axis: 0, reverse: false } },
    { inputs: [f32(2, 0, 3)], attrs: { axis: 2, reverse: true } },
    { inputs: [f32(3, 4, 2)], attrs: { axis: 1, reverse: false } },
    { inputs: [f32(3, 4)], attrs: { axis: 0, reverse: true } },
  ],
};

const POWERS: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], []],
  [[], [4]],
  [[], []],
  [[1], [1]],
  [[0, 3], [3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
];

/** C's rule where JavaScript gives NaN: 1 to any power is 1, and so is -1 to an infinite one. */
const power = (base: number, exponent: number): number =>
  base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) ? 1 : base ** exponent;

/** The rule in expressions; a known exponent does not need it, and ±0.5 are square roots, also of -∞. */
function lowerPower(base: Expr, exponent: Expr): Expr {
  if (exponent.kind === "const" && Number.isFinite(exponent.value)) {
    if (Math.abs(exponent.value) !== 0.5) return binary("pow", base, exponent);
    return exponent.value > 0 ? unary("sqrt", base) : div(float(1), unary("sqrt", base));
  }
  const isInfinite = compare("eq", unary("abs", exponent), float(Number.POSITIVE_INFINITY));
  const isOne = binary("or", compare("eq", base, float(1)), and(compare("eq", base, float(-1)), isInfinite));
  return select(isOne, float(1), binary("pow", base, exponent));
}

const pow: OpDef = {
  name: "pow",
  doc: "`a^b` with broadcasting (torch.pow). The gradients equal PyTorch's in edge cases, too: `b·a^(b-1)`, but 0 where b is 0; `a^b·log a`, but 0 where a is 0 and b is not negative.",
  arity: 2,
  attributes: {},
  pattern: "elementwise",
  infer(inputs) {
    requireFloat("pow", inputs);
    return { dtype: "float32", shape: requireBroadcast("pow", inputs[0].shape, inputs[1].shape) };
  },
  vjp(b, ct, [base, exponent], out) {
    const zero = b.constant(0);
    const is = (a: typeof base, relation: string) => b.node("compare", [a, zero], { relation });
    const slope = b.node("mul", [exponent, b.node("pow", [base, b.node("sub", [exponent, b.constant(1)])])]);
    const growth = b.node("mul", [out, b.node("log", [base])]);
    // At a = 0 the logarithm is replaced; with a negative exponent the result there is infinite already.
    const flat = b.node("where", [is(exponent, "ge"), zero, growth]);
    return [
      b.node("mul", [ct, b.node("where", [is(exponent, "eq"), zero, slope])]),
      b.node("mul", [ct, b.node("where", [is(base, "eq"), flat, growth])]),
    ];
  },
  backward: { name: "PowBackward" },
  lower:
    ([base, exponent]) =>
    (indices) =>
      lowerPower(broadcastRead(base, indices), broadcastRead(exponent, indices)),
  reference: ([base, exponent], output) =>
    generate(output.shape, (index) => power(broadcastAt(base, index), broadcastAt(exponent, index))),
  samples: () =>
    POWERS.map(
      ([a, b]): Sample => ({
        inputs: [{ ...f32(...a), draw: "positive" }, f32(...b)],
        attrs: {},
      }),
    ),
};

export const STATISTICS = { cumsum, pow };
