/** Single convolutions, poolings and losses with their gradients, against PyTorch's numbers. */

import { F, type Tensor, tensor } from "kiln-js";
import { expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Input, Node } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";
import { convPool, type FixtureTensor, type LossCase } from "../support/fixtures.ts";
import { relativeError, runGraph } from "../support/run-graph.ts";
import { traced } from "../support/traced.ts";

/** PyTorch's numbers are float32 sums of up to a few hundred products: a few units in the last place. */
const TOLERANCE = 2e-6;

const fixtures = convPool();
const BACKENDS: readonly Backend[] = [interpret, js];

/** Runs `build` on states named after `inputs` and compares output and gradients. */
async function compare(
  backend: Backend,
  inputs: Readonly<Record<string, FixtureTensor>>,
  cotangent: FixtureTensor,
  expected: Readonly<Record<string, FixtureTensor>>,
  build: (b: GraphBuilder, values: Readonly<Record<string, Input>>) => Node,
): Promise<void> {
  const b = new GraphBuilder(opTable);
  const states = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [
      name,
      b.input("state", name, { dtype: "float32", shape }),
    ]),
  );
  const output = build(b, states);
  const weights = b.input("input", "cotangent", output.type);
  const product = b.node("mul", [output, weights]);
  const axes = output.type.shape.map((_, axis) => axis);
  const loss = b.node("sum", [product], { axes, keepdim: false });
  const values = {
    ...Object.fromEntries(Object.entries(inputs).map(([name, { values: v }]) => [name, v])),
    cotangent: cotangent.values,
  };
  const forward = await runGraph(b.build("forward", [{ name: "output", value: output }]), backend, values);
  expect(relativeError(forward.output, expected.output.values), "output").toBeLessThan(TOLERANCE);
  const names = Object.keys(inputs);
  const graph = b.build("backward", [{ name: "loss", value: loss }]);
  const gradients = await runGraph(graph, backend, values, { gradientsFor: names });
  for (const name of names) {
    expect(
      relativeError(gradients[`grad.${name}`], expected[name].values),
      `gradient of ${name}`,
    ).toBeLessThan(TOLERANCE);
  }
}

for (const backend of BACKENDS) {
  test.each(fixtures.conv2d.map((c) => [c.name, c] as const))(
    `conv2d %s on ${backend.name}`,
    async (_, c) => {
      const inputs = { input: c.input, weight: c.weight, ...(c.bias && { bias: c.bias }) };
      const expected = {
        output: c.output,
        input: c.inputGradient,
        weight: c.weightGradient,
        ...(c.biasGradient && { bias: c.biasGradient }),
      };
      await compare(backend, inputs, c.cotangent, expected, (b, v) =>
        b.node("conv2d", c.bias ? [v.input, v.weight, v.bias] : [v.input, v.weight], {
          stride: c.stride,
          padding: c.padding,
          dilation: c.dilation,
          groups: c.groups,
        }),
      );
    },
  );

  test.each(fixtures.maxPool2d.map((c) => [c.name, c] as const))(
    `max_pool2d %s on ${backend.name}`,
    async (_, c) => {
      const attrs = {
        kernel: c.kernelSize,
        stride: c.stride,
        padding: c.padding,
        dilation: c.dilation,
        ceilMode: c.ceilMode,
      };
      const b = new GraphBuilder(opTable);
      const x = b.input("input", "x", { dtype: "float32", shape: c.input.shape });
      const ct = b.input("input", "ct", { dtype: "float32", shape: c.output.shape });
      const pool = b.node("max_pool2d", [x], attrs);
      const [, winner] = b.results(pool);
      const gradient = b.node("max_pool2d_grad", [ct, winner], {
        ...attrs,
        inputSize: c.input.shape.slice(2),
      });
      const graph = b.build("pool", [
        { name: "output", value: pool },
        { name: "gradient", value: gradient },
      ]);
      const result = await runGraph(graph, backend, { x: c.input.values, ct: c.cotangent.values });
      expect([...result.output]).toEqual([...c.output.values]);
      // A cotangent that two overlapping windows share is a sum of two float32 numbers.
      expect(relativeError(result.gradient, c.inputGradient.values)).toBeLessThan(TOLERANCE);
    },
  );

  test.each(fixtures.losses.map((c) => [c.name, c] as const))(`loss %s on ${backend.name}`, async (_, c) => {
    const lossOf = (x: Tensor): Tensor => lossTwin(c, x);
    const input = tensor(c.input.values, { shape: c.input.shape });
    const cotangent = tensor(c.cotangent.values, { shape: c.cotangent.shape });
    const forward = await traced(lossOf, input);
    const { output } = await runGraph(forward.graph, backend, forward.values);
    expect(relativeError(output, c.output.values), "output").toBeLessThan(TOLERANCE);
    const loss = await traced((x) => lossOf(x).mul(cotangent).sum(), input);
    const gradients = await runGraph(loss.graph, backend, loss.values, { gradientsFor: ["w"] });
    expect(relativeError(gradients["grad.w"], c.inputGradient.values), "gradient").toBeLessThan(TOLERANCE);
  });
}

/** The same loss in Kiln, of the scores or numbers `x`. */
function lossTwin(c: LossCase, x: Tensor): Tensor {
  const { reduction, labelSmoothing } = c;
  const { values, shape } = c.target;
  switch (c.kind) {
    case "mse":
      return F.mseLoss(x, tensor(values, { shape }), { reduction });
    case "l1":
      return F.l1Loss(x, tensor(values, { shape }), { reduction });
    case "crossEntropy":
      return F.crossEntropy(x, tensor(Int32Array.from(values), { shape }), {
        reduction,
        labelSmoothing,
        ...(c.weight && { weight: tensor([...c.weight]) }),
        ...(c.ignoreIndex !== null && { ignoreIndex: c.ignoreIndex }),
      });
    default:
      return c.kind satisfies never;
  }
}
