/** The ops' samples as graphs with data, for tests of backends. */

import type { TypedArray } from "../../src/core/dtype.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { OpDef, Sample } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { draw, generator } from "./draw.ts";
import { evaluateBody } from "./reference.ts";
import type { Values } from "./run-graph.ts";

export interface SampleCase {
  readonly label: string;
  readonly op: string;
  readonly sample: Sample;
}

/** All samples of `ops`; whole numbers are drawn below `most` where the sample would go further. */
export function sampleCases(
  ops: Readonly<Record<string, OpDef>>,
  most = Number.POSITIVE_INFINITY,
): readonly SampleCase[] {
  return Object.entries(ops).flatMap(([op, definition]) =>
    definition.samples().map((sample, k) => ({
      label: `${op} #${k} ${JSON.stringify(sample.inputs.map((i) => i.shape))}`,
      op,
      sample: {
        ...sample,
        inputs: sample.inputs.map((input) =>
          input.below === undefined ? input : { ...input, below: Math.min(input.below, most) },
        ),
      },
    })),
  );
}

/** Inputs are states, so that they can be differentiated for; the result is the only output. */
export function graphOf({ op, sample }: SampleCase): Graph {
  const b = new GraphBuilder(opTable);
  return b.build(op, [{ name: "output", value: b.node(op, statesOf(b, sample), sample.attrs) }]);
}

/** `Σ op(inputs)·cotangent`, a loss whose gradient is the op's vjp. */
export function lossOf({ op, sample }: SampleCase): Graph {
  const b = new GraphBuilder(opTable);
  const output = b.node(op, statesOf(b, sample), sample.attrs);
  const cotangent = b.input("input", "cotangent", output.type);
  const product = b.node("mul", [output, cotangent]);
  const axes = output.type.shape.map((_, axis) => axis);
  return b.build(op, [{ name: "loss", value: b.node("sum", [product], { axes, keepdim: false }) }]);
}

const statesOf = (b: GraphBuilder, { inputs }: Sample) =>
  inputs.map(({ dtype, shape }, k) => b.input("state", `x${k}`, { dtype, shape }));

/** The same data for the same label, always. */
export function valuesOf({ label, sample }: SampleCase): Record<string, TypedArray> {
  const random = generator([...label].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7));
  return Object.fromEntries(sample.inputs.map((input, k) => [`x${k}`, draw(input, random)]));
}

export function reference({ op, sample }: SampleCase, values: Values): Float64Array {
  const output = opTable.infer(op, sample.inputs, sample.attrs);
  const inputs = sample.inputs.map(({ shape }, k) => ({ shape, data: Float64Array.from(values[`x${k}`]) }));
  return OPS[op as keyof typeof OPS].reference(inputs, output, sample.attrs, evaluateBody).data;
}

/** The inputs that a gradient flows to; none where the result is no float. */
export function differentiableInputs({ op, sample }: SampleCase): string[] {
  if (opTable.infer(op, sample.inputs, sample.attrs).dtype !== "float32") return [];
  return sample.inputs.flatMap(({ dtype }, k) => (dtype === "float32" ? [`x${k}`] : []));
}
