/** Every op's samples: lowering against reference on all backends, and vjp against finite differences. */

import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { Sample } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { draw, generator } from "../support/draw.ts";
import { evaluateBody } from "../support/reference.ts";
import { relativeError, runGraph, type Values } from "../support/run-graph.ts";

interface Case {
  readonly label: string;
  readonly op: string;
  readonly sample: Sample;
}

const CASES: Case[] = Object.entries(OPS).flatMap(([op, definition]) =>
  definition.samples().map((sample, k) => ({
    label: `${op} #${k} ${JSON.stringify(sample.inputs.map((i) => i.shape))}`,
    op,
    sample,
  })),
);

/** Inputs are states, so that they can be differentiated for; the result is the only output. */
function graphOf({ op, sample }: Case): Graph {
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map((type, k) =>
    b.input("state", `x${k}`, { dtype: type.dtype, shape: type.shape }),
  );
  return b.build(op, [{ name: "output", value: b.node(op, inputs, sample.attrs) }]);
}

/** `Σ op(inputs)·cotangent`, a loss whose gradient is the op's vjp. */
function lossOf({ op, sample }: Case): Graph {
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map((type, k) =>
    b.input("state", `x${k}`, { dtype: type.dtype, shape: type.shape }),
  );
  const output = b.node(op, inputs, sample.attrs);
  const cotangent = b.input("input", "cotangent", output.type);
  const product = b.node("mul", [output, cotangent]);
  const axes = output.type.shape.map((_, axis) => axis);
  return b.build(op, [{ name: "loss", value: b.node("sum", [product], { axes, keepdim: false }) }]);
}

function valuesOf({ label, sample }: Case): Record<string, TypedArray> {
  const random = generator([...label].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7));
  return Object.fromEntries(sample.inputs.map((input, k) => [`x${k}`, draw(input, random)]));
}

function reference({ op, sample }: Case, values: Values): Float64Array {
  const output = opTable.infer(op, sample.inputs, sample.attrs);
  const inputs = sample.inputs.map(({ shape }, k) => ({ shape, data: Float64Array.from(values[`x${k}`]) }));
  return OPS[op as keyof typeof OPS].reference(inputs, output, sample.attrs, evaluateBody).data;
}

/**
 * The interpreter differs from the reference by the order of summation in double; js also rounds what it stores to
 * float32 (6e-8); wasm rounds every operation, and samples chain a dozen or two of them.
 */
const TOLERANCE: Record<string, number> = { interpret: 1e-12, js: 2e-7, wasm: 1e-6 };

describe.each(CASES)("$label", (sampleCase) => {
  test.each([interpret, js, wasm])("agrees with its reference on $name", async (backend: Backend) => {
    const values = valuesOf(sampleCase);
    const { output } = await runGraph(graphOf(sampleCase), backend, values);
    expect(relativeError(output, reference(sampleCase, values))).toBeLessThanOrEqual(TOLERANCE[backend.name]);
  });

  test("reads back from its text", () => {
    const graph = graphOf(sampleCase);
    const text = printGraph(graph);
    expect(printGraph(parseGraph(text, opTable))).toBe(text);
  });

  const { op, sample } = sampleCase;
  const differentiable =
    opTable.infer(op, sample.inputs, sample.attrs).dtype === "float32" &&
    sample.inputs.some((i) => i.dtype === "float32");
  if (!differentiable) return;
  test("has the gradient that finite differences give", async () => {
    const values = valuesOf(sampleCase);
    const random = generator(99);
    const cotangent = reference(sampleCase, values).map(() => random() * 2 - 1);
    const names = sample.inputs.flatMap((input, k) => (input.dtype === "float32" ? [`x${k}`] : []));
    const feed = { ...values, cotangent };
    const gradients = await runGraph(lossOf(sampleCase), interpret, feed, { gradientsFor: names });
    const loss = (changed: Values): number =>
      reference(sampleCase, changed).reduce((sum, value, i) => sum + value * cotangent[i], 0);
    for (const name of names) {
      const expected = Float64Array.from(values[name], (value, i) => {
        // Central differences in double: the step balances the cubic term (1e-10) and cancellation (1e-11).
        const step = 1e-5;
        const moved = (by: number): Values => {
          const copy = Float64Array.from(values[name]);
          copy[i] = value + by;
          return { ...values, [name]: copy };
        };
        return (loss(moved(step)) - loss(moved(-step))) / (2 * step);
      });
      const actual = gradients[`grad.${name}`] ?? new Float64Array(expected.length);
      const scale = Math.max(1, ...expected.map(Math.abs));
      expect(Math.max(...expected.map((e, i) => Math.abs(e - actual[i]))) / scale).toBeLessThan(1e-7);
    }
  });
});
