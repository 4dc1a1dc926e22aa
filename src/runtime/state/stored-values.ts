/** Reads the buffers of a program between two kernels, to find a NaN and its index in a tensor. */

import type { Executable } from "../../../backends/backend.ts";
import { allocate, isFloat, type TypedArray } from "../../core/dtype.ts";
import { physicalStrides, rowMajor } from "../../core/layout.ts";
import { sizeOf } from "../../core/shape.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { ProgramBuffer } from "../../loop/program.ts";
import type { Kernel } from "../../loop/types.ts";

/** The buffers that a kernel fills, scratch included. */
export const writesOf = ({ buffers }: Kernel): readonly string[] =>
  buffers.flatMap(({ name, access }) => (access === "read" ? [] : [name]));

/** The buffers that a kernel reads. */
export const readsOf = ({ buffers }: Kernel): readonly string[] =>
  buffers.flatMap(({ name, access }) => (access === "write" ? [] : [name]));

export class StoredValues {
  private readonly executable: Executable;
  private readonly buffers: ReadonlyMap<string, ProgramBuffer>;

  constructor(plan: ProgramPlan, executable: Executable) {
    this.executable = executable;
    this.buffers = new Map(plan.buffers.map((buffer) => [buffer.name, buffer]));
  }

  buffer(name: string): ProgramBuffer {
    return this.buffers.get(name)!;
  }

  /** The values that a kernel stores, without scratch: parts of it may hold what another kernel left there. */
  storedBy(kernel: Kernel): readonly string[] {
    return writesOf(kernel).filter((name) => this.buffer(name).role !== "scratch");
  }

  /** A copy of a float32 buffer, in memory order; `undefined` for other types, which hold no NaN. */
  async read(name: string): Promise<TypedArray | undefined> {
    const { dtype, shape } = this.buffer(name);
    if (!isFloat(dtype)) return undefined;
    const data = allocate(dtype, sizeOf(shape));
    await this.executable.read(name, data);
    return data;
  }
}

/** The index of the element at `position` in memory, in the tensor's own shape: `[0,2]`; empty for a scalar. */
export function indexAt(
  position: number,
  { shape, layout = rowMajor(shape.length) }: ProgramBuffer,
): number[] {
  const strides = physicalStrides(shape, layout);
  return shape.map((extent, axis) => Math.floor(position / strides[axis]) % extent);
}

/** A short summary of numbers. */
export interface Summary {
  /** Of those that are neither NaN nor infinite; the smallest is above the largest if there is none. */
  readonly smallest: number;
  readonly largest: number;
  /** Positions of the first of each kind; -1 if there is none. */
  readonly firstNaN: number;
  readonly firstInfinity: number;
}

export function summarize(data: TypedArray): Summary {
  let [smallest, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [firstNaN, firstInfinity] = [-1, -1];
  for (let k = 0; k < data.length; k++) {
    const value = data[k];
    if (Number.isFinite(value)) {
      if (value < smallest) smallest = value;
      if (value > largest) largest = value;
    } else if (Number.isNaN(value)) firstNaN = firstNaN < 0 ? k : firstNaN;
    else firstInfinity = firstInfinity < 0 ? k : firstInfinity;
  }
  return { smallest, largest, firstNaN, firstInfinity };
}
