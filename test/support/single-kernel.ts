/** One lowered kernel by itself: run by the interpreter as lowered, and as a candidate of a strategy by any backend. */

import type { Backend } from "../../backends/backend.ts";
import { fuse } from "../../passes/fusion/fuse.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { lower } from "../../passes/lowering/lower.ts";
import { PassManager } from "../../passes/manager.ts";
import { planLowered } from "../../passes/pipeline.ts";
import { apply } from "../../passes/scheduling/apply.ts";
import type { Candidate } from "../../passes/scheduling/plans/strategy.ts";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { interpretKernel } from "../../src/loop/interpret.ts";
import type { LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import { opTable } from "../../src/ops/registry.ts";
import { generator } from "./draw.ts";

/** A graph's text lowered for a backend, with the gradients of its loss for some states. */
export function loweredGradients(
  text: string,
  names: readonly string[],
  capabilities: Capabilities,
): LoweredProgram {
  return lower.run(fuse(capabilities).run(simplify.run(autodiff(names).run(parseGraph(text, opTable)))));
}

export type Contents = Readonly<Record<string, TypedArray>>;

/** Numbers from -1 to 1 for everything that a kernel reads, integers within their declared bounds. */
export function randomContents(kernel: Kernel, seed: number): Contents {
  const random = generator(seed);
  const read = kernel.buffers.filter(({ access }) => access === "read");
  return Object.fromEntries(
    read.map(({ name, dtype, length, range }) => [
      name,
      allocate(dtype, length).map(() =>
        range === undefined ? 2 * random() - 1 : Math.floor(random() * (range[1] + 1)),
      ),
    ]),
  );
}

const stored = ({ buffers }: Kernel): BufferParam[] => buffers.filter(({ access }) => access === "write");

/** The values that the kernel stores, as doubles. */
export function interpreted(kernel: Kernel, contents: Contents): Record<string, Float64Array> {
  return run([kernel], kernel, contents);
}

/** The same, as stored by a candidate. */
export function interpretedAs(candidate: Candidate, kernel: Kernel, contents: Contents) {
  const { kernels } = apply(kernel, candidate.schedule);
  kernels.forEach(verifyKernel);
  return run(kernels, kernel, contents);
}

function run(kernels: readonly Kernel[], kernel: Kernel, contents: Contents): Record<string, Float64Array> {
  const storage: Record<string, Float64Array> = {};
  // What no kernel writes first must not matter.
  for (const { name, length } of kernels.flatMap((k) => k.buffers))
    storage[name] = new Float64Array(length).fill(Number.NaN);
  for (const [name, numbers] of Object.entries(contents)) storage[name].set(numbers);
  for (const k of kernels) interpretKernel(k, storage, {})();
  return Object.fromEntries(stored(kernel).map(({ name }) => [name, storage[name]]));
}

/** The same on a backend, in its own arithmetic. */
export async function ranAs(
  candidate: Candidate,
  kernel: Kernel,
  contents: Contents,
  backend: Backend,
): Promise<Record<string, TypedArray>> {
  const { kernels, scratch } = apply(kernel, candidate.schedule);
  const results = stored(kernel);
  const buffers = kernel.buffers.map(({ name, dtype, length, access }): ProgramBuffer => {
    return { name, dtype, shape: [length], role: access === "write" ? "output" : "input", value: name };
  });
  const bindings = (params: readonly BufferParam[]) =>
    params.map(({ name, dtype, length }) => ({ name, buffer: name, dtype, shape: [length] }));
  const lone: LoweredProgram = {
    name: kernel.name,
    kernels,
    buffers: [...buffers, ...scratch],
    inputs: bindings(kernel.buffers.filter(({ access }) => access === "read")),
    outputs: bindings(results),
    states: [],
    scalars: [],
    commitFrom: kernels.length,
  };
  const { capabilities } = backend;
  const plan = planLowered(new PassManager(), lone, { capabilities, after: "schedule" });
  const program = await backend.compile(plan, backend.createStateMemory());
  for (const [name, numbers] of Object.entries(contents)) await program.write(name, numbers);
  await program.run(0, plan.kernels.length, new Float64Array(0));
  const read: Record<string, TypedArray> = {};
  for (const { name, dtype, length } of results) {
    read[name] = allocate(dtype, length);
    await program.read(name, read[name]);
  }
  program.dispose();
  return read;
}
