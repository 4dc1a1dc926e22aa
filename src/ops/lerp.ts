/** Linear interpolation between two tensors, with the weights in a third one. */

import { KilnError } from "../core/errors.ts";
import { add, compare, float, mul, select, sub, unary } from "../loop/build.ts";
import { broadcastRead, describe, f32, type OpDef, requireBroadcast } from "./definition.ts";
import { broadcastAt, generate } from "./ndarray.ts";

const lerp: OpDef = {
  name: "lerp",
  doc: "`start + weight·(end - start)` with broadcasting, computed from the nearer end, so that both ends are exact (torch.lerp).",
  arity: 3,
  attributes: {},
  pattern: "elementwise",
  infer(inputs) {
    const stranger = inputs.find(({ dtype }) => dtype !== "float32");
    if (stranger !== undefined)
      throw new KilnError(`lerp expects float32 tensors but got ${describe(stranger)}`);
    const [start, end, weight] = inputs.map(({ shape }) => shape);
    return {
      dtype: "float32",
      shape: requireBroadcast("lerp", requireBroadcast("lerp", start, end), weight),
    };
  },
  vjp: (b, ct, [start, end, weight]) => [
    b.node("mul", [ct, b.node("sub", [b.constant(1), weight])]),
    b.node("mul", [ct, weight]),
    b.node("mul", [ct, b.node("sub", [end, start])]),
  ],
  backward: { name: "LerpBackward" },
  lower: (operands) => (indices) => {
    const [start, end, weight] = operands.map((operand) => broadcastRead(operand, indices));
    const way = sub(end, start);
    return select(
      compare("lt", unary("abs", weight), float(0.5)),
      add(start, mul(weight, way)),
      sub(end, mul(way, sub(float(1), weight))),
    );
  },
  reference: ([start, end, weight], output) =>
    generate(output.shape, (index) => {
      const [from, to, by] = [start, end, weight].map((x) => broadcastAt(x, index));
      return from + by * (to - from);
    }),
  samples: () => [
    { inputs: [f32(2, 3), f32(2, 3), f32(3)], attrs: {} },
    { inputs: [f32(40), f32(3, 1), f32(3, 40)], attrs: {} },
    { inputs: [f32(), f32(), f32()], attrs: {} },
    { inputs: [f32(0, 3), f32(3), f32()], attrs: {} },
  ],
};

export const LERP = { lerp };
