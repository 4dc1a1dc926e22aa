/** Finds where a NaN or infinity came from, by running the kernels of a step one after another. */

import type { Executable } from "../../backends/backend.ts";
import { allocate, type TypedArray } from "../core/dtype.ts";
import { formatOrigins } from "../core/origin.ts";
import { sizeOf } from "../core/shape.ts";
import type { ProgramPlan } from "../loop/plan.ts";

/** What to tell the user: the input, the state, or the first kernel and model line that is to blame. */
export async function blameNonFinite(
  plan: ProgramPlan,
  executable: Executable,
  scalars: Float64Array,
): Promise<string> {
  const sick = async (buffer: string): Promise<boolean> => {
    const spec = plan.buffers.find((b) => b.name === buffer);
    if (spec?.dtype !== "float32") return false;
    const data = allocate("float32", sizeOf(spec.shape));
    await executable.read(buffer, data);
    return hasNonFinite(data);
  };
  for (const { name, buffer } of plan.inputs) {
    if (await sick(buffer)) return `the input ${name} holds NaN or infinity`;
  }
  for (const { name, buffer } of plan.states) {
    if (await sick(buffer)) return `the state ${name} holds NaN or infinity already`;
  }
  for (let k = 0; k < plan.commitFrom; k++) {
    await executable.run(k, k + 1, scalars);
    const kernel = plan.kernels[k];
    for (const { name, access } of kernel.buffers) {
      if (access !== "read" && (await sick(name))) {
        return `it appears first in kernel ${kernel.name} at ${formatOrigins(kernel.origins)}`;
      }
    }
  }
  return "no kernel's result shows where it came from";
}

const hasNonFinite = (data: TypedArray): boolean => data.some((value) => !Number.isFinite(value));
