/** What a run of a program is for: its name, which results it takes, and what becomes of its changes. */

import { allocate, type TypedArray } from "../../core/dtype.ts";
import { sizeOf } from "../../core/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Specialization } from "./specialization.ts";

/** A kind of runs; one of each is made, not one for every run. */
export interface Run<T> {
  /** Its name in messages: `step 3`. */
  label(): string;
  /** Takes the results, before the model's state changes; throws if the state is to stay unchanged. */
  take(
    program: Specialization,
    inputs: readonly TypedArray[],
    scalars: Readonly<Record<string, number>>,
  ): T | Promise<T>;
  /** What it would change of the model's state: that is kept, or the caller puts it back, or it is not even computed. */
  readonly changes: "kept" | "undone" | "omitted";
  /** How a log calls the program, where not by its model, and whether it was there. */
  readonly logged?: { readonly label: string; readonly found: boolean };
}

/** What a run takes that is made for what it does, not for what it computes. */
export const NOTHING = (): void => undefined;

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
