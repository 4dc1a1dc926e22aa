/** Computations on one parameter, traced outside of any module, for tests of tensor functions. */

import { expect } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { tensor } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { traceModel } from "../../src/trace/trace.ts";
import { runGraph } from "./run-graph.ts";

export const BACKENDS = [interpret, js];

export type Computation = (w: Tensor) => Tensor;

export const rounded = async (t: Tensor): Promise<number[]> =>
  Array.from(await t.data(), (v) => Math.round(v * 1e4) / 1e4);

/** The graph of `f` of the parameter `w`, and the numbers of all its states. */
export async function traced(f: Computation, w: Tensor) {
  w.requiresGrad = true;
  const { graph, states } = traceModel(
    {
      forward: () => f(w),
      namedModules: () => [],
      namedParameters: () => [["w", w] as const],
      namedBuffers: () => [],
    },
    [],
  );
  const data = [...states].map(async ([name, state]) => [name, await state.data()] as const);
  return { graph, values: Object.fromEntries(await Promise.all(data)) };
}

/** About six roundings, since js rounds every operation to float32 and the interpreter none. */
const ROUNDINGS = 4e-7;

/** The gradient of `Σ f(w)`, which both backends agree on. */
export async function gradientOf(f: Computation, values: number[] | number[][]): Promise<number[]> {
  const loss = await traced((w) => f(w).sum(), tensor(values));
  const results = await Promise.all(
    BACKENDS.map((backend) => runGraph(loss.graph, backend, loss.values, { gradientsFor: ["w"] })),
  );
  const [a, b] = results.map((result) => Array.from(result["grad.w"], (v) => Math.fround(v)));
  expect(b).toHaveLength(a.length);
  const apart = b.filter(
    (v, i) => !Object.is(v, a[i]) && !(Math.abs(v - a[i]) <= ROUNDINGS * Math.abs(a[i])),
  );
  expect(apart).toEqual([]);
  return a;
}
