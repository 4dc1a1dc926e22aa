/** Every op's samples: lowering against reference on all backends, and vjp against finite differences. */

import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { generator } from "../support/draw.ts";
import { oneIn } from "../support/extent.ts";
import { relativeError, runGraph, type Values } from "../support/run-graph.ts";
import {
  differentiableInputs,
  graphOf,
  lossOf,
  reference,
  sampleCases,
  valuesOf,
} from "../support/sample-cases.ts";

const CASES = sampleCases(OPS);

/**
 * The interpreter differs from the reference by the order of summation in double; js also rounds what it stores to
 * float32 (6e-8); wasm rounds every operation, and samples chain a dozen or two of them.
 */
const TOLERANCE: Record<string, number> = { interpret: 1e-12, js: 2e-7, wasm: 1e-6 };

/** Elements of an input whose gradient is held against differences where not all are. */
const MOST_PLACES = 6;

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

  const names = differentiableInputs(sampleCase);
  if (names.length === 0) return;
  test("has the gradient that finite differences give", async () => {
    const values = valuesOf(sampleCase);
    const random = generator(99);
    const cotangent = reference(sampleCase, values).map(() => random() * 2 - 1);
    const feed = { ...values, cotangent };
    const gradients = await runGraph(lossOf(sampleCase), interpret, feed, { gradientsFor: names });
    const loss = (changed: Values): number =>
      reference(sampleCase, changed).reduce((sum, value, i) => sum + value * cotangent[i], 0);
    for (const name of names) {
      const places = oneIn(Math.ceil(values[name].length / MOST_PLACES), [...values[name].keys()]);
      const expected = places.map((i) => {
        // Central differences in double: the step balances the cubic term (1e-10) and cancellation (1e-11).
        const step = 1e-5;
        const moved = (by: number): Values => {
          const copy = Float64Array.from(values[name]);
          copy[i] += by;
          return { ...values, [name]: copy };
        };
        return (loss(moved(step)) - loss(moved(-step))) / (2 * step);
      });
      const actual = gradients[`grad.${name}`] ?? new Float64Array(values[name].length);
      const scale = Math.max(1, ...expected.map(Math.abs));
      const errors = expected.map((e, k) => Math.abs(e - actual[places[k]]));
      expect(Math.max(0, ...errors) / scale).toBeLessThan(1e-7);
    }
  });
});

const SEVERAL = CASES.filter(
  ({ op, sample, result }) =>
    result === 0 && opTable.infer(op, sample.inputs, sample.attrs).others !== undefined,
);

test.each(SEVERAL)("all results of $label at once", async (sampleCase) => {
  const { op, sample } = sampleCase;
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map(({ dtype, shape }, k) => b.input("state", `x${k}`, { dtype, shape }));
  const results = b.results(b.node(op, inputs, sample.attrs));
  const graph = b.build(
    op,
    results.map((value, k) => ({ name: `output${k}`, value })),
  );
  const values = valuesOf(sampleCase);
  for (const backend of [interpret, js, wasm]) {
    const outputs = await runGraph(graph, backend, values);
    for (const result of results.keys())
      expect(
        relativeError(outputs[`output${result}`], reference({ ...sampleCase, result }, values)),
      ).toBeLessThanOrEqual(TOLERANCE[backend.name]);
  }
});
