/** Brings what a program has computed out of its memory. */

import { allocate, type TypedArray } from "../../core/dtype.ts";
import { sizeOf } from "../../core/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Variant } from "./specialization.ts";

/** The numbers of all results of a variant, copied out of its memory. */
export async function readOutputArrays(variant: Variant): Promise<TypedArray[]> {
  const arrays: TypedArray[] = [];
  for (const { buffer, dtype, shape } of variant.results) {
    const data = allocate(dtype, sizeOf(shape));
    await variant.executable.read(buffer, data);
    arrays.push(data);
  }
  return arrays;
}

/** All results of a variant as new tensors. */
export async function readOutputs(variant: Variant): Promise<Tensor[]> {
  const arrays = await readOutputArrays(variant);
  return variant.results.map(({ dtype, shape }, k) => Tensor.fromData(arrays[k], shape, dtype));
}
