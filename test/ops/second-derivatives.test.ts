/** Gradients of gradients: for every op sample, against finite differences of the first ones, all in double. */

import { describe, expect, test } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { autodiff, cotangents } from "../../passes/graph/autodiff.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { generator } from "../support/draw.ts";
import { evaluateGraph } from "../support/reference.ts";
import { relativeError, runGraph, type Values } from "../support/run-graph.ts";
import {
  differentiableInputs,
  lossOf,
  reference,
  type SampleCase,
  sampleCases,
  valuesOf,
} from "../support/sample-cases.ts";

/** Indices beyond the tables of the samples, which whoever runs a program refuses, have no gradients to compare. */
const MOST = 5;
const CASES = sampleCases(OPS, MOST).filter((sampleCase) => differentiableInputs(sampleCase).length > 0);

/**
 * `Σ gradient·weight` over the gradients of the op for its inputs, a function of these and of what arrives at the op; none
 * where no gradient flows at all.
 */
function gradientSum(graph: Graph, names: readonly string[]): Graph | undefined {
  const derived = autodiff(names).run(graph);
  const b = GraphBuilder.from(derived, opTable);
  const terms = derived.outputs.slice(1).map(({ name, value }): Value => {
    const weight = b.input("input", `weight.${name}`, value.type);
    const product = b.node("mul", [value, weight]);
    return b.node("sum", [product], { axes: value.type.shape.map((_, axis) => axis), keepdim: false });
  });
  if (terms.length === 0) return undefined;
  const value = terms.reduce((sum, term) => b.node("add", [sum, term]));
  return b.build("gradient_sum", [{ name: "loss", value }]);
}

/** The second derivatives of a case, and all that is needed to check them; nothing where no gradient flows at all. */
function secondOf(sampleCase: SampleCase) {
  const random = generator(17);
  const sum = gradientSum(lossOf(sampleCase), differentiableInputs(sampleCase));
  if (sum === undefined) return undefined;
  const known: Values = valuesOf(sampleCase);
  const values: Values = Object.fromEntries(
    sum.inputs.map(({ name, type }) => [
      name,
      known[name] ?? Float32Array.from({ length: sizeOf(type.shape) }, () => random() * 2 - 1),
    ]),
  );
  const varied = sum.inputs.filter(
    ({ name, type }) => type.dtype === "float32" && !name.startsWith("weight."),
  );
  const asked = varied.map((value) => ({ name: value.name, value }));
  const { graph, values: found } = cotangents({ ...sum, outputs: [...sum.outputs, ...asked] }, [undefined]);
  const outputs = varied.flatMap(({ name }, k) => {
    const value = found[k];
    return value === undefined ? [] : [{ name, value }];
  });
  return { sum, values, names: varied.map(({ name }) => name), second: { ...graph, outputs }, random };
}

/** Central differences in double: the cubic term is about 1e-10 of these numbers, cancellation 1e-11. */
const STEP = 1e-5;
const TOLERANCE = 1e-7;

/** A mean of nothing is 0/0, and so are its derivatives. */
const hasValue = (sampleCase: SampleCase): boolean =>
  reference(sampleCase, valuesOf(sampleCase)).every(Number.isFinite);

describe.each(CASES.filter(hasValue))("$label", (sampleCase) => {
  test("has the second derivatives that finite differences of the first give", () => {
    const derived = secondOf(sampleCase);
    if (derived === undefined) return;
    const { sum, values, names, second, random } = derived;
    const slopes = evaluateGraph(second, values);
    // One direction through all inputs at once: what is wrong with any of them shows.
    const direction = names.map(
      (name) => [name, Float64Array.from(values[name], () => random() * 2 - 1)] as const,
    );
    const moved = (by: number): number => {
      const there = direction.map(
        ([name, along]) => [name, along.map((d, i) => values[name][i] + by * d)] as const,
      );
      return evaluateGraph(sum, { ...values, ...Object.fromEntries(there) }).loss[0];
    };
    const expected = (moved(STEP) - moved(-STEP)) / (2 * STEP);
    let actual = 0;
    let scale = 1;
    for (const [name, along] of direction)
      slopes[name]?.forEach((slope, i) => {
        actual += slope * along[i];
        scale += Math.abs(slope * along[i]);
      });
    expect(Math.abs(actual - expected) / scale).toBeLessThan(TOLERANCE);
  });
});

const FIRSTS = CASES.filter(({ op }, k) => CASES.findIndex((other) => other.op === op) === k);

test.each(FIRSTS)("$label: passes and kernels keep its second derivatives", async (sampleCase) => {
  const derived = secondOf(sampleCase);
  if (derived === undefined || derived.second.outputs.length === 0) return;
  const { second, values } = derived;
  const expected = evaluateGraph(second, values);
  const actual = await runGraph(second, interpret, values);
  // Both are in double, and sum in different orders.
  for (const { name } of second.outputs)
    expect(relativeError(actual[name], expected[name])).toBeLessThan(1e-11);
});
