/** A program as one WebAssembly module over its model's memory: what is printed, loaded and run. */

import type { TypedArray } from "../../src/core/dtype.ts";
import { invariant } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Executable, KernelSource } from "../backend.ts";
import { encodeModule, type WasmFunction } from "./encode/module.ts";
import { printFunction } from "./encode/text.ts";
import { type EngineFunction, engine } from "./engine.ts";
import { scalarFunction, vectorFunctions } from "./math/functions.ts";
import { type ModelMemory, type Region, View } from "./memory.ts";
import type { Environment } from "./print/context.ts";
import { printKernelFunctions, type UsedMath } from "./print/kernel.ts";

/** Under which names a module imports its memory. */
const MEMORY = { module: "kiln", field: "memory" } as const;

/** What a user may ask of the generated code. */
export interface CodeOptions {
  readonly usesRelaxedMadd: boolean;
}

/** The functions of one kernel, the one that is called first. */
interface KernelCode {
  readonly name: string;
  readonly functions: readonly WasmFunction[];
}

interface ProgramCode {
  readonly kernels: readonly KernelCode[];
  readonly math: readonly WasmFunction[];
}

/** Prints, compiles and loads `plan`; its arena is a region of `memory` until it is disposed of. */
export async function loadProgram(
  plan: ProgramPlan,
  memory: ModelMemory,
  options: CodeOptions,
): Promise<Executable> {
  const arena = memory.reserve(plan.arenaBytes + 8 * plan.scalars.length);
  try {
    const { addresses, views } = placeBuffers(plan, memory, arena);
    const scalarsAt = arena.offset + plan.arenaBytes;
    invariant(scalarsAt % 8 === 0, "an arena ends on a double's boundary");
    const code = printPlan(plan, { addresses, scalarsAt, scalars: plan.scalars, ...options });
    const exports = await instantiate(plan.name, code, memory);
    const scalars = new View(memory.memory, "float64", scalarsAt, plan.scalars.length);
    const kernels = plan.kernels.map(({ name }) => exports[name]);
    return new WasmProgram(code, kernels, views, scalars, () => memory.release(arena));
  } catch (error) {
    memory.release(arena);
    throw error;
  }
}

/** The address of every buffer, in the arena or among the states, and the host's way to it. */
function placeBuffers(plan: ProgramPlan, memory: ModelMemory, arena: Region) {
  const addresses = new Map<string, number>();
  const views = new Map<string, View>();
  const specs = new Map(plan.buffers.map((b) => [b.name, b]));
  for (const { buffer, byteOffset } of plan.placements) {
    const { dtype, shape } = specs.get(buffer)!;
    addresses.set(buffer, arena.offset + byteOffset);
    views.set(buffer, new View(memory.memory, dtype, arena.offset + byteOffset, sizeOf(shape)));
  }
  for (const { name, buffer } of plan.states) {
    const { offset, view } = memory.state(name);
    addresses.set(buffer, offset);
    views.set(buffer, view);
  }
  return { addresses, views };
}

/** The functions of all kernels, and the elementary functions they call, in a fixed order. */
function printPlan(plan: ProgramPlan, environment: Environment): ProgramCode {
  const used: UsedMath = { scalar: new Set(), vector: new Set() };
  const kernels = plan.kernels.map(
    (kernel): KernelCode => ({
      name: kernel.name,
      functions: printKernelFunctions(kernel, environment, used),
    }),
  );
  const math = [
    ...[...used.scalar].sort().map(scalarFunction),
    ...[...used.vector].sort().flatMap(vectorFunctions),
  ];
  return { kernels, math };
}

async function instantiate(
  name: string,
  { kernels, math }: ProgramCode,
  memory: ModelMemory,
): Promise<Readonly<Record<string, EngineFunction>>> {
  const bytes = encodeModule({
    name,
    importedMemory: { ...MEMORY, minimum: 1 },
    imports: [],
    globals: [],
    functions: [...math, ...kernels.flatMap(({ functions }) => functions)],
  });
  const { compile, instantiate: load } = engine()!;
  const imports = { [MEMORY.module]: { [MEMORY.field]: memory.memory } };
  return (await load(await compile(bytes), imports)).exports;
}

class WasmProgram implements Executable {
  readonly backend = "wasm";
  private readonly code: ProgramCode;
  private kernels: readonly EngineFunction[];
  private readonly views: Map<string, View>;
  private readonly scalars: View;
  private readonly release: () => void;

  constructor(
    code: ProgramCode,
    kernels: readonly EngineFunction[],
    views: Map<string, View>,
    scalars: View,
    release: () => void,
  ) {
    this.code = code;
    this.kernels = kernels;
    this.views = views;
    this.scalars = scalars;
    this.release = release;
  }

  /** Printed only when somebody reads them. */
  get sources(): readonly KernelSource[] {
    const text = (functions: readonly WasmFunction[]): string => functions.map(printFunction).join("\n\n");
    const kernels = this.code.kernels.map(({ name, functions }) => ({ name, text: text(functions) }));
    const { math } = this.code;
    return math.length === 0 ? kernels : [...kernels, { name: "math", text: text(math) }];
  }

  write(buffer: string, data: TypedArray): void {
    this.views.get(buffer)!.array.set(data);
  }

  run(from: number, to: number, scalars: Float64Array): void {
    this.scalars.array.set(scalars);
    const { kernels } = this;
    for (let k = from; k < to; k++) kernels[k]();
  }

  read(buffer: string, into: TypedArray): void {
    into.set(this.views.get(buffer)!.array);
  }

  dispose(): void {
    if (this.kernels.length === 0) return;
    this.kernels = [];
    this.views.clear();
    this.release();
  }
}
