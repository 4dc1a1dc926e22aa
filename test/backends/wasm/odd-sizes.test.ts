/** Channels and widths that no vector fits: forward passes and gradients on one thread and on two, against the interpreter. */

import { expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import type { TypedArray } from "../../../src/core/dtype.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { draw, generator } from "../../support/draw.ts";
import { oneIn } from "../../support/extent.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";

const CHANNELS = [1, 3, 5, 7];
const WIDTHS = oneIn(
  8,
  Array.from({ length: 33 }, (_, k) => k + 1),
);

/** Largest difference over largest value: Winograd's weight gradients have the widest budget; what is direct is far below. */
const TOLERANCE = 5e-5;

/** A convolution with relu, pooling where the image is wide enough, and a linear layer: their loss, of two images. */
function net(channels: number, outputs: number, width: number): Graph {
  const b = new GraphBuilder(opTable);
  const state = (name: string, shape: readonly number[]): Value =>
    b.input("state", name, { dtype: "float32", shape });
  const convolution = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
  const image = state("image", [2, channels, 6, width]);
  const operands = [image, state("conv.weight", [outputs, channels, 3, 3]), state("conv.bias", [outputs])];
  let x = b.node("relu", [b.node("conv2d", operands, convolution)]);
  if (width > 1) {
    const [kernel, padding, dilation] = [
      [2, 2],
      [0, 0],
      [1, 1],
    ];
    x = b.node("max_pool2d", [x], { kernel, stride: kernel, padding, dilation, ceilMode: false });
  }
  const features = sizeOf(x.type.shape) / 2;
  const flat = b.node("reshape", [x], { shape: [2, features] });
  const scores = b.node("linear", [flat, state("fc.weight", [outputs, features])]);
  const product = b.node("mul", [scores, scores]);
  return b.build("odd", [
    { name: "loss", value: b.node("sum", [product], { axes: [0, 1], keepdim: false }) },
  ]);
}

test.each(CHANNELS.map((channels, k) => [channels, CHANNELS[(k + 1) % 4]]))(
  "%i channels to %i, widths from 1 to 33",
  async (channels, outputs) => {
    for (const width of WIDTHS) {
      const graph = net(channels, outputs, width);
      const random = generator(100 * channels + width);
      const values: Record<string, TypedArray> = Object.fromEntries(
        graph.inputs.map(({ name, type }) => [name, draw(type, random)]),
      );
      const wanted = { gradientsFor: graph.inputs.map(({ name }) => name) };
      const expected = await runGraph(graph, interpret, values, wanted);
      const alone = await runGraph(graph, wasm.configured({ threads: 1 }), values, wanted);
      for (const [name, numbers] of Object.entries(expected)) {
        const error = relativeError(alone[name], numbers);
        expect(error, `${name} at width ${width}`).toBeLessThanOrEqual(TOLERANCE);
      }
      const two = wasm.configured({ threads: 2 });
      expect(await runGraph(graph, two, values, { ...wanted, divideAlways: true })).toEqual(alone);
    }
  },
);
