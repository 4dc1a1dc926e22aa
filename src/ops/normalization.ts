/** The elementwise parts of normalisation, defined so that no centred copy of the input has to be kept in memory. */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { mul, sub } from "../loop/build.ts";
import { BOOLEAN } from "./declaration.ts";
import { broadcastRead, f32, type OpDef, requireBroadcast, requireFloat } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";

const centerScale: OpDef = {
  name: "center_scale",
  doc: "`(x - center)·scale` with broadcasting. The gradient of the scale is the same op with the cotangent as its scale, so that backward passes read x itself.",
  arity: 3,
  attributes: {},
  pattern: "elementwise",
  infer(inputs) {
    requireFloat("center_scale", inputs);
    const [x, center, scale] = inputs.map(({ shape }) => shape);
    return {
      dtype: "float32",
      shape: requireBroadcast("center_scale", requireBroadcast("center_scale", x, center), scale),
    };
  },
  vjp: (b, ct, [x, center, scale]) => [
    b.node("mul", [ct, scale]),
    centerGradient(b, ct, center, scale),
    b.node("center_scale", [x, center, ct]),
  ],
  backward: { name: "CenterScaleBackward" },
  lower:
    ([x, center, scale]) =>
    (indices) =>
      mul(sub(broadcastRead(x, indices), broadcastRead(center, indices)), broadcastRead(scale, indices)),
  reference: ([x, center, scale], output) =>
    generate(
      output.shape,
      (index) => (broadcastAt(x, index) - broadcastAt(center, index)) * broadcastAt(scale, index),
    ),
  samples: () => [
    { inputs: [f32(2, 3, 4), f32(1, 3, 1), f32(1, 3, 1)], attrs: {} },
    { inputs: [f32(2, 3), f32(2, 1), f32(3)], attrs: {} },
    { inputs: [f32(2, 3, 4), f32(1, 3, 1), f32(2, 3, 4)], attrs: {} },
    { inputs: [f32(4), f32(), f32()], attrs: {} },
    { inputs: [f32(), f32(), f32()], attrs: {} },
    { inputs: [f32(1, 1), f32(1), f32()], attrs: {} },
    { inputs: [f32(0, 3, 2), f32(1, 3, 1), f32(1, 3, 1)], attrs: {} },
  ],
};

/**
 * `-Σ ct·scale` over what the centre was broadcast over; a scale that was broadcast alike is multiplied after the sum.
 */
function centerGradient(b: GraphBuilder, ct: Value, center: Value, scale: Value): Value {
  const { shape } = center.type;
  const isAlike = String(shape) === String(scale.type.shape) && shape.length === ct.type.shape.length;
  const axes = shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  if (!isAlike || axes.length === 0) return b.node("neg", [b.node("mul", [ct, scale])]);
  const sum = b.node("sum", [ct], { axes, keepdim: false });
  return b.node("neg", [b.node("mul", [b.node("reshape", [sum], { shape }), scale])]);
}

const squaredDeviation: OpDef = {
  name: "squared_deviation",
  doc: "`(x - center)²` with broadcasting: its mean is the variance, without the cancellation of `mean(x²) - mean(x)²`. With `aroundMean` the centre is the mean of the elements it is broadcast over, and the cotangent is equal for all of them: no gradient flows to the centre then, because deviations from a mean sum to 0.",
  arity: 2,
  attributes: { aroundMean: { ...BOOLEAN, isOptional: true } },
  pattern: "elementwise",
  infer(inputs) {
    requireFloat("squared_deviation", inputs);
    const [x, center] = inputs;
    return { dtype: "float32", shape: requireBroadcast("squared_deviation", x.shape, center.shape) };
  },
  vjp(b, ct, [x, center], _out, attrs) {
    const gradient = b.node("center_scale", [x, center, b.node("mul", [ct, b.constant(2)])]);
    return [gradient, attrs.aroundMean === true ? undefined : b.node("neg", [gradient])];
  },
  backward: { name: "SquaredDeviationBackward" },
  lower:
    ([x, center]) =>
    (indices) => {
      const deviation = sub(broadcastRead(x, indices), broadcastRead(center, indices));
      return mul(deviation, deviation);
    },
  reference: ([x, center], output) =>
    generate(output.shape, (index) => (broadcastAt(x, index) - broadcastAt(center, index)) ** 2),
  samples: () => [
    { inputs: [f32(2, 3, 4), f32(1, 3, 1)], attrs: {} },
    { inputs: [f32(4), f32()], attrs: {} },
    { inputs: [f32(), f32()], attrs: {} },
    { inputs: [f32(1), f32(1, 1)], attrs: {} },
    { inputs: [f32(0, 3), f32(1, 3)], attrs: {} },
  ],
};

export const NORMALIZATION = { center_scale: centerScale, squared_deviation: squaredDeviation };
