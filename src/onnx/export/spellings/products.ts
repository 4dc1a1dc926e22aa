/** Products of matrices, and convolutions. */

import { ints, number } from "../../../ops/definition.ts";
import type { GraphWriter } from "../graph-writer.ts";
import type { Call, Named, Spelling } from "../spelling.ts";

/** An operand with its last two axes swapped if `isTransposed`. */
function matrix(w: GraphWriter, { name, shape }: Named, isTransposed: boolean): string {
  if (!isTransposed) return name;
  const axes = shape.map((_, axis) => axis);
  return w.node("Transpose", [name], { perm: [...axes.slice(0, -2), axes.length - 1, axes.length - 2] });
}

/** Weights stay as they are, [out, in]: Gemm reads them so, and for other ranks ONNX transposes them. */
const linear: Spelling = ({ w, inputs: [x, weight, bias] }) => {
  const more = bias === undefined ? [] : [bias.name];
  if (x.shape.length === 2) return w.node("Gemm", [x.name, weight.name, ...more], { transB: 1 });
  const product = w.node("MatMul", [x.name, matrix(w, weight, true)]);
  return bias === undefined ? product : w.node("Add", [product, bias.name]);
};

const planes = ({ inputs: [, weight], attrs }: Call) => ({
  kernel_shape: weight.shape.slice(2),
  strides: ints(attrs, "stride"),
  pads: [...ints(attrs, "padding"), ...ints(attrs, "padding")],
  dilations: ints(attrs, "dilation"),
  group: number(attrs, "groups"),
});

const names = (inputs: readonly Named[]): readonly string[] => inputs.map(({ name }) => name);

const transposedConvolution: Spelling = (call) => {
  const { w, inputs, attrs, output } = call;
  const [x, weight] = inputs;
  const padding = ints(attrs, "padding");
  const extra = [0, 1].map((k) => {
    const reach = (x.shape[k + 2] - 1) * ints(attrs, "stride")[k] - 2 * padding[k];
    return output.shape[k + 2] - reach - ints(attrs, "dilation")[k] * (weight.shape[k + 2] - 1) - 1;
  });
  // ONNX pads by less than a step; elements beyond are the bias alone.
  if (extra.some((more, k) => more >= ints(attrs, "stride")[k])) return undefined;
  return w.node("ConvTranspose", names(inputs), { ...planes(call), output_padding: extra });
};

export const PRODUCTS = {
  matmul: ({ w, inputs: [a, b], attrs }) =>
    w.node("MatMul", [matrix(w, a, attrs.transposeA === true), matrix(w, b, attrs.transposeB === true)]),
  linear,
  conv2d: (call) => call.w.node("Conv", names(call.inputs), planes(call)),
  conv_transpose2d: transposedConvolution,
} as const satisfies Readonly<Record<string, Spelling>>;
