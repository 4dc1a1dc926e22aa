/** Every op's samples as ONNX models: onnxruntime, where it is installed, computes what the reference does. */

import { describe, expect, test } from "vitest";
import { RESULT } from "../../src/ir/body.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { modelOf } from "../../src/onnx/export/model.ts";
import { encodeModel } from "../../src/onnx/model-proto.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { type Fed, hasRuntime, runInRuntime } from "../support/onnxruntime.ts";
import { relativeError } from "../support/run-graph.ts";
import { reference, type SampleCase, sampleCases, valuesOf } from "../support/sample-cases.ts";

/** Random numbers have no spelling, and positions beyond a table are an error of the runtime. */
const CASES = sampleCases(OPS).filter(
  ({ op, sample: { inputs } }) =>
    !["bernoulli", "randint"].includes(op) && !(op === "embedding" && inputs[1].below! > inputs[0].shape[0]),
);

/** A sample's graph whose inputs are fed. */
function modelOfSample({ op, sample, result }: SampleCase) {
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map(({ dtype, shape }, k) => b.input("input", `x${k}`, { dtype, shape }));
  const value = b.node(RESULT, [b.node(op, inputs, sample.attrs)], { index: result });
  const graph = b.build(op, [{ name: "output", value }]);
  return modelOf(graph, { numbersOf: () => Promise.reject(new Error("there are no states")) });
}

describe.skipIf(!hasRuntime)("onnxruntime", () => {
  test.each(CASES.map((sampleCase) => [sampleCase.label, sampleCase] as const))(
    "%s",
    async (_, sampleCase) => {
      const values = valuesOf(sampleCase);
      const model = await modelOfSample(sampleCase);
      const feeds = sampleCase.sample.inputs.map(({ dtype, shape }, k): [string, Fed] => [
        `x${k}`,
        { dtype, shape, data: values[`x${k}`] },
      ]);
      const { output } = await runInRuntime(encodeModel(model), Object.fromEntries(feeds));
      expect(relativeError(output.data, reference(sampleCase, values))).toBeLessThanOrEqual(3e-6);
    },
  );
});
