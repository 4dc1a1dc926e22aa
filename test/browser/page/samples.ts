/** Every op's samples on one backend of this browser, forward and backward, against the reference in double. */

import { interpret } from "../../../backends/interpret/backend.ts";
import { backendNamed } from "../../../backends/registry.ts";
import { OPS } from "../../../src/ops/registry.ts";
import { generator } from "../../support/draw.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";
import {
  differentiableInputs,
  graphOf,
  lossOf,
  reference,
  type SampleCase,
  sampleCases,
  valuesOf,
} from "../../support/sample-cases.ts";

/** How far one sample was from exact arithmetic. */
export interface SampleResult {
  readonly label: string;
  readonly value: number;
  /** The largest error of all gradients. */
  readonly gradient: number;
}

/** Numbers that a kernel takes as 32-bit floats: a seed in a tensor has 24 bits there. */
const CASES = sampleCases(OPS, 2 ** 24);

/** All samples of one op. */
export async function run(backend: string, op: string): Promise<SampleResult[]> {
  const results: SampleResult[] = [];
  for (const sampleCase of CASES.filter((one) => one.op === op))
    results.push({ label: sampleCase.label, ...(await errorsOf(sampleCase, backend)) });
  return results;
}

async function errorsOf(
  sampleCase: SampleCase,
  backend: string,
): Promise<{ readonly value: number; readonly gradient: number }> {
  const onDevice = await backendNamed(backend);
  const values = valuesOf(sampleCase);
  const expected = reference(sampleCase, values);
  const { output } = await runGraph(graphOf(sampleCase), onDevice, values);
  // GPUs may lack infinities, as logsumexp has them of nothing: then there is nothing to compare.
  const isComparable = onDevice.capabilities.exactNaN || expected.every(Number.isFinite);
  const value = isComparable ? relativeError(output, expected) : 0;
  const gradientsFor = differentiableInputs(sampleCase);
  if (gradientsFor.length === 0) return { value, gradient: 0 };
  const random = generator(99);
  const cotangent = expected.map(() => Math.fround(random() * 2 - 1));
  const feed = { ...values, cotangent };
  const actual = await runGraph(lossOf(sampleCase), onDevice, feed, { gradientsFor });
  const exact = await runGraph(lossOf(sampleCase), interpret, feed, { gradientsFor });
  const gradients = Object.keys(exact).filter((name) => name.startsWith("grad."));
  const errors = gradients.map((name) => relativeError(actual[name], exact[name]));
  return { value, gradient: Math.max(0, ...errors) };
}
