/** Kernels that are alike are printed once: the bytes of the others are made of the first one's. */

import { expect, test } from "vitest";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { encodeModule } from "../../../backends/wasm/encode/module.ts";
import { printKernelCode } from "../../../backends/wasm/print/kernel.ts";
import { encodeProgram, printPlan } from "../../../backends/wasm/program-code.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import { nn } from "../../../src/index.ts";
import { likenessOf } from "../../../src/loop/alike.ts";
import { partsOf } from "../../../src/loop/parts.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { traceModel } from "../../../src/trace/trace.ts";
import { planOf } from "../../support/run-graph.ts";

const LIMITS = { minimum: 1, maximum: 2, shared: true };

/** Buffers one after the other from an address on, so that the first lies where numbers are short. */
function environmentOf(plan: ProgramPlan, from: number) {
  const addresses = new Map<string, number>();
  const strides = new Map<string, number>();
  let end = from;
  for (const { name, shape, private: isPrivate } of plan.buffers) {
    addresses.set(name, end);
    if (isPrivate) strides.set(name, 4 * sizeOf(shape));
    end += 4 * sizeOf(shape) * (isPrivate ? 2 : 1);
  }
  return { addresses, strides, scalarsAt: end, scalars: plan.scalars, usesRelaxedMadd: false };
}

/** The kernels of a plan, the parts of joined ones in their place. */
const unjoined = ({ kernels }: ProgramPlan): readonly Kernel[] =>
  kernels.flatMap((kernel) => partsOf(kernel) ?? [kernel]);

const equalLayers = (): nn.Module =>
  new nn.Sequential(
    ...[1, 2, 3].flatMap(() => [
      new nn.Conv2d(8, 8, 3, { padding: 1 }),
      new nn.BatchNorm2d(8),
      new nn.ReLU(),
    ]),
  );

test.each([0, 16, 1 << 20])("moved code is the code that printing gives, from address %i on", (from) => {
  const { graph } = traceModel(equalLayers(), [{ dtype: "float32", shape: [2, 8, 9, 9] }]);
  const plan = planOf(graph, createWasmBackend({ threads: 2 }), { divideAlways: true });
  const environment = environmentOf(plan, from);
  const code = printPlan(plan, environment, environment.scalarsAt + 64);
  const functions = code.kernels.flatMap((k) => k.functions);
  expect(functions.filter(({ alike }) => alike !== undefined).length).toBeGreaterThan(2);

  const used = { scalar: new Set<never>(), vector: new Set<never>() };
  const kernels = plan.kernels.map((kernel) => printKernelCode(kernel, environment, used));
  expect(encodeProgram(code, LIMITS)).toEqual(encodeProgram({ ...code, kernels }, LIMITS));
});

test("what cannot be moved is printed: an offset is never negative", () => {
  const { graph } = traceModel(equalLayers(), [{ dtype: "float32", shape: [2, 8, 9, 9] }]);
  const plan = planOf(graph, createWasmBackend({}));
  const environment = environmentOf(plan, 1 << 20);
  const code = printPlan(plan, environment, 0);
  const moved = code.kernels.flatMap((k) => k.functions).find(({ alike }) => alike !== undefined)!;
  const far = new Map([...moved.alike!.distances].map(([buffer]) => [buffer, -(1 << 28)]));
  const encoded = (distances: ReadonlyMap<string, number>) =>
    encodeModule({
      name: "m",
      imports: [],
      globals: [],
      functions: [moved.alike!.of, { ...moved, alike: { of: moved.alike!.of, distances } }],
    });
  expect(encoded(far)).toEqual(encoded(moved.alike!.distances));
});

test("kernels of equal layers are known to be alike at the end of the pipeline, and prove it", () => {
  const { graph } = traceModel(equalLayers(), [{ dtype: "float32", shape: [2, 8, 9, 9] }]);
  const plan = planOf(graph, createWasmBackend({}));
  const alike = unjoined(plan).filter((kernel) => likenessOf(kernel) !== undefined);
  expect(alike.length).toBeGreaterThan(2);
});
