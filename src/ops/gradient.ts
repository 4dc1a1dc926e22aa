/**
 * Ops that compute nothing and say something about gradients or memory: the gradient stops, or follows a user's own
 * rule. `simplify` removes them from the graph after autodiff.
 */

import { KilnError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import { bottomUp } from "../core/topological.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Node, Value } from "../ir/types.ts";
import { float } from "../loop/build.ts";
import { COUNT, SHAPE_LIST, TEXT } from "./declaration.ts";
import { describe, ints, moves, number, type OpDef, text } from "./definition.ts";
import { generate } from "./ndarray.ts";

/** Returns the first input unchanged. */
const passOn: Pick<OpDef, "pattern" | "movement" | "range" | "lower" | "reference" | "computesNothing"> = {
  pattern: "elementwise",
  computesNothing: true,
  ...moves({ source: (indices) => indices, keepsAll: true }),
  reference: ([x]) => x,
};

const detach: OpDef = {
  ...passOn,
  name: "detach",
  arity: 1,
  attributes: {},
  doc: "The input itself, through which no gradient flows back (torch.Tensor.detach).",
  infer: ([x]) => x,
  vjp: () => [undefined],
  backward: { name: "DetachBackward" },
  samples: () => [
    { inputs: [{ dtype: "int32", shape: [2, 3], below: 9 }], attrs: {} },
    { inputs: [{ dtype: "int32", shape: [], below: 9 }], attrs: {} },
    { inputs: [{ dtype: "int32", shape: [1, 0], below: 9 }], attrs: {} },
  ],
};

const clone: OpDef = {
  ...passOn,
  name: "clone",
  arity: 1,
  attributes: {},
  doc: "The input itself, in separate memory if that matters, as for in-place changes (torch.clone).",
  infer: ([x]) => x,
  vjp: (_b, ct) => [ct],
  backward: { name: "CloneBackward" },
  samples: () => [
    { inputs: [{ dtype: "float32", shape: [2, 3] }], attrs: {} },
    { inputs: [{ dtype: "float32", shape: [1, 0] }], attrs: {} },
    { inputs: [{ dtype: "int32", shape: [], below: 9 }], attrs: {} },
  ],
};

const withHistory: OpDef = {
  ...passOn,
  name: "with_history",
  arity: 2,
  attributes: {},
  doc:
    "The numbers of the first input with the history of the second: gradients flow to the second unchanged, none to " +
    "the first. Represents a tensor that was changed in place inside noGrad, or through its detach().",
  infer([numbers, history]) {
    if (!sameShape(numbers.shape, history.shape) || numbers.dtype !== history.dtype) {
      throw new KilnError(
        `with_history expects two tensors of one type but got ${describe(numbers)} and ${describe(history)}`,
      );
    }
    return numbers;
  },
  vjp: (_b, ct) => [undefined, ct],
  backward: { name: "WithHistoryBackward", edges: [1] },
  samples: () => [
    {
      inputs: [
        { dtype: "int32", shape: [2, 3], below: 9 },
        { dtype: "int32", shape: [2, 3], below: 9 },
      ],
      attrs: {},
    },
  ],
};

const cotangent: OpDef = {
  name: "cotangent",
  arity: 0,
  attributes: { shape: SHAPE_LIST, level: COUNT },
  doc:
    "Stands for the gradient that will arrive at a `custom_gradient`, in the rule that the user wrote for it. `level` " +
    "is the number of such rules around the op. It is zero if no gradient arrives.",
  pattern: "elementwise",
  infer: (_inputs, attrs) => ({ dtype: "float32", shape: ints(attrs, "shape") }),
  vjp: () => [],
  backward: { name: "CotangentBackward" },
  lower: () => () => float(0),
  reference: (_inputs, output) => generate(output.shape, () => 0),
  samples: () => [{ inputs: [], attrs: { shape: [2, 3], level: 0 } }],
};

const customGradient: OpDef = {
  ...passOn,
  name: "custom_gradient",
  arity: [1, Number.POSITIVE_INFINITY],
  attributes: { count: COUNT, learned: { kind: "ints", least: 0 }, level: COUNT, name: TEXT },
  doc:
    "The first input, an output that a user computed from the next `count` inputs, with the gradients that the " +
    "user's own rule computes for those listed in `learned`: the remaining inputs, written in terms of `cotangent`.",
  infer(inputs, attrs) {
    const count = number(attrs, "count");
    const learned = ints(attrs, "learned");
    if (inputs.length !== 1 + count + learned.length) {
      throw new KilnError(
        `custom_gradient of ${count} inputs with ${learned.length} gradients takes ${1 + count + learned.length} ` +
          `inputs, not ${inputs.length}`,
      );
    }
    learned.forEach((input, k) => {
      if (input >= count || learned.indexOf(input) !== k)
        throw new KilnError(
          `custom_gradient needs different inputs below ${count} as learned, not [${learned}]`,
        );
      const [of, gradient] = [inputs[1 + input], inputs[1 + count + k]];
      if (gradient.dtype !== "float32" || !sameShape(of.shape, gradient.shape))
        throw new KilnError(`custom_gradient has ${describe(gradient)} as the gradient of ${describe(of)}`);
    });
    return inputs[0];
  },
  vjp: (b, ct, inputs, output, attrs) => {
    const count = number(attrs, "count");
    const gradients = new Map(ints(attrs, "learned").map((input, k) => [input, inputs[1 + count + k]]));
    // An output that the rule reads has the gradients of the rule itself.
    const inner = inputs.indexOf(inputs[0], 1) > 0 ? undefined : inputs[0];
    const arriving = arrivingAt(b, ct, number(attrs, "level"), inner, output);
    return inputs.map((_, k) => {
      const rule = gradients.get(k - 1);
      return rule === undefined ? undefined : arriving(rule);
    });
  },
  backward: {
    name: (_inputs, attrs) => text(attrs, "name"),
    edges: (attrs) => Array.from({ length: number(attrs, "count") }, (_, k) => k + 1),
  },
  samples: () => [
    {
      inputs: [
        { dtype: "int32", shape: [2, 3], below: 9 },
        { dtype: "int32", shape: [4], below: 9 },
      ],
      attrs: { count: 1, learned: [], level: 0, name: "ExampleBackward" },
    },
  ],
};

/**
 * Rewrites a rule so that `ct` replaces its `cotangent` of this level, and `output` replaces `inner`,
 * which forward itself has computed.
 */
function arrivingAt(
  b: GraphBuilder,
  ct: Value,
  level: number,
  inner: Value | undefined,
  output: Value,
): (rule: Value) => Value {
  return bottomUp<Value, Value>(
    (value) =>
      value.kind === "node" && value !== inner ? value.inputs.slice(0, ownInputs(value, level)) : [],
    (value, rewritten) => {
      if (value === inner) return output;
      if (value.kind === "input") return value;
      if (isCotangent(value.op, value.attrs, level)) return ct;
      const own = ownInputs(value, level);
      const inputs = value.inputs.map((input, k) => (k < own ? rewritten(input) : input));
      const isSame = inputs.every((input, k) => input === value.inputs[k]);
      return isSame ? value : b.node(value.op, inputs, value.attrs);
    },
  );
}

/** How many inputs belong to a rule of this level: those of another op's rule have cotangents of their own. */
const ownInputs = ({ op, attrs, inputs }: Node, level: number): number =>
  isRule(op, attrs, level) ? 1 + number(attrs, "count") : inputs.length;

const isCotangent = (op: string, attrs: Attrs, level: number): boolean =>
  op === "cotangent" && attrs.level === level;

const isRule = (op: string, attrs: Attrs, level: number): boolean =>
  op === "custom_gradient" && attrs.level === level;

export const GRADIENT = {
  detach,
  clone,
  with_history: withHistory,
  cotangent,
  custom_gradient: customGradient,
};
