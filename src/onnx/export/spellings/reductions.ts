/** Reductions, softmax and other functions of rows. */

import { ints, number } from "../../../ops/definition.ts";
import { infoOf } from "../../element-types.ts";
import { Float } from "../graph-writer.ts";
import type { Spelling } from "../spelling.ts";

const over =
  (op: string): Spelling =>
  ({ w, inputs: [x], attrs }) => {
    const axes = ints(attrs, "axes");
    // Without axes, ONNX would reduce all of them; and the mean of nothing is NaN, not 0.
    if (axes.length === 0) return x.name;
    if (axes.some((axis) => x.shape[axis] === 0)) return undefined;
    return w.node(op, [x.name, w.ints(axes)], { keepdims: attrs.keepdim === true ? 1 : 0 });
  };

/** ONNX has no argmax over several axes. */
const maxDim: Spelling = ({ w, inputs: [x], attrs }) => {
  const axes = ints(attrs, "axes");
  if (axes.length !== 1) return undefined;
  const keepdims = attrs.keepdim === true ? 1 : 0;
  const position = w.node("ArgMax", [x.name], { axis: axes[0], keepdims });
  return [
    w.node("ReduceMax", [x.name, w.ints(axes)], { keepdims }),
    w.node("Cast", [position], { to: infoOf("int32").code }),
  ];
};

const along =
  (op: string): Spelling =>
  ({ w, inputs: [x], attrs }) =>
    w.node(op, [x.name], { axis: number(attrs, "axis") });

const standardize: Spelling = ({ w, inputs: [x], attrs }) => {
  const row = x.shape.slice(number(attrs, "first"));
  const scale = w.node("Expand", [w.float(1), w.ints(row)]);
  return w.node("LayerNormalization", [x.name, scale], {
    axis: number(attrs, "first"),
    epsilon: new Float(number(attrs, "eps")),
  });
};

export const REDUCTIONS = {
  sum: over("ReduceSum"),
  mean: over("ReduceMean"),
  max: over("ReduceMax"),
  logsumexp: over("ReduceLogSumExp"),
  max_dim: maxDim,
  softmax: along("Softmax"),
  log_softmax: along("LogSoftmax"),
  standardize,
  cumsum: ({ w, inputs: [x], attrs }) =>
    w.node("CumSum", [x.name, w.ints([number(attrs, "axis")], [])], {
      reverse: attrs.reverse === true ? 1 : 0,
    }),
} as const satisfies Readonly<Record<string, Spelling>>;
