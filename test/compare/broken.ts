/** A backend of which one kernel stores wrong numbers, and a comparison on backends that no registry knows. */

import type { Backend, Executable } from "../../backends/backend.ts";
import { compareOn } from "../../src/compare/compare.ts";
import { traceables } from "../../src/compare/trace-model.ts";
import type { ComparedModel, CompareOptions, Comparison } from "../../src/compare/types.ts";
import { allocate } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";

/** `backend`, but after the kernel called `name` what it has stored is changed. */
export const broken = (backend: Backend, name: string, change: (value: number) => number): Backend => ({
  ...backend,
  configured: () => broken(backend, name, change),
  async compile(plan, states) {
    const executable = await backend.compile(plan, states);
    return {
      backend: executable.backend,
      sources: executable.sources,
      write: (buffer, data) => executable.write(buffer, data),
      read: (buffer, into) => executable.read(buffer, into),
      dispose: () => executable.dispose(),
      move: (move, place) => executable.move(move, place),
      async run(from, to, scalars) {
        for (let k = from; k < to; k++) {
          await executable.run(k, k + 1, scalars);
          if (plan.kernels[k].name === name) await changeStored(plan, executable, k, change);
        }
      },
    };
  },
});

async function changeStored(
  plan: ProgramPlan,
  executable: Executable,
  k: number,
  change: (value: number) => number,
): Promise<void> {
  for (const { name, access } of plan.kernels[k].buffers) {
    if (access !== "write" && access !== "readwrite") continue;
    const { dtype, shape } = plan.buffers.find((b) => b.name === name)!;
    const data = allocate(dtype, sizeOf(shape));
    await executable.read(name, data);
    await executable.write(name, data.map(change));
  }
}

/** `compareBackends`, on these backends. */
export const compareWith = (
  backends: readonly Backend[],
  model: ComparedModel,
  options: CompareOptions,
): Promise<Comparison> => compareOn(backends, traceables(model, options), options);
