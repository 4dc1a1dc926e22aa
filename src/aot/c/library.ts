/** What a C library is made from, and its memory layout: in the program's text, or in a model's memory. */

import { byteSize, type TypedArray } from "../../core/dtype.ts";
import { toPhysical } from "../../core/layout.ts";
import { sizeOf } from "../../core/shape.ts";
import { movedBy } from "../../loop/loops.ts";
import { align, type ProgramPlan } from "../../loop/plan.ts";
import type { PortableProgram } from "../portable.ts";

export interface Library {
  readonly program: PortableProgram;
  /** The prefix of all exported names. */
  readonly prefix: string;
  readonly lanes: number;
  /** The initial numbers of the states, by name and row-major; an optimizer's begin with zeros. */
  readonly values: ReadonlyMap<string, TypedArray>;
  /** The names of the states in PyTorch's order. */
  readonly order: readonly string[];
}

/** Numbers that are part of the text. */
export interface Constant {
  readonly name: string;
  /** In the order in which kernels read them. */
  readonly data: TypedArray;
}

export interface LibraryMemory {
  /** By state name. */
  readonly constants: ReadonlyMap<string, Constant>;
  /** By buffer: the name of a constant, or its offset in memory in bytes. */
  readonly places: ReadonlyMap<string, string | number>;
  readonly byteLength: number;
}

/** The size of a model's own data at the beginning of its memory: steps, seed, learning rate. */
const CONTROL_BYTES = 64;

/** Lays out the memory of a library. */
export function memoryOf({ program: { plan, roles, optimizer }, values }: Library): LibraryMemory {
  const changed = changedBuffers(plan);
  const constants = new Map<string, Constant>();
  const places = new Map<string, string | number>();
  let end = CONTROL_BYTES;
  plan.states.forEach(({ name, buffer, dtype, shape, layout }, k) => {
    const numbers = roles.get(name) === "optimizer" ? undefined : values.get(name);
    const data = numbers && (layout === undefined ? numbers : toPhysical(numbers, dtype, shape, layout));
    if (data !== undefined && data.length > 0) constants.set(name, { name: `numbers_${k}`, data });
    // With an optimizer, users may set all parameters.
    const mayChange = changed.has(buffer) || (optimizer !== undefined && roles.get(name) !== "constant");
    if (constants.has(name) && !mayChange) places.set(buffer, `numbers_${k}`);
    else {
      places.set(buffer, end);
      end = align(end + sizeOf(shape) * byteSize(dtype));
    }
  });
  for (const { buffer, byteOffset } of plan.placements) places.set(buffer, end + byteOffset);
  return { constants, places, byteLength: align(end + plan.arenaBytes) };
}

/** The buffers that kernels or moves write to. */
function changedBuffers({ kernels, loops = [] }: ProgramPlan): ReadonlySet<string> {
  const written = kernels.flatMap(({ buffers }) => buffers.filter(({ access }) => access !== "read"));
  const moved = loops.flatMap((loop) => movedBy(loop).map(({ to }) => to));
  return new Set([...written.map(({ name }) => name), ...moved]);
}
