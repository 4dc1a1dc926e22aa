/** Every op's samples go out as ONNX models and come in again: what runs then computes what the reference does. */

import { describe, expect, test } from "vitest";
import { compile, type Tensor } from "../../src/index.ts";
import { RESULT } from "../../src/ir/body.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { modelOf } from "../../src/onnx/export/model.ts";
import { importOnnx } from "../../src/onnx/index.ts";
import { encodeModel } from "../../src/onnx/model-proto.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { Tensor as MadeTensor } from "../../src/tensor/tensor.ts";
import { oneIn } from "../support/extent.ts";
import { relativeError } from "../support/run-graph.ts";
import { reference, type SampleCase, sampleCases, valuesOf } from "../support/sample-cases.ts";

/**
 * Random numbers have no spelling in ONNX, bytes are none of the inputs that a program takes, and positions beyond a table
 * are an error of Gather.
 */
const CASES = sampleCases(OPS).filter(
  ({ op, sample: { inputs } }) =>
    !["bernoulli", "randint"].includes(op) &&
    inputs.every(({ dtype }) => dtype !== "uint8") &&
    !(op === "embedding" && inputs[1].below! > inputs[0].shape[0]),
);

async function bytesOf({ op, sample, result }: SampleCase): Promise<Uint8Array> {
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map(({ dtype, shape }, k) => b.input("input", `x${k}`, { dtype, shape }));
  const value = b.node(RESULT, [b.node(op, inputs, sample.attrs)], { index: result });
  const graph = b.build(op, [{ name: "output", value }]);
  const model = await modelOf(graph, { numbersOf: () => Promise.reject(new Error("there are no states")) });
  return encodeModel(model);
}

describe("out and in again", () => {
  test.each(oneIn(8, CASES).map((sampleCase) => [sampleCase.label, sampleCase] as const))(
    "%s",
    async (_, sampleCase) => {
      const values = valuesOf(sampleCase);
      const tensors = sampleCase.sample.inputs.map(({ dtype, shape }, k) =>
        MadeTensor.fromData(values[`x${k}`], shape, dtype),
      );
      const empty = tensors.flatMap((tensor, k) =>
        tensor.numel() === 0 ? [[`x${k}`, tensor] as const] : [],
      );
      const net = await importOnnx<Tensor>(await bytesOf(sampleCase), {
        constants: Object.fromEntries(empty),
      });
      const fed = tensors.filter((tensor) => tensor.numel() > 0);
      const program = await compile(net, {
        inputs: fed.map(({ dtype, shape }) => ({ dtype, shape })),
        backend: "js",
      });
      const output = await program.run(...fed);
      expect(relativeError(await output.data(), reference(sampleCase, values))).toBeLessThanOrEqual(3e-6);
      await program.dispose();
    },
  );
});
