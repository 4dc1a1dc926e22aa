/** The ops' samples as graphs with data, for tests of backends. */

import type { TypedArray } from "../../src/core/dtype.ts";
import { RESULT, resultsOf } from "../../src/ir/body.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Node } from "../../src/ir/types.ts";
import type { OpDef, Sample } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { draw, generator } from "./draw.ts";
import { evaluateBody } from "./reference.ts";
import type { Values } from "./run-graph.ts";

export interface SampleCase {
  readonly label: string;
  readonly op: string;
  readonly sample: Sample;
  /** The index of the tested result. */
  readonly result: number;
}

/** All results of all samples of `ops`; integers are drawn below `most` if the sample would allow more. */
export function sampleCases(
  ops: Readonly<Record<string, OpDef>>,
  most = Number.POSITIVE_INFINITY,
): readonly SampleCase[] {
  return Object.entries(ops).flatMap(([op, definition]) =>
    definition.samples().flatMap(({ inputs, attrs }, k) =>
      resultsOf(opTable.infer(op, inputs, attrs)).map((_, result) => ({
        label: `${op}${result === 0 ? "" : `.${result}`} #${k} ${JSON.stringify(inputs.map((i) => i.shape))}`,
        op,
        sample: {
          attrs,
          inputs: inputs.map((input) =>
            input.below === undefined ? input : { ...input, below: Math.min(input.below, most) },
          ),
        },
        result,
      })),
    ),
  );
}

/** Inputs are states, so that they can be differentiated for; the result is the only output. */
export function graphOf(sampleCase: SampleCase): Graph {
  const b = new GraphBuilder(opTable);
  return b.build(sampleCase.op, [{ name: "output", value: resultIn(b, sampleCase) }]);
}

const resultIn = (b: GraphBuilder, { op, sample, result }: SampleCase): Node =>
  b.node(RESULT, [b.node(op, statesOf(b, sample), sample.attrs)], { index: result });

/** `Σ result·cotangent`, a loss whose gradient is the op's vjp. */
export function lossOf(sampleCase: SampleCase): Graph {
  const b = new GraphBuilder(opTable);
  const output = resultIn(b, sampleCase);
  const cotangent = b.input("input", "cotangent", output.type);
  const product = b.node("mul", [output, cotangent]);
  const axes = output.type.shape.map((_, axis) => axis);
  return b.build(sampleCase.op, [
    { name: "loss", value: b.node("sum", [product], { axes, keepdim: false }) },
  ]);
}

const statesOf = (b: GraphBuilder, { inputs }: Sample) =>
  inputs.map(({ dtype, shape }, k) => b.input("state", `x${k}`, { dtype, shape }));

/** Always the same data for the same label. */
export function valuesOf({ label, sample }: SampleCase): Record<string, TypedArray> {
  const random = generator([...label].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7));
  return Object.fromEntries(sample.inputs.map((input, k) => [`x${k}`, draw(input, random)]));
}

export function reference({ op, sample, result }: SampleCase, values: Values): Float64Array {
  const output = opTable.infer(op, sample.inputs, sample.attrs);
  const inputs = sample.inputs.map(({ shape }, k) => ({ shape, data: Float64Array.from(values[`x${k}`]) }));
  const first = OPS[op as keyof typeof OPS].reference(inputs, output, sample.attrs, evaluateBody);
  return [first, ...(first.others ?? [])][result].data;
}

/** The inputs that a gradient flows to; none if the result is not a float. */
export function differentiableInputs({ op, sample, result }: SampleCase): string[] {
  if (resultsOf(opTable.infer(op, sample.inputs, sample.attrs))[result].dtype !== "float32") return [];
  return sample.inputs.flatMap(({ dtype }, k) => (dtype === "float32" ? [`x${k}`] : []));
}
