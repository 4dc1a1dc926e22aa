/** Runs a lowered or scheduled program with the interpreter alone: no backend, no runtime. */

import { sizeOf } from "../../src/core/shape.ts";
import { interpretKernel } from "../../src/loop/interpret.ts";
import { moveElements, runOrder } from "../../src/loop/loops.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";

/**
 * Outputs and states by name after one run, including all
 * iterations of loops. Scratch starts as garbage, as in an arena.
 */
export function interpretProgram(
  program: LoweredProgram,
  values: Readonly<Record<string, ArrayLike<number>>>,
  scalars: Readonly<Record<string, number>> = {},
): Record<string, Float64Array> {
  const storage: Record<string, Float64Array> = {};
  for (const { name, shape } of program.buffers) {
    // What a kernel does not write first must not matter.
    storage[name] = new Float64Array(sizeOf(shape)).fill(Number.NaN);
  }
  for (const { name, buffer } of [...program.inputs, ...program.states]) storage[buffer].set(values[name]);
  const kernels = program.kernels.map((kernel) => interpretKernel(kernel, storage, scalars));
  for (const step of runOrder(program.loops ?? [], 0, kernels.length)) {
    if (step.kind === "kernels") for (const run of kernels.slice(step.from, step.to)) run();
    else if (step.kind === "move")
      moveElements(storage[step.move.from], storage[step.move.to], step.move, step.place);
  }
  return Object.fromEntries([
    ...program.outputs.map(({ name, buffer }) => [name, storage[buffer]]),
    ...program.states.map(({ name, buffer }) => [`@${name}`, storage[buffer]]),
  ]);
}
