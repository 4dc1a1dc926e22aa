/** Brings what a program has computed out of its memory. */

import { allocate, type TypedArray } from "../../core/dtype.ts";
import { sizeOf } from "../../core/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Specialization } from "./specialization.ts";

/** The numbers of all results of a specialization, copied out of its memory. */
export async function readOutputArrays(specialization: Specialization): Promise<TypedArray[]> {
  const arrays: TypedArray[] = [];
  for (const { buffer, dtype, shape } of specialization.results) {
    const data = allocate(dtype, sizeOf(shape));
    await specialization.executable.read(buffer, data);
    arrays.push(data);
  }
  return arrays;
}

/** All results of a specialization as new tensors. */
export async function readOutputs(specialization: Specialization): Promise<Tensor[]> {
  const arrays = await readOutputArrays(specialization);
  return specialization.results.map(({ dtype, shape }, k) => Tensor.fromData(arrays[k], shape, dtype));
}
