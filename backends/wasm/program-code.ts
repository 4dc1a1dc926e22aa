/** A plan as code: the functions of its kernels, those they call, and the one that runs them, as one module. */

import { Families } from "../../src/loop/alike.ts";
import { partsOf } from "../../src/loop/parts.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Kernel } from "../../src/loop/types.ts";
import type { KernelSource } from "../backend.ts";
import { bufferPlaces, runSteps, threadsOf } from "../run-steps.ts";
import { encodeModule, type MemoryLimits, type WasmFunction, type WasmGlobal } from "./encode/module.ts";
import { printFunction } from "./encode/text.ts";
import { scalarFunction, vectorFunctions } from "./math/functions.ts";
import { MEMORY_IMPORT } from "./memory.ts";
import type { Environment, UsedMath } from "./print/context.ts";
import { codeLike, joinedCode, type KernelCode, printKernelCode, type Whole } from "./print/kernel.ts";
import { barrierFunctions } from "./threads/barrier.ts";
import { runFunction, runGlobals } from "./threads/run-function.ts";

export interface ProgramCode {
  readonly name: string;
  readonly kernels: readonly KernelCode[];
  /** Functions that kernels share, by purpose. */
  readonly shared: Readonly<Record<string, readonly WasmFunction[]>>;
  /** The variables of these. */
  readonly globals: readonly WasmGlobal[];
  /** The step of a run at which kernel k begins; it ends where the next one begins. */
  readonly starts: readonly number[];
  /** The number of kernels that prepare; see the plan. */
  readonly preparedTo: number;
  /** The number of threads that each step is divided among. */
  readonly threads: readonly number[];
}

/** The positions of a program in its memory: all that its code depends on besides the plan. */
export interface ProgramPlaces {
  readonly environment: Environment;
  /** The address at which its threads meet. */
  readonly barrierAt: number;
}

/** The code of `plan`, whose threads meet at the address `barrierAt`. */
export function printPlan(plan: ProgramPlan, environment: Environment, barrierAt: number): ProgramCode {
  const used: UsedMath = { scalar: new Set(), vector: new Set() };
  const families = new Families();
  const printed = new Map<Kernel, KernelCode>();
  const codeOf = (kernel: Kernel, whole?: Whole): KernelCode => {
    const likeness = families.find(kernel);
    const first = likeness && printed.get(likeness.of);
    const like = first && codeLike(kernel, first, likeness.names, environment, whole);
    const code = like ?? printKernelCode(kernel, environment, used, whole);
    if (like === undefined) printed.set(kernel, code);
    return code;
  };
  const kernels = plan.kernels.map((kernel) => {
    const parts = partsOf(kernel);
    if (parts === undefined) return codeOf(kernel);
    const codes: KernelCode[] = [];
    for (const part of parts) {
      const before = codes.reduce((count, { functions }) => count + functions.length, 0);
      codes.push(codeOf(part, { kernel, before }));
    }
    return joinedCode(kernel, codes);
  });
  const math = [
    ...[...used.scalar].sort().map((name) => scalarFunction(name, environment.usesRelaxedMadd)),
    ...[...used.vector].sort().flatMap(vectorFunctions),
  ];
  const places = bufferPlaces(plan, environment.addresses);
  const parts = kernels.map(({ phases }, k) => ({
    phases,
    accesses: plan.kernels[k].buffers.map(({ name, access }) => places.accessOf(name, access !== "read")),
  }));
  const { steps, starts } = runSteps(parts, plan.loops ?? [], places);
  const threads = threadsOf(steps);
  const barrier = threads.some((count) => count > 1) ? barrierFunctions(barrierAt) : [];
  return {
    name: plan.name,
    kernels,
    shared: { math, run: [...barrier, runFunction(steps)] },
    globals: runGlobals(steps),
    starts,
    preparedTo: plan.preparedTo ?? 0,
    threads,
  };
}

/** The bytes of a module that imports a memory of these limits. */
export const encodeProgram = ({ name, kernels, shared, globals }: ProgramCode, memory: MemoryLimits) =>
  encodeModule({
    name,
    importedMemory: { ...MEMORY_IMPORT, ...memory },
    imports: [],
    globals,
    functions: [...Object.values(shared).flat(), ...kernels.flatMap(({ functions }) => functions)],
  });

/** The code as text, kernel by kernel. */
export function sourcesOf({ kernels, shared }: ProgramCode): readonly KernelSource[] {
  const text = (functions: readonly WasmFunction[]): string => functions.map(printFunction).join("\n\n");
  const others = Object.entries(shared).filter(([, functions]) => functions.length > 0);
  return [
    ...kernels.map(({ name, functions }) => ({ name, text: text(functions) })),
    ...others.map(([name, functions]) => ({ name, text: text(functions) })),
  ];
}
