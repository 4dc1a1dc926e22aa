/** A state's numbers in and out of a backend's memory: row-major outside, in the program's layout inside. */

import type { StateMemory } from "../../../backends/backend.ts";
import type { DType, TypedArray } from "../../core/dtype.ts";
import { isRowMajor, type Layout, toLogical, toPhysical } from "../../core/layout.ts";
import type { Shape } from "../../core/shape.ts";

/** A state as a plan lists it. */
export interface StoredState {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Its layout in memory; row-major if absent. */
  readonly layout?: Layout;
}

/** The numbers of a state in row-major order. */
export async function readState(
  memory: StateMemory,
  { name, dtype, shape, layout }: StoredState,
): Promise<TypedArray> {
  const data = await memory.read(name);
  return layout === undefined || isRowMajor(shape, layout) ? data : toLogical(data, dtype, shape, layout);
}

/** Writes a state's numbers, given in row-major order. */
export function writeState(
  memory: StateMemory,
  { name, dtype, shape, layout }: StoredState,
  data: TypedArray,
): Promise<void> {
  const isPlain = layout === undefined || isRowMajor(shape, layout);
  return memory.write(name, isPlain ? data : toPhysical(data, dtype, shape, layout));
}
