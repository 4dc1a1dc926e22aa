/** The transposed convolution: the linear map of conv2d's input gradient as a layer's own operation, with a bias. */

import { KilnError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { add } from "../loop/build.ts";
import {
  CHANNELS_INNERMOST,
  GEOMETRY,
  GEOMETRY_ATTRIBUTES,
  geometryOf,
  scatteredSum,
  scatteredSumReference,
} from "./conv2d.ts";
import { describe, f32, ints, type OpDef, requireFloat, type Sample } from "./definition.ts";
import { at, generate } from "./ndarray.ts";

function infer(inputs: readonly TensorType[], attrs: Attrs): TensorType {
  const [x, weight, bias] = inputs;
  requireFloat("conv_transpose2d", inputs);
  if (x.shape.length === 3) {
    throw new KilnError(
      `conv_transpose2d expects a batch of images [N,C,H,W] but got ${describe(x)}: ` +
        "add the batch dimension with unsqueeze(0)",
    );
  }
  if (x.shape.length !== 4 || weight.shape.length !== 4) {
    throw new KilnError(
      "conv_transpose2d expects [N,C,H,W] and a weight [in,out,kH,kW] " +
        `but got ${describe(x)} and ${describe(weight)}`,
    );
  }
  const g = geometryOf(attrs);
  const [n, channels, ...inputSize] = x.shape;
  if (inputSize.includes(0)) {
    throw new KilnError(
      `conv_transpose2d expects images with pixels but got ${describe(x)}; only the batch may be empty`,
    );
  }
  const [inChannels, groupChannels, ...kernel] = weight.shape;
  const outChannels = groupChannels * g.groups;
  if (channels !== inChannels) {
    throw new KilnError(
      `conv_transpose2d expects ${inChannels} input channels but got ${channels} in ${describe(x)}`,
    );
  }
  if (inChannels % g.groups !== 0) {
    throw new KilnError(
      `conv_transpose2d cannot divide ${inChannels} input channels into ${g.groups} groups`,
    );
  }
  if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== outChannels)) {
    throw new KilnError(`conv_transpose2d expects a bias [${outChannels}] but got ${describe(bias)}`);
  }
  const outputSize = ints(attrs, "outputSize");
  if (outputSize.length !== 2) {
    throw new KilnError(`conv_transpose2d needs rows and columns as outputSize, not [${outputSize}]`);
  }
  for (const axis of [0, 1]) {
    const output = outputSize[axis];
    const least =
      (inputSize[axis] - 1) * g.stride[axis] -
      2 * g.padding[axis] +
      g.dilation[axis] * (kernel[axis] - 1) +
      1;
    const added = output - least;
    if (output < 1 || added < 0 || added >= Math.max(g.stride[axis], g.dilation[axis])) {
      throw new KilnError(
        `conv_transpose2d cannot give [${outputSize}] from ${describe(x)}: a kernel ${kernel.join("×")} ` +
          `with stride [${g.stride}], dilation [${g.dilation}] and padding [${g.padding}] gives at least ${least} along ` +
          `axis ${axis + 2}, to which less than stride or dilation may be added`,
      );
    }
  }
  return f32(n, outChannels, ...outputSize);
}

const convTranspose2d: OpDef = {
  name: "conv_transpose2d",
  doc: `x[N,C,H,W] and weight[C,O/groups,kH,kW] → [N,O,…outputSize], plus an optional bias[O]: every input adds its value times the kernel to the outputs from which a conv2d with the same attributes would compute it (torch.nn.functional.conv_transpose2d). \`outputSize\` [rows, columns] holds the output padding. ${GEOMETRY}`,
  arity: [2, 3],
  attributes: { ...GEOMETRY_ATTRIBUTES, outputSize: { kind: "ints" } },
  pattern: "contraction",
  wantedLayouts: [undefined, CHANNELS_INNERMOST],
  infer,
  vjp(b, ct, [x, weight, bias], _out, attrs) {
    const { outputSize: _, ...geometry } = attrs;
    const gradient = b.node("conv2d", [ct, weight], geometry);
    // Output padding of a stride or more, which a dilation allows, gives conv2d positions that correspond to no input.
    const { shape } = x.type;
    const isLarger = !sameShape(gradient.type.shape, shape);
    const before = shape.map(() => 0);
    const after = gradient.type.shape.map((extent, axis) => extent - shape[axis]);
    const range = { starts: before, stops: shape, steps: shape.map(() => 1) };
    const padded = isLarger ? b.node("pad", [x], { before, after, value: 0 }) : x;
    return [
      isLarger ? b.node("slice", [gradient], range) : gradient,
      b.node("conv2d_weight_grad", [ct, padded], { ...geometry, kernelSize: weight.type.shape.slice(2) }),
      ...(bias === undefined ? [] : [b.node("sum", [ct], { axes: [0, 2, 3], keepdim: false })]),
    ];
  },
  backward: { name: "ConvolutionBackward" },
  lower([x, weight, bias], _output, attrs) {
    const sum = scatteredSum(x, weight, geometryOf(attrs));
    return (indices) => (bias === undefined ? sum(indices) : add(sum(indices), bias.at([indices[1]])));
  },
  reference([x, weight, bias], output, attrs) {
    const sum = scatteredSumReference(x, weight, geometryOf(attrs));
    return generate(output.shape, (index) => sum(index) + (bias === undefined ? 0 : at(bias, [index[1]])));
  },
  samples: () =>
    GEOMETRIES.map(({ x, weight, attrs }, k): Sample => {
      const bias = k % 2 === 0 ? [f32(weight[1] * (attrs.groups as number))] : [];
      return { inputs: [f32(...x), f32(...weight), ...bias], attrs };
    }),
};

const UNIT = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

const GEOMETRIES: readonly { x: readonly number[]; weight: readonly number[]; attrs: Attrs }[] = [
  { x: [1, 1, 1, 1], weight: [1, 1, 1, 2], attrs: { ...UNIT, outputSize: [1, 2] } },
  { x: [0, 2, 3, 2], weight: [2, 3, 2, 2], attrs: { ...UNIT, outputSize: [4, 3] } },
  { x: [2, 3, 4, 5], weight: [3, 4, 3, 3], attrs: { ...UNIT, outputSize: [6, 7] } },
  { x: [1, 2, 3, 4], weight: [2, 3, 2, 2], attrs: { ...UNIT, stride: [2, 2], outputSize: [6, 8] } },
  {
    x: [2, 4, 3, 3],
    weight: [4, 3, 3, 2],
    attrs: { ...UNIT, stride: [2, 3], padding: [1, 0], groups: 2, outputSize: [6, 10] },
  },
  {
    x: [1, 2, 4, 3],
    weight: [2, 2, 3, 3],
    attrs: { ...UNIT, dilation: [2, 1], padding: [1, 1], outputSize: [6, 3] },
  },
  { x: [1, 1, 3, 2], weight: [1, 2, 2, 2], attrs: { ...UNIT, dilation: [2, 3], outputSize: [6, 7] } },
];

export const CONV_TRANSPOSE2D = { conv_transpose2d: convTranspose2d };
