/** Limits numbers by bounds: by two that are known, or by two tensors, with gradients for all three. */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { binary, compare, constant, select } from "../loop/build.ts";
import type { CompareOp, Expr } from "../loop/types.ts";
import { NUMBER } from "./declaration.ts";
import {
  broadcastRead,
  f32,
  type OpDef,
  requireBroadcast,
  requireElement,
  requireFloat,
  type Sample,
  type SampleInput,
} from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";

/** A bound, if it is given. */
const boundOf = (attrs: Attrs, name: "min" | "max"): number | undefined => attrs[name] as number | undefined;

const is = (b: GraphBuilder, x: Value, relation: CompareOp, y: Value): Value =>
  b.node("compare", [x, y], { relation });

const choose = (b: GraphBuilder, condition: Value, a: Value, other: Value): Value =>
  b.node("where", [condition, a, other]);

/** `value`, or `bound` if it is beyond that in the direction of `relation`; NaN stays. */
const heldBy = (relation: "lt" | "gt", value: Expr, bound: Expr): Expr =>
  value.dtype === "float32"
    ? binary(relation === "lt" ? "max" : "min", value, bound)
    : select(compare(relation, value, bound), bound, value);

const clamp: OpDef = {
  name: "clamp",
  doc: "The input, float32 or int32, clamped to the numbers `min` and `max`, either of which may be missing; the result is `max` if `min` is larger. The gradient passes between the bounds, but not at them nor at NaN, which stays NaN (torch.clamp).",
  arity: 1,
  attributes: { min: { ...NUMBER, isOptional: true }, max: { ...NUMBER, isOptional: true } },
  pattern: "elementwise",
  infer([x], attrs) {
    if (x.dtype !== "int32") requireFloat("clamp", [x]);
    for (const name of ["min", "max"] as const)
      requireElement("clamp", name, boundOf(attrs, name) ?? 0, x.dtype);
    return x;
  },
  range: ([x], _types, attrs) => {
    const [min, max] = [boundOf(attrs, "min"), boundOf(attrs, "max")];
    const held = (edge: number): number =>
      Math.min(Math.max(edge, min ?? edge), max ?? Number.POSITIVE_INFINITY);
    const [least, most] = x ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    return [held(least), held(most)];
  },
  vjp(b, ct, [x], _out, attrs) {
    const inside = (passed: Value, relation: CompareOp, bound: number | undefined): Value =>
      bound === undefined ? passed : choose(b, is(b, x, relation, b.constant(bound)), passed, b.constant(0));
    return [inside(inside(ct, "gt", boundOf(attrs, "min")), "lt", boundOf(attrs, "max"))];
  },
  backward: { name: "ClampBackward" },
  lower([x], output, attrs) {
    const { dtype } = output;
    const [min, max] = [boundOf(attrs, "min"), boundOf(attrs, "max")];
    return (indices) => {
      const raised = min === undefined ? x.at(indices) : heldBy("lt", x.at(indices), constant(min, dtype));
      return max === undefined ? raised : heldBy("gt", raised, constant(max, dtype));
    };
  },
  reference: ([x], _output, attrs) => ({
    shape: x.shape,
    data: x.data.map((v) =>
      Math.min(
        Math.max(v, boundOf(attrs, "min") ?? Number.NEGATIVE_INFINITY),
        boundOf(attrs, "max") ?? Number.POSITIVE_INFINITY,
      ),
    ),
  }),
  samples: () => [
    { inputs: [{ ...f32(60), draw: "distinct" }], attrs: { min: -1.05, max: 1.55 } },
    { inputs: [{ ...f32(2, 3), draw: "nonzero" }], attrs: { min: 0 } },
    { inputs: [{ ...f32(), draw: "nonzero" }], attrs: { max: 0 } },
    { inputs: [{ dtype: "int32", shape: [2, 3], below: 9 }], attrs: { min: 2, max: 5 } },
    { inputs: [{ ...f32(1, 1), draw: "nonzero" }], attrs: { min: 0 } },
    { inputs: [f32(0, 3)], attrs: { min: 0 } },
  ],
};

/** The share of a cotangent of 1 for each operand: PyTorch's choice at ties, at crossed bounds and at NaN. */
function shares(b: GraphBuilder, ct: Value, x: Value, min: Value, max: Value): readonly Value[] {
  const zero = b.constant(0);
  const half = b.node("mul", [ct, b.constant(0.5)]);
  const isOpen = is(b, min, "lt", max);
  const isCrossed = is(b, max, "lt", min);
  const isOrdered = is(b, min, "le", max);
  const split = (isTie: Value, otherwise: Value): Value =>
    choose(b, isTie, choose(b, isOpen, half, otherwise), otherwise);
  const [below, above] = [is(b, x, "lt", min), is(b, x, "gt", max)];
  const [atMin, atMax] = [is(b, x, "eq", min), is(b, x, "eq", max)];
  const within = choose(b, below, zero, choose(b, above, zero, ct));
  const ordered = choose(b, isOrdered, ct, zero);
  return [
    choose(b, below, zero, choose(b, above, zero, split(atMin, split(atMax, within)))),
    choose(b, below, ordered, split(atMin, zero)),
    choose(b, isCrossed, ct, choose(b, above, ordered, split(atMax, zero))),
  ];
}

const TRIPLES: readonly (readonly [SampleInput, SampleInput, SampleInput])[] = [
  [f32(2, 3), f32(3), f32(2, 1)],
  [f32(4), f32(), f32()],
  [f32(), f32(), f32()],
  [f32(1), f32(), f32(1, 1)],
  [f32(0, 3), f32(3), f32(1, 1)],
  [f32(2, 1, 3), f32(4, 1), f32(2, 4, 3)],
];

const clampBetween: OpDef = {
  name: "clamp_between",
  doc: "The first input clamped between the second and the third, with broadcasting; the result is the third where the second is larger. An input equal to a bound shares the gradient with it (torch.clamp of tensors).",
  arity: 3,
  attributes: {},
  pattern: "elementwise",
  infer(inputs) {
    requireFloat("clamp", inputs);
    const [x, min, max] = inputs.map(({ shape }) => shape);
    return f32(...requireBroadcast("clamp", requireBroadcast("clamp", x, min), max));
  },
  vjp: (b, ct, [x, min, max]) => shares(b, ct, x, min, max),
  backward: { name: "ClampBackward" },
  lower:
    ([x, min, max]) =>
    (indices) =>
      binary(
        "min",
        binary("max", broadcastRead(x, indices), broadcastRead(min, indices)),
        broadcastRead(max, indices),
      ),
  reference: ([x, min, max], output) =>
    generate(output.shape, (index) =>
      Math.min(Math.max(broadcastAt(x, index), broadcastAt(min, index)), broadcastAt(max, index)),
    ),
  samples: () => TRIPLES.map((inputs): Sample => ({ inputs, attrs: {} })),
};

export const CLAMP = { clamp, clamp_between: clampBetween };
